// SPDX-License-Identifier: Apache-2.0
// What ADD takes beyond COPY: archives, files by URL, git repositories. Everything is put into
// fresh directories of the build's own first. toyimg.
#pragma once

#include <optional>
#include <string>

#include "imagetool/build/build_store.hpp"
#include "imagetool/build/services.hpp"
#include "imagetool/build/stage_plan.hpp"

namespace build {

/// Something fetched: a directory with it, and what it is for the cache.
struct FetchedSource {
  std::string directory{};  // holds the file, or is the repository's tree
  std::string file{};       // the file's name; empty for a tree
  std::string identity{};   // digest of the file, or the commit
};

/// True for what ADD fetches: http(s) URLs and git addresses.
bool is_remote(const std::string& source);
/// Fetches it; `checksum` ("sha256:…") is compared. Throws Error.
FetchedSource fetch_source(BuildStore& store, const Services& services, const CopyAction& action,
                           const std::string& source, const std::stop_token& stop);

/// True when the open file is a tar archive, plain or compressed, by its content. Its offset is 0
/// afterwards.
bool is_archive(int file);
/// Extracts it into an empty directory. Throws Error.
void extract_archive(int file, const std::string& directory);

}  // namespace build
