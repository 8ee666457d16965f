// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/new_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <map>
#include <set>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/entry_path.hpp"

namespace build {
namespace {

/// Of one COPY. False and nullptr mean that it is not as simple as that.
class NewFilesFinder {
 public:
  NewFilesFinder(const SourceTree& tree, const RootedDir& root, const CopyStyle& style)
      : tree_(tree), root_(root), style_(style) {
    ::clock_gettime(CLOCK_REALTIME, &now_);
  }

  bool is_directory(const std::string& path) { return open(path) != nullptr; }

  bool add(const SourceMatch& match, const std::string& path, bool is_alone) {
    if (!is_no_symlink(match.items.front())) return false;
    if (!match.is_directory) return add_item(match.items.front(), path);
    const bool is_there = is_directory(path);
    if (!is_there && !is_alone) return false;  // the first of several makes it
    return std::ranges::all_of(match.items, [&](const SourceItem& item) {
      const bool stays = is_there && item.name.empty();  // as what it is
      return stays || add_item(item, join_path(path, item.name));
    });
  }

  NewFiles take() { return std::move(found_); }

 private:
  struct Directory {
    std::string real{};               // its path without symlinks
    std::optional<UniqueFd> there{};  // in the root
  };

  /// A match that is one stands for what it leads to.
  bool is_no_symlink(const SourceItem& match) const {
    const auto opened =
        tree_.root.open_if_exists(match.path.empty() ? "." : match.path, O_PATH | O_NOFOLLOW);
    struct stat status{};
    return opened && ::fstat(opened->get(), &status) == 0 && status.st_ino == match.status.st_ino &&
           status.st_dev == match.status.st_dev;
  }

  Directory* open(const std::string& path) {
    const auto known = directories_.find(path);
    if (known != directories_.end()) return &known->second;
    auto opened = root_.open_if_exists(path.empty() ? "." : path, O_PATH | O_DIRECTORY);
    if (!opened) return nullptr;
    std::string real = path_in(root_, opened->get(), path);
    return &directories_.emplace(path, Directory{std::move(real), std::move(opened)}).first->second;
  }

  /// As make_parents() does.
  Directory* open_or_make(const std::string& path) {
    if (Directory* const known = open(path)) return known;
    const SplitPath split = split_path(path);
    Directory* const parent = open_or_make(std::string(split.directory));
    if (parent == nullptr || !take_name(*parent, split.base)) return nullptr;
    ChosenFile made{.source = {}, .path = join_path(parent->real, split.base), .mtime = now_};
    made.uid = style_.uid;
    made.gid = style_.gid;
    if (style_.mode && style_.mode->is_octal()) made.mode = style_.mode->apply(0755, true);
    found_.directories.push_back(made);
    return &directories_.emplace(path, Directory{made.path, {}}).first->second;
  }

  bool add_item(const SourceItem& item, const std::string& path) {
    const mode_t mode = item.status.st_mode;
    if (S_ISSOCK(mode)) return true;                              // no layer has any
    if (S_ISCHR(mode) && item.status.st_rdev == 0) return false;  // would be a whiteout
    const SplitPath split = split_path(path);
    Directory* const directory = open_or_make(std::string(split.directory));
    if (directory == nullptr || !take_name(*directory, split.base)) return false;
    ChosenFile file{.source = item.path.empty() ? "/" : item.path,
                    .path = join_path(directory->real, split.base),
                    .mtime = item.status.st_mtim};
    file.uid = style_.uid.value_or(tree_.local ? 0 : item.status.st_uid);
    file.gid = style_.gid.value_or(tree_.local ? 0 : item.status.st_gid);
    if (style_.mode) file.mode = style_.mode->apply(mode & 07777, S_ISDIR(mode));
    if (S_ISDIR(mode)) directories_.emplace(path, Directory{file.path, {}});
    found_.files.push_back(std::move(file));
    return true;
  }

  /// False when there is or will be something of that name.
  bool take_name(Directory& directory, std::string_view name) {
    if (name.empty() || name.starts_with(".wh.")) return false;
    struct stat status{};
    if (directory.there && (::fstatat(directory.there->get(), std::string(name).c_str(), &status,
                                      AT_SYMLINK_NOFOLLOW) == 0 ||
                            errno != ENOENT))
      return false;
    if (!names_.insert(join_path(directory.real, name)).second) return false;
    if (directory.there && !directory.real.empty()) add_changed(directory.real);
    return true;
  }

  /// A directory of the root gets a new entry; the ones above it come along, as with overlayfs.
  void add_changed(const std::string& path) {
    for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
      const std::string above = path.substr(0, end);
      const auto [known, is_new] = changed_.emplace(above, found_.directories.size());
      if (is_new) found_.directories.push_back({.source = above, .path = above});
      if (end != std::string::npos) continue;
      found_.directories[known->second].mtime = now_;
      return;
    }
  }

  const SourceTree& tree_;
  const RootedDir& root_;
  const CopyStyle& style_;
  std::timespec now_{};
  NewFiles found_{};
  std::map<std::string, Directory> directories_{};  // by the path that was asked for
  std::map<std::string, std::size_t> changed_{};    // in found_.directories
  std::set<std::string> names_{};
};

}  // namespace

std::optional<NewFiles> find_new_files(const SourceTree& tree,
                                       const std::vector<SourceMatch>& matches,
                                       const RootedDir& root, const std::string& destination,
                                       bool several, const CopyStyle& style) {
  NewFilesFinder finder(tree, root, style);
  const std::string place = clean_path(destination);
  const bool into = several || destination.ends_with('/') || finder.is_directory(place);
  for (const SourceMatch& match : matches) {
    std::string target = place;
    if (!match.kept.empty())
      target = join_path(place, match.kept);
    else if (!match.is_directory && into)
      target = join_path(place, split_path(match.path).base);
    if (!finder.add(match, target, matches.size() == 1)) return std::nullopt;
  }
  return finder.take();
}

}  // namespace build
