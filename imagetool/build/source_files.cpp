// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/source_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/layer/entry_path.hpp"
#include "imagetool/layer/tree_entry.hpp"
#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

constexpr int kDeepest = 200;

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// "\*x" → "*x".
std::string unescaped(const std::string& component) {
  std::string plain;
  for (std::size_t at = 0; at < component.size(); ++at) {
    if (component[at] == '\\' && at + 1 < component.size()) ++at;
    plain += component[at];
  }
  return plain;
}

std::string link_target(int directory, const std::string& name, const std::string& shown) {
  std::array<char, 4097> target{};
  const ssize_t length = check(::readlinkat(directory, name.c_str(), target.data(), target.size()),
                               "read the link ", shown);
  return {target.data(), static_cast<std::size_t>(length)};
}

/// Where an open file is, as the kernel has it (proc(5)): nothing is walked again.
std::string path_of(int file) {
  const std::string link = sentence("/proc/self/fd/", file);
  return link_target(AT_FDCWD, link, link);
}

class Finder {
 public:
  Finder(const SourceTree& tree, const CopyAction& action)
      : tree_(tree),
        action_(action),
        excludes_(IgnoreRules::from_patterns(action.excludes, "--exclude")) {}

  std::vector<SourceMatch> find() {
    for (const std::string& source : action_.sources) find_one(source);
    if (matches_.empty() && !action_.sources.empty() && action_.files.empty())
      throw Error(sentence("no source files were found: nothing in ", tree_.name, " matches ",
                           printable(action_.sources[0], 100)));
    return std::move(matches_);
  }

 private:
  void find_one(const std::string& source) {
    std::string pattern = source;
    pivot_ = 0;
    if (const std::size_t pivot = source.find("/./"); action_.parents && pivot != std::string::npos)
      pivot_ = clean_relative(source.substr(0, pivot)).size();
    pattern = clean_relative(pattern);
    if (!has_wildcards(pattern)) {
      if (!add_match(pattern)) throw missing(source, pattern);
    } else if (action_.parents && pattern.find("**") != std::string::npos) {
      match_deep("", pattern, 0);
    } else {
      match_below("", pattern);
    }
  }

  Error missing(const std::string& source, const std::string& path) const {
    const bool ignored = tree_.ignored.excludes(path) && tree_.root.open_if_exists(path, O_PATH);
    return Error(sentence("\"/", printable(path, 200), "\": not found in ", tree_.name,
                          ignored ? ": .dockerignore excludes it" : "",
                          source.starts_with("..") ? " (sources cannot lie outside of it)" : ""));
  }

  /// Goes through the pattern component by component.
  void match_below(const std::string& directory, const std::string& pattern) {
    const std::size_t slash = pattern.find('/');
    const std::string component = pattern.substr(0, slash);
    const std::string rest = slash == std::string::npos ? "" : pattern.substr(slash + 1);
    std::vector<std::string> names = {unescaped(component)};
    if (component.find_first_of("*?[") != std::string::npos) {
      const auto opened =
          tree_.root.open_if_exists(directory.empty() ? "." : directory, O_RDONLY | O_DIRECTORY);
      if (!opened) return;
      names = sorted_names(opened->get());
      std::erase_if(names, [&](const std::string& name) { return !glob_matches(component, name); });
    }
    for (const std::string& name : names) {
      const std::string path = join_path(directory, name);
      if (rest.empty())
        add_match(path);
      else if (tree_.root.open_if_exists(path, O_PATH | O_DIRECTORY))
        match_below(path, rest);
    }
  }

