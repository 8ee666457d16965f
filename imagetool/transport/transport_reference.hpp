// SPDX-License-Identifier: Apache-2.0
// "oci-archive:alpine.tar:latest" as a value: skopeo's and podman's names for places of images
// (containers-transports(5)). Pure. toyimg.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace transport {

enum class Kind { kRegistry, kStore, kOciLayout, kOciArchive, kDockerArchive, kDirectory };

struct Reference {
  Kind kind = Kind::kStore;
  std::string path{};                  // of a layout, archive or directory; "-" is stdin or stdout
  std::string name{};                  // tag, image name; may be empty
  std::optional<std::size_t> index{};  // "@N": the N-th image in it, from 0 on

  /// Understands docker://REF, store:NAME, oci:DIR[:TAG|:@N], oci-archive:FILE[:TAG|:@N],
  /// docker-archive:FILE[:REF|:@N], dir:DIR; a name without any of these is of the kind `bare`.
  /// A path ends at its first colon. Throws UsageError in one sentence.
  static Reference parse(std::string_view text, Kind bare);
  /// As it would be given.
  std::string str() const;
  bool operator==(const Reference&) const = default;
};

}  // namespace transport
