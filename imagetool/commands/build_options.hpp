// SPDX-License-Identifier: Apache-2.0
// What the words behind `toyimg build` mean. toyimg.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bundle-spec/cli/options.hpp"
#include "imagetool/build/build_context.hpp"
#include "imagetool/build/build_progress.hpp"
#include "imagetool/build/services.hpp"
#include "imagetool/image_reference.hpp"
#include "imagetool/transport/transport_reference.hpp"

struct BuildOutput {
  enum class Kind { kBundle, kDirectory, kTar, kOciArchive, kDockerArchive };
  Kind kind = Kind::kBundle;
  std::string destination{};
};

/// What --cache-from and --cache-to name.
struct CachePlace {
  std::string words{};  // as given
  transport::Reference place{};
  bool only_result = false;  // only steps whose layers the image has: mode=min
};

struct BuildCommand {
  build::Options options{};
  mode_t umask = 0022;                     // of files for the caller
  std::vector<oci::Platform> platforms{};  // at least one
  std::string file_name{};                 // of the Dockerfile, for messages
  std::string text{};                      // of the Dockerfile
  std::vector<ImageReference> tags{};
  std::vector<BuildOutput> outputs{};
  std::vector<CachePlace> cache_from{}, cache_to{};
  bool push = false;
  bool inline_cache = false;  // the image's steps are written into its manifest
  oci::Annotations annotations{};
  std::map<std::string, std::string> labels{};
};

/// Opens a directory, "-", or an address to fetch.
using OpenContext = std::function<build::BuildContext(const std::string& place)>;

/// --secret, --ssh, --output and the rest, files read. Throws UsageError or Error.
BuildCommand read_build_command(const cli::Parsed& options, const OpenContext& open,
                                const std::stop_token& stop);
/// --pull: always, missing or never. Throws UsageError.
std::string pull_policy(const cli::Parsed& options);
build::ProgressKind build_progress_kind(const cli::Parsed& options);
