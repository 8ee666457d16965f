// SPDX-License-Identifier: Apache-2.0
// The image config: what to run, as whom, in which environment, and the uncompressed layers'
// digests. Read as tolerantly as Docker reads it (nulls, missing members), keeping nothing it does
// not know. Every string is attacker input.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/oci/platform.hpp"

namespace oci {

/// What a container of the image starts as (image-spec, config.md "config").
struct ContainerDefaults {
  std::string user{};                        // "", "1000", "www-data:www-data"
  std::vector<std::string> exposed_ports{};  // "80/tcp", sorted
  std::vector<std::string> env{};            // "NAME=value"
  std::vector<std::string> entrypoint{};
  std::vector<std::string> cmd{};
  std::vector<std::string> volumes{};  // paths, sorted
  std::string working_dir{};
  std::map<std::string, std::string> labels{};
  std::string stop_signal{};
  std::vector<std::string> shell{};
  std::optional<std::string> healthcheck{};  // Docker's, as JSON text, its types checked
  std::vector<std::string> on_build{};       // Docker's OnBuild: instructions for images on top
  bool args_escaped = false;                 // Docker's, passed through
};

struct HistoryEntry {
  std::string created{};
  std::string created_by{};
  std::string author{};
  std::string comment{};
  bool empty_layer = false;
};

struct ImageConfig {
  std::string architecture{};
  std::string os{};
  std::string variant{};
  std::string os_version{};
  ContainerDefaults config{};
  std::vector<std::string> diff_ids{};  // of the uncompressed layers, lowest first; grammar checked
  std::vector<HistoryEntry> history{};
  std::string created{};  // RFC 3339, as written
  std::string author{};

  /// os, architecture and variant as one normalised value.
  Platform platform() const;
};

/// Reads a config of at most kDocumentLimit bytes. Throws Error naming the JSON pointer.
ImageConfig read_image_config(std::string_view text);

}  // namespace oci
