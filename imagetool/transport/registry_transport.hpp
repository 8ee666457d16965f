// SPDX-License-Identifier: Apache-2.0
// A repository on a registry as a place to copy from and to. toyimg.
#pragma once

#include <memory>

#include "imagetool/image_reference.hpp"
#include "imagetool/registry/registry.hpp"
#include "imagetool/transport/transport.hpp"

namespace transport {

std::unique_ptr<Source> registry_source(const ImageReference& image, registry::Options options);
/// Layers with URLs of their own (image-spec, layer "Non-Distributable Layers").
enum class Foreign { kStay, kSend };
/// A blob that another repository of the same registry has is mounted from there.
std::unique_ptr<Destination> registry_destination(const ImageReference& image,
                                                  registry::Options options,
                                                  Foreign foreign = Foreign::kStay);

}  // namespace transport
