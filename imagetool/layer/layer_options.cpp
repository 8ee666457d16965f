// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/layer_options.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/tar_reader.hpp"

namespace {
constexpr std::size_t kMostKinds = 16;
}

void LayerCounts::skip(const std::string& what) {
  const bool known = skipped.contains(what) || skipped.size() < kMostKinds;
  ++skipped[known ? what : "others"];
}

void count_entry(const TarEntry& entry, std::string_view path, const LayerOptions& options,
                 LayerCounts& counts) {
  if (++counts.entries > options.entries)
    throw Error(sentence("the layer has more than the ", options.entries, " entries allowed"));
  if (std::max(path.size(), entry.link_target.size()) > options.name_bytes)
    throw Error(sentence("a name is longer than the ", options.name_bytes, " bytes allowed"));
  const auto parts = static_cast<std::uint64_t>(std::count(path.begin(), path.end(), '/')) + 1;
  if (parts > options.depth)
    throw Error(sentence("it lies deeper than the ", options.depth, " directories allowed"));
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
