// SPDX-License-Identifier: Apache-2.0
// skopeo's dir: one image as plain files, blobs by the hex of their digest beside manifest.json; of
// an index its manifests as HEX.manifest.json. toyimg.
#pragma once

#include <memory>
#include <string>

#include "imagetool/transport/transport.hpp"

namespace transport {

std::unique_ptr<Source> directory_source(const std::string& path);
/// `path` is made; one that is there must be empty or such a directory. Throws Error.
std::unique_ptr<Destination> directory_destination(const std::string& path);

}  // namespace transport
