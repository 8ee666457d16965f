// SPDX-License-Identifier: Apache-2.0
// Copies matched sources into a stage's root by COPY's rules, resolving everything in both roots.
// toyimg.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "imagetool/build/config_values.hpp"
#include "imagetool/build/source_files.hpp"

namespace build {

/// How copies differ from their sources.
struct CopyStyle {
  std::optional<std::uint32_t> uid{}, gid{};  // else the source's, or 0 from a local context
  std::optional<ModeChange> mode{};
};

/// --chown by the passwd and group files of `root`; "5" means 5:5, "root" needs no file. Throws
/// Error.
CopyStyle copy_style(const RootedDir& root, const CopyAction& action);

/// Copies the matches to `destination` (a directory when it ends in '/', is one, or when there are
/// several). Throws Error naming the path.
void copy_matches(const SourceTree& tree, const std::vector<SourceMatch>& matches,
                  const RootedDir& root, const std::string& destination, bool several,
                  const CopyStyle& style);
/// Writes a text as a file: a heredoc.
void copy_text(const std::string& name, const std::string& content, const RootedDir& root,
               const std::string& destination, bool several, const CopyStyle& style);
/// As many bytes as `size` or the file has, shared with the source where the file system can.
void copy_bytes(int from, int to, std::uint64_t size, const std::string& path);
/// mkdir -p inside the root; new directories are 0755 and belong to the owner of the style.
void make_parents(const RootedDir& root, const std::string& path, const CopyStyle& style);

}  // namespace build
