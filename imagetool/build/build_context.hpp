// SPDX-License-Identifier: Apache-2.0
// The files a build is given: a directory of the user's, or something fetched into a fresh one of
// the build's own: a repository, an archive, a lone Dockerfile. What is fetched is hostile. toyimg.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "imagetool/build/build_store.hpp"
#include "imagetool/build/services.hpp"

namespace build {

struct BuildContext {
  std::string directory{};  // absolute
  std::string name{};       // for people and records: the address, or the directory
  bool is_local = true;     // the user's own directory: links in it are the user's business
  std::optional<std::string> dockerfile{};  // its text, when nothing but that was given
};

/// Opens a directory, "-" (standard input: an archive or a Dockerfile), an http(s) address of
/// either, or a git address "URL#REF:DIRECTORY". Throws Error; then nothing of it is used.
BuildContext open_context(BuildStore& store, const Services& services, const std::string& place,
                          const std::stop_token& stop);

/// The first of some names of a file in the context that is there. In a fetched one no link leads
/// outside, and only a regular file counts. Throws Error.
struct ContextFile {
  std::string name{};
  std::string text{};
};
std::optional<ContextFile> find_file(const BuildContext& context,
                                     const std::vector<std::string>& names, std::size_t limit);

}  // namespace build
