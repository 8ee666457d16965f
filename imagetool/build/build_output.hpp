// SPDX-License-Identifier: Apache-2.0
// What becomes of a built image: documents in the store, a directory or a tar of its files, one
// layer out of many. toyimg.
#pragma once

#include <optional>
#include <string>

#include "imagetool/build/build_runner.hpp"

namespace build {

struct StoredBuild {
  oci::Descriptor manifest{};
  oci::Descriptor config{};
};

/// Writes config and manifest into the store; it has no name yet. Throws Error.
StoredBuild store_build(const ImageStore& store, const BuiltImage& image,
                        const oci::Annotations& annotations);

/// Puts the image's files into a directory, over what is there of these names; nothing outside of
/// it is touched, whatever links it has. Throws Error.
void write_directory(BuildStore& store, const BuiltImage& image, const std::string& directory);
/// Writes the image's files as one tar. Throws Error.
void write_tar(BuildStore& store, const BuiltImage& image, const ByteSink& sink,
               std::optional<std::int64_t> epoch);
/// Makes one layer of all that came on top of the base image. Throws Error.
void squash(BuildStore& store, BuiltImage& image, const Options& options);

/// Stores a layer: what `fill` adds to the writer; `consume` gets the same entries meanwhile, on
/// another thread. Throws Error.
Layer store_layer(BuildStore& store, const Options& options,
                  const std::function<void(LayerWriter&)>& fill,
                  std::function<void(TarReader&)> consume = {});

}  // namespace build
