// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <optional>

#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/id_map.hpp"
#include "runtime/kernel/mount_calls.hpp"
#include "runtime/kernel/proc_context.hpp"
#include "runtime/kernel/rootfs.hpp"
#include "runtime/kernel/rootfs_steps.hpp"

namespace kernel {
namespace {

/// "/a/./b//" → "/a/b": the name a target has in the plan's rules. ".." is kept, so it matches no
/// rule.
std::string plain_name(std::string_view target) {
  std::string name;
  while (!target.empty()) {
    const std::size_t slash = target.find('/');
    const std::string_view part = target.substr(0, slash);
    if (!part.empty() && part != ".") words::append(name, sentence('/', part));
    target = slash == std::string_view::npos ? std::string_view() : target.substr(slash + 1);
  }
  return name.empty() ? "/" : name;
}

bool names_proc(const std::string& target) {
  const std::string name = plain_name(target);
  return name == "/proc" || (name.starts_with("/proc/") && name.find("/..") == std::string::npos);
}

/// The attributes of a fresh mount: what applies to the whole subtree applies to it as well.
std::uint64_t fresh_attributes(const plan::MountFilesystem& step) {
  return (step.attributes.set & ~step.recursive_attributes.clear) | step.recursive_attributes.set;
}

/// proc and sysfs: a symlink in the image could lead into a volume that another container swaps
/// (CVE-2019-19921).
UniqueFd open_real_directory(const plan::MountFilesystem& step, const RootedDir& root) {
  try {
    return open_or_make_real_directory(step.target, root);
  } catch (Error& error) {
    if (error.number() == ELOOP || error.number() == ENOTDIR)
      throw Error(sentence(step.target, " is not a real directory in the root filesystem: ",
                           step.type, " is mounted on no symbolic link"),
                  error.number());
    throw;
  }
}

struct Directory {
  UniqueFd fd;
  bool existed = false;
};

Directory open_mount_point(const plan::MountFilesystem& step, const RootedDir& root) {
  if (step.real_directory_only) return {open_real_directory(step, root), true};
  if (step.mode_from_target || step.copy_up) {
    auto there = root.open_if_exists(step.target, O_PATH | O_DIRECTORY);
    if (there) return {std::move(*there), true};
  }
  return {root.make_directories(step.target), false};
}

std::string mode_word(unsigned mode) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "mode=0%o", mode & 07777);
  return text.data();
}

std::string join(const std::vector<std::string>& words, std::string_view type) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ',';
    text += word;
  }
  if (text.size() > kMountDataLimit)
    throw Error(sentence("the options of this ", type, " mount are ", text.size(),
                         " bytes, the kernel takes ", kMountDataLimit));
  return text;
}

[[noreturn]] void throw_refused(int number, const plan::MountFilesystem& step,
                                const std::string& data) {
  std::string text = sentence("mount ", step.type);
  if (!data.empty()) words::append(text, sentence(" with data \"", data, "\""));
  if (number == EPERM && (step.type == "proc" || step.type == "sysfs"))
    words::append(text,
                  sentence(" (in a user namespace the kernel allows a new ", step.type,
                           " only where one without masks is visible already and its ",
                           step.type == "proc" ? "pid" : "network",
                           " namespace is the container's own; else bind the one that is "
                           "there: \"type\": \"none\", \"source\": \"/",
                           step.type == "proc" ? "proc" : "sys", "\", \"options\": [\"rbind\"])"));
  throw Error(text, number);
}

/// The short way: mount(2) sets the flags in the same call, nothing is visible before.
void mount_at(const plan::MountFilesystem& step, const std::vector<std::string>& words,
              int target) {
  const std::string data = join(words, step.type);
  const std::string where = fd_path(target);
  const std::uint64_t flags = step.superblock_flags | mount_flags(fresh_attributes(step));
  const std::string& source = step.source.empty() ? step.type : step.source;
  if (::mount(source.c_str(), where.c_str(), step.type.c_str(), flags,
              data.empty() ? nullptr : data.c_str()) < 0)
    throw_refused(errno, step, data);
  trace::call("mount ", step.type, " on ", step.target);
}

/// The long way, by a detached mount: for what mount(2) cannot do in one step, and when its
/// descriptor is needed later.
UniqueFd mount_detached(const plan::MountFilesystem& step, const std::vector<std::string>& words,
                        const Directory& target, int user_namespace, UniqueFd context) {
  const std::uint64_t attributes = fresh_attributes(step);
  const std::uint64_t readonly = step.copy_up ? attributes & MOUNT_ATTR_RDONLY : 0;
  const std::uint64_t superblock =
      step.copy_up ? step.superblock_flags & ~std::uint64_t{MS_RDONLY} : step.superblock_flags;
  UniqueFd mount = make_filesystem({.type = step.type,
                                    .source = step.source.empty() ? step.type : step.source,
                                    .data = words,
                                    .superblock_flags = superblock,
                                    .attributes = attributes & ~readonly},
                                   std::move(context));
  if (step.copy_up && target.existed) copy_up(target.fd.get(), mount.get());
  set_attributes(mount.get(), {.set = readonly, .clear = 0}, false, step.target);
  if (step.id_map) set_id_map(mount.get(), user_namespace, false, step.target);
  attach(mount.get(), target.fd.get(), step.target);
  for (const std::uint64_t flags : step.propagation)
    set_propagation(mount.get(), flags, step.target);
  return mount;
}