  void match_deep(const std::string& directory, const std::string& pattern, int depth) {
    if (depth > kDeepest) throw Error("the source directories are nested too deeply");
    const UniqueFd opened =
        tree_.root.open(directory.empty() ? "." : directory, O_RDONLY | O_DIRECTORY);
    for (const std::string& name : sorted_names(opened.get())) {
      const std::string path = join_path(directory, name);
      struct stat status{};
      if (::fstatat(opened.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (deep_glob_matches(pattern, path))
        add_match(path);
      else if (S_ISDIR(status.st_mode))
        match_deep(path, pattern, depth + 1);
    }
  }

  /// Whether a rule is against the path; then, whether something below it may be let in again.
  struct Verdict {
    bool excluded = false;
    bool enter = true;
  };
  Verdict verdict(const std::string& path) const {
    const bool excluded = tree_.ignored.excludes(path);
    return {excluded, !excluded || tree_.ignored.may_include_below(path)};
  }

  /// .dockerignore speaks of files, whichever link leads to them.
  std::string resolved(int file, const std::string& path) const {
    return tree_.ignored.empty() ? path : path_in(tree_.root, file, path);
  }

  bool add_match(const std::string& path) {
    if (!verdict(path).enter) return false;
    const auto opened = tree_.root.open_if_exists(path.empty() ? "." : path, O_PATH);
    if (!opened) return false;
    const std::string real = resolved(opened->get(), path);
    if (!verdict(real).enter) return false;
    const bool excluded = verdict(path).excluded || verdict(real).excluded;
    SourceMatch match{.path = path, .real = real};
    SourceItem item{.path = real};
    check(::fstat(opened->get(), &item.status), "stat ", path);
    match.is_directory = S_ISDIR(item.status.st_mode);
    if (excluded && !match.is_directory) return false;
    if (action_.parents)
      match.kept = path.substr(pivot_ == 0 ? 0 : std::min(pivot_ + 1, path.size()));
    if (!match.is_directory && excludes_.excludes(base_name(path))) return true;
    match.items.push_back(std::move(item));
    if (match.is_directory) {
      const UniqueFd directory = tree_.root.open(real.empty() ? "." : real, O_RDONLY | O_DIRECTORY);
      add_below(directory.get(), match, "", 0);
    }
    if (!excluded || match.items.size() > 1) matches_.push_back(std::move(match));
    return !excluded || matches_.size() > 0;
  }

  void add_below(int directory, SourceMatch& match, const std::string& below, int depth) {
    if (depth > kDeepest) throw Error("the source directories are nested too deeply");
    for (const std::string& name : sorted_names(directory)) {
      SourceItem item{.path = join_path(join_path(match.real, below), name),
                      .name = join_path(below, name)};
      if (::fstatat(directory, name.c_str(), &item.status, AT_SYMLINK_NOFOLLOW) != 0) continue;
      const bool is_directory = S_ISDIR(item.status.st_mode);
      const bool ignored = tree_.ignored.excludes(item.path);
      const bool excluded = excludes_.excludes(item.name);
      if (ignored || excluded) {
        // Something below may be let in again; its directory then comes along.
        const bool enter = is_directory &&
                           (!ignored || tree_.ignored.may_include_below(item.path)) &&
                           (!excluded || excludes_.may_include_below(item.name));
        if (enter) add_directory(directory, match, std::move(item), name, depth, true);
        continue;
      }
      if (S_ISLNK(item.status.st_mode)) item.link = link_target(directory, name, item.path);
      if (is_directory)
        add_directory(directory, match, std::move(item), name, depth, false);
      else
        match.items.push_back(std::move(item));
    }
  }

  void add_directory(int parent, SourceMatch& match, SourceItem item, const std::string& name,
                     int depth, bool only_if_filled) {
    const UniqueFd directory(
        check(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
              "open ", item.path));
    const std::string below = item.name;
    const std::size_t before = match.items.size();
    match.items.push_back(std::move(item));
    add_below(directory.get(), match, below, depth + 1);
    if (only_if_filled && match.items.size() == before + 1) match.items.pop_back();
  }

  const SourceTree& tree_;
  const CopyAction& action_;
  IgnoreRules excludes_;
  std::size_t pivot_ = 0;
  std::vector<SourceMatch> matches_{};
};

/// The extended attributes of a directory.
std::string xattrs_of(const RootedDir& root, const std::string& path) {
  const UniqueFd directory = root.open(path.empty() ? "." : path, O_PATH | O_DIRECTORY);
  std::string text;
  for (const auto& [name, value] : read_xattrs(directory.get()))
    text += sentence(" ", name, "=", sha256_of(value).hex);
  return text;
}

char kind_of(mode_t mode) {
  if (S_ISREG(mode)) return 'f';
  if (S_ISDIR(mode)) return 'd';
  if (S_ISLNK(mode)) return 'l';
  return S_ISCHR(mode) ? 'c' : S_ISBLK(mode) ? 'b' : S_ISFIFO(mode) ? 'p' : 's';
}

}  // namespace

std::string path_in(const RootedDir& root, int file, const std::string& path) {
  const std::string above = path_of(root.fd()), real = path_of(file);
  if (real == above) return "";
  const std::string prefix = above == "/" ? above : above + "/";
  if (!real.starts_with(prefix)) throw Error(sentence(printable(path, 200), ": was moved away"));
  return real.substr(prefix.size());
}

std::vector<SourceMatch> find_sources(const SourceTree& tree, const CopyAction& action) {
  return Finder(tree, action).find();
}

void add_inputs(Inputs& inputs, const SourceTree& tree, const std::vector<SourceMatch>& matches,
                ContentDigests& digests) {
  for (const SourceMatch& match : matches) {
    inputs.emplace_back("source", match.path);
    for (const SourceItem& item : match.items) {
      const struct stat& status = item.status;
      std::string value = sentence(kind_of(status.st_mode), " ", status.st_mode & 07777);
      if (!tree.local) value += sentence(" ", status.st_uid, ":", status.st_gid);
      if (S_ISREG(status.st_mode))
        value += " " + digests.of(tree.root, item.path, status, tree.local);
      if (S_ISDIR(status.st_mode)) value += xattrs_of(tree.root, item.path);
      if (S_ISLNK(status.st_mode)) value += " " + item.link;
      if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
        value += sentence(" ", status.st_rdev);
      inputs.emplace_back("file " + item.path, std::move(value));
    }
  }
}

}  // namespace build
