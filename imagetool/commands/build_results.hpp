// SPDX-License-Identifier: Apache-2.0
// What becomes of a build, of one platform or of several: names, outputs, metadata. toyimg.
#pragma once

#include <vector>

#include "bundle-spec/cli/options.hpp"
#include "imagetool/build/build_output.hpp"
#include "imagetool/commands/build_options.hpp"

/// One platform's image, in the store.
struct PlatformBuild {
  oci::Platform platform{};
  build::BuiltImage image{};
  build::StoredBuild stored{};
};

struct BuildResult {
  std::vector<PlatformBuild> images{};  // at least one
  oci::Descriptor manifest{};           // the image's or, of several, the index
};

/// Writes the index that several platforms need into the store. Throws Error.
BuildResult gather(const ImageStore& store, std::vector<PlatformBuild> images);
/// Writes --output, --iidfile and --metadata-file. Throws Error.
void write_results(build::BuildStore& builds, const cli::Parsed& options,
                   const BuildCommand& command, const BuildResult& result);