bool is_symlink(int file, const std::string& name) {
  return S_ISLNK(identify(file, name).stx_mode);
}

/// crun's copy-symlink: the link is made again, with the same words in it.
void copy_symlink(int link, const plan::BindMount& step, const RootfsWork& work) {
  std::string words(PATH_MAX, '\0');
  const ssize_t length =
      check(::readlinkat(link, "", words.data(), words.size()), "read the link ", step.source);
  words.resize(static_cast<std::size_t>(length));
  const RootedDir::Parent parent = work.root.make_parent(step.target);
  const int directory = parent.directory.get();
  if (::symlinkat(words.c_str(), directory, parent.name.c_str()) == 0) return;
  const int number = errno;
  std::string there(PATH_MAX, '\0');
  const ssize_t known = ::readlinkat(directory, parent.name.c_str(), there.data(), there.size());
  if (number == EEXIST && known == length && there.starts_with(words)) return;
  throw Error(sentence("make the link ", step.target), number);
}

UniqueFd open_bind_target(const plan::BindMount& step, bool directory, const RootedDir& root) {
  if (step.target_nofollow) {
    const RootedDir::Parent parent = root.make_parent(step.target);
    auto there = open_at_if_exists(parent.directory.get(), parent.name, O_PATH | O_NOFOLLOW);
    if (there) return std::move(*there);
  }
  return directory ? root.make_directories(step.target) : root.make_file(step.target);
}

const std::optional<plan::IdMap>& id_map_of(const plan::RootfsStep& step) {
  static const std::optional<plan::IdMap> none;
  if (const auto* bind = std::get_if<plan::BindMount>(&step)) return bind->id_map;
  if (const auto* fresh = std::get_if<plan::MountFilesystem>(&step)) return fresh->id_map;
  return none;
}

/// A bind's source as init will attach it. `map` is the user namespace with its id map, or -1.
UniqueFd prepare_bind(const plan::BindMount& step, const plan::RootfsPlan& plan,
                      const RootedDir& root, int map) {
  const bool is_private = (plan.host_propagation & (MS_PRIVATE | MS_UNBINDABLE)) != 0;
  UniqueFd tree = clone_source(step, plan.root, &root);
  if (step.copy_symlink && is_symlink(tree.get(), step.source)) return tree;
  if (step.id_map) set_id_map(tree.get(), map, step.id_map->recursive, step.source);
  // Born in the host's peer groups, it would carry the container's mounts out to the host.
  set_propagation(tree.get(), (is_private ? MS_PRIVATE : MS_SLAVE) | MS_REC, step.source);
  return tree;
}

bool is_made_readonly_later(const plan::MountFilesystem& step, const plan::RootfsPlan& plan) {
  return std::any_of(plan.protections.begin(), plan.protections.end(),
                     [&](const plan::RootfsStep& late) {
                       const auto* readonly = std::get_if<plan::MakeReadonly>(&late);
                       return readonly != nullptr && readonly->target == step.target;
                     });
}

}  // namespace

UniqueFd open_or_make_real_directory(const std::string& path, const RootedDir& root) {
  try {
    return root.open_no_symlinks(path, O_PATH | O_DIRECTORY);
  } catch (Error& error) {
    if (error.number() != ENOENT) throw;
  }
  root.make_directories(path);
  return root.open_no_symlinks(path, O_PATH | O_DIRECTORY);
}

struct statx prove_target(int target, const std::string& name, RootfsWork& work) {
  const struct statx status = identify(target, name);
  const bool on_root_mount = status.stx_mnt_id == work.root_mount_id;
  if (on_root_mount && status.stx_ino == work.root_inode)
    throw Error(sentence(name, " is the root of the container, where nothing can be mounted"));
  if (on_root_mount || status.stx_mnt_id == work.plain_mount_id || names_proc(name)) return status;
  if (filesystem_magic(target, name) == PROC_SUPER_MAGIC)
    throw Error(
        sentence(name, " leads into a proc file system by a symbolic link of the root filesystem"));
  work.plain_mount_id = status.stx_mnt_id;
  return status;
}

