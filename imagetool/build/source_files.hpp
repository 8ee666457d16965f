// SPDX-License-Identifier: Apache-2.0
// What COPY and ADD copy: patterns matched in a root, everything below the matches listed, and its
// content hashed for the cache. Resolved inside the root, whatever symlinks say. toyimg.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/build/build_store.hpp"
#include "imagetool/build/content_digests.hpp"
#include "imagetool/build/glob.hpp"
#include "imagetool/build/stage_plan.hpp"

namespace build {

/// Where files come from.
struct SourceTree {
  const RootedDir& root;
  const IgnoreRules& ignored;  // .dockerignore's, of a local context
  std::string name{};          // for messages: "the build context"
  bool local = true;           // a context: its owners are nobody's business, everything is root's
};

struct SourceItem {
  std::string path{};  // in the root, of the entry itself
  std::string name{};  // below the match; "" is the match
  struct stat status{};
  std::string link{};  // a symlink's target
};

struct SourceMatch {
  std::string path{};  // as matched: "src/a.c"
  std::string
      real{};  // where .dockerignore's rules look for it: without symlinks, if there are any
  std::string kept{};  // with --parents: the part of the path that is kept
  bool is_directory = false;
  std::vector<SourceItem> items{};  // parents first, sorted; the match itself first
};

/// Where an open file of the root is, all symlinks resolved; "" is the root. Throws Error, naming
/// `path`, when it is there no more.
std::string path_in(const RootedDir& root, int file, const std::string& path);

/// All matches of the action's sources. Throws Error naming a source that is not there.
std::vector<SourceMatch> find_sources(const SourceTree& tree, const CopyAction& action);

/// Appends what a cache key needs of the matches: everything but times.
void add_inputs(Inputs& inputs, const SourceTree& tree, const std::vector<SourceMatch>& matches,
                ContentDigests& digests);

}  // namespace build
