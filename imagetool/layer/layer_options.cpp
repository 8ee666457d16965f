// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/layer_options.hpp"

#include <sys/stat.h>

#include "imagetool/layer/tar_reader.hpp"

namespace {
constexpr std::size_t kMostKinds = 16;
}

void LayerCounts::skip(const std::string& what) {
  const bool known = skipped.contains(what) || skipped.size() < kMostKinds;
  ++skipped[known ? what : "others"];
}

// On a directory setgid only hands its group down.
void drop_set_id(TarEntry& entry, LayerCounts& counts) {
  constexpr mode_t kSetId = S_ISUID | S_ISGID;
  if (entry.kind != TarEntry::Kind::kDirectory && (entry.mode & kSetId) != 0) {
    entry.mode &= ~kSetId;
    counts.skip("setuid or setgid bit");
  }
  const auto is_capability = [](const auto& xattr) { return xattr.first == "security.capability"; };
  if (std::erase_if(entry.xattrs, is_capability) > 0) counts.skip("file capabilities");
}
