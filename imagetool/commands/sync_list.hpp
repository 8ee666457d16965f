// SPDX-License-Identifier: Apache-2.0
// What sync shall copy: a list of references, or skopeo's YAML (skopeo-sync(1)). toyimg.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "imagetool/image_reference.hpp"

struct SyncItem {
  ImageReference image{};              // without tag and digest: all tags
  std::optional<std::string> regex{};  // only the tags that match
  std::optional<bool> tls_verify{};
  std::optional<std::string> creds{};  // USER:PASSWORD
};

/// One reference a line; "#" begins a comment. A line without a tag means all tags. Throws Error
/// naming the line.
std::vector<SyncItem> read_sync_lines(const std::string& text);
/// Throws Error naming the registry and the member.
std::vector<SyncItem> read_sync_yaml(const std::string& text);