void apply(const plan::MountFilesystem& step, RootfsWork& work, UniqueFd user_namespace) {
  if (step.type != "proc" && plain_name(step.target) == "/proc")
    throw Error(sentence("a ", step.type, " mount cannot take the place of /proc"));
  work.dev.reset();
  const Directory target = open_mount_point(step, work.root);
  const struct statx status = prove_target(target.fd.get(), step.target, work);
  std::vector<std::string> words = step.data;
  if (step.mode_from_target && target.existed) words.push_back(mode_word(status.stx_mode));
  const bool is_late_readonly = is_made_readonly_later(step, work.plan);
  UniqueFd context;
  if (step.type == "proc" && work.pid_namespace >= 0)
    context = open_proc_context(work.pid_namespace);
  if (!step.copy_up && step.propagation.empty() && !is_late_readonly && !step.id_map && !context)
    return mount_at(step, words, target.fd.get());
  UniqueFd mount = mount_detached(step, words, target, user_namespace.get(), std::move(context));
  if (is_late_readonly) work.late_readonly.emplace_back(step.target, std::move(mount));
}

UniqueFd clone_source(const plan::BindMount& step, const std::string& root_path,
                      const RootedDir* root) {
  const std::string below = root_path.ends_with('/') ? root_path : root_path + '/';
  const bool inside = root != nullptr && below.size() > 1 && step.source.starts_with(below);
  UniqueFd tree;
  if (inside || step.copy_symlink || step.source_nofollow) {
    const bool nofollow = step.copy_symlink || step.source_nofollow;
    const int flags = O_PATH | (nofollow ? O_NOFOLLOW : 0);
    UniqueFd source = inside ? root->open(std::string_view(step.source).substr(below.size()), flags)
                             : open_at(AT_FDCWD, step.source, flags);
    if (step.copy_symlink && is_symlink(source.get(), step.source)) return source;
    tree = clone_tree(source.get(), "", step.recursive, step.source);
  } else {
    tree = clone_tree(AT_FDCWD, step.source.c_str(), step.recursive, step.source);
  }
  set_attributes(tree.get(), step.attributes, false, step.source);
  set_attributes(tree.get(), step.recursive_attributes, true, step.source);
  return tree;
}

void apply(const plan::BindMount& step, RootfsWork& work, UniqueFd tree) {
  work.dev.reset();
  if (!tree) tree = clone_source(step, work.plan.root, &work.root);
  const struct statx source = identify(tree.get(), step.source);
  if (step.copy_symlink && S_ISLNK(source.stx_mode)) return copy_symlink(tree.get(), step, work);
  // CVE-2019-16884: what looks like /proc must be one.
  if (plain_name(step.target) == "/proc" &&
      filesystem_magic(tree.get(), step.source) != PROC_SUPER_MAGIC)
    throw Error(
        sentence(step.source, " is no proc file system and cannot take the place of /proc"));
  const UniqueFd target = open_bind_target(step, S_ISDIR(source.stx_mode), work.root);
  prove_target(target.get(), step.target, work);
  attach(tree.get(), target.get(), step.target);
  for (const std::uint64_t flags : step.propagation)
    set_propagation(tree.get(), flags, step.target);
}

void apply(const plan::ChangeMount& step, RootfsWork& work) {
  const UniqueFd target = work.root.open(step.target, O_PATH);
  const struct statx status = identify(target.get(), step.target);
  if ((status.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0)
    throw Error(sentence(step.target, " is not a mount that could be changed"), EINVAL);
  set_attributes(target.get(), step.attributes, false, step.target);
  set_attributes(target.get(), step.recursive_attributes, true, step.target);
  for (const std::uint64_t flags : step.propagation)
    set_propagation(target.get(), flags, step.target);
}

bool has_id_maps(const plan::RootfsPlan& plan) {
  return std::any_of(plan.mounts.begin(), plan.mounts.end(),
                     [](const plan::RootfsStep& step) { return id_map_of(step).has_value(); });
}

std::vector<UniqueFd> prepare_mounts(const plan::RootfsPlan& plan, bool all_binds,
                                     int joined_user_namespace) {
  std::vector<UniqueFd> prepared(plan.mounts.size());
  IdMapNamespaces maps(joined_user_namespace);
  const RootedDir root = RootedDir::open(plan.root);
  for (std::size_t index = 0; index < prepared.size(); ++index) {
    const plan::RootfsStep& step = plan.mounts[index];
    try {
      const int map = id_map_of(step) ? maps.namespace_for(*id_map_of(step)) : -1;
      if (const auto* bind = std::get_if<plan::BindMount>(&step)) {
        if (all_binds || map >= 0) prepared[index] = prepare_bind(*bind, plan, root, map);
      } else if (map >= 0) {
        prepared[index].reset(check(::fcntl(map, F_DUPFD_CLOEXEC, 3), "duplicate a descriptor"));
      }
    } catch (Error& error) {
      if (error.number() == EPERM && ::geteuid() != 0)
        return {};  // rootless: init has the same reach, and the right to mount
      error.add_context(plan::describe(step));
      throw;
    }
  }
  return prepared;
}

}  // namespace kernel
