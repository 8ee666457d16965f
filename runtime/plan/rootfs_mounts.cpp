// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/rootfs_mounts.hpp"

#include <linux/mount.h>
#include <linux/sched.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "bundle-spec/error.hpp"
#include "runtime/plan/id_map.hpp"
#include "runtime/plan/paths.hpp"

namespace plan {
namespace {

/// An entry that has been read, and how messages call it.
struct Entry {
  const oci::Mount& mount;
  std::string pointer;  // "/mounts/3"
  std::string target;
  std::string type;
  MountOptions options;
  std::optional<IdMap> id_map = {};
};

[[noreturn]] void refuse(const Entry& entry, std::string_view field, std::string_view reason) {
  throw Error(sentence(entry.pointer, field, ": ", reason));
}

// Files that lxcfs and CRIU lay over a procfs; runc allows exactly these.
bool may_cover_proc_file(std::string_view target) {
  constexpr std::string_view kFiles[] = {"/proc/cpuinfo",
                                         "/proc/diskstats",
                                         "/proc/meminfo",
                                         "/proc/stat",
                                         "/proc/swaps",
                                         "/proc/uptime",
                                         "/proc/loadavg",
                                         "/proc/slabinfo",
                                         "/proc/sys/kernel/ns_last_pid",
                                         "/proc/sys/crypto/fips_enabled"};
  return std::ranges::find(kFiles, target) != std::end(kFiles);
}

// A fake /proc would catch the label and sysctl writes (CVE-2019-16884). Whether the source of a
// bind on /proc is a procfs is seen by kernel/ when it opens it.
void check_proc_target(const Entry& entry) {
  if (!is_at_or_below(entry.target, "/proc")) return;
  const bool bind = entry.options.bind;
  if (entry.target == "/proc") {
    if (!bind && entry.type != "proc") {
      refuse(entry, "/destination", "\"/proc\" cannot be mounted because it is not of type proc");
    }
  } else if (!bind || !may_cover_proc_file(entry.target)) {
    refuse(entry, "/destination",
           sentence("\"", entry.target, "\" cannot be mounted because it is inside /proc"));
  }
}

void check_entry(const Entry& entry) {
  if (entry.target == "/") {
    refuse(entry, "/destination", "\"/\" is the root filesystem itself; mount below it");
  }
  const bool follows =
      entry.options.copy_symlink || entry.options.source_nofollow || entry.options.target_nofollow;
  if (follows && !entry.options.bind) {
    refuse(entry, "/options", "copy-symlink, src-nofollow and dest-nofollow are for bind mounts");
  }
  if (entry.options.copy_up && (entry.options.bind || entry.type != "tmpfs")) {
    refuse(entry, "/options", "tmpcopyup is only for mounts of type tmpfs");
  }
  check_proc_target(entry);
}

std::string first_data(const Entry& entry) { return entry.options.data.front(); }

// The VFS words of a bind are the mount's; those of its file system (sync, lazytime …) stay as they
// are, as mount(8) has it.
BindMount plan_bind(const Entry& entry, const MountSurroundings& surroundings) {
  if (!entry.options.data.empty()) {
    refuse(entry, "/options",
           sentence("bind mounts cannot have any filesystem-specific options: \"",
                    first_data(entry), "\""));
  }
  const std::string source = entry.mount.source.value_or("");
  if (source.empty()) refuse(entry, "/source", "a bind mount needs a source");
  return {.source = join_path(surroundings.bundle, source),
          .target = entry.target,
          .recursive = entry.options.recursive_bind,
          .attributes = entry.options.attributes,
          .recursive_attributes = entry.options.recursive_attributes,
          .propagation = entry.options.propagation,
          .id_map = entry.id_map,
          .copy_symlink = entry.options.copy_symlink,
          .source_nofollow = entry.options.source_nofollow,
          .target_nofollow = entry.options.target_nofollow};
}

void refuse_id_map(const Entry& entry, std::string_view what) {
  if (entry.id_map) {
    refuse(entry, "/options", sentence(what, " takes no idmap: only a new mount or a bind does"));
  }
}

ChangeMount plan_change(const Entry& entry) {
  refuse_id_map(entry, "a remount");
  if (!entry.options.data.empty()) {
    refuse(entry, "/options",
           sentence("a remount takes no filesystem-specific options: \"", first_data(entry), "\""));
  }
  if ((entry.options.superblock_flags & ~std::uint64_t{MS_RDONLY}) != 0) {
    refuse(entry, "/options",
           "a remount changes the mount only, not its filesystem (sync, dirsync, lazytime …)");
  }
  return {.target = entry.target,
          .attributes = entry.options.attributes,
          .recursive_attributes = entry.options.recursive_attributes,
          .propagation = entry.options.propagation};
}

std::vector<std::string> controller_aliases(const CgroupDirectory& directory,
                                            std::string_view name) {
  std::vector<std::string> aliases;
  for (const std::string& controller : directory.controllers) {
    const bool named = controller.starts_with("name=");
    if (!directory.is_v2 && !named && controller != name) aliases.push_back(controller);
  }
  return aliases;
}

MountCgroups plan_cgroups(const Entry& entry, const MountSurroundings& surroundings) {
  refuse_id_map(entry, "a cgroup mount");
  if (!entry.options.data.empty()) {
    refuse(entry, "/options",
           sentence("a cgroup mount takes no filesystem-specific options: \"", first_data(entry),
                    "\""));
  }
  MountCgroups mount{.target = entry.target,
                     .attributes = entry.options.attributes,
                     .is_v2 = false,
                     // Not a joined one: it may be the host's, whose tree would show, and a mount
                     // from there resets the host's own options (nsdelegate).
                     .own_namespace = surroundings.namespaces.create_cgroup,
                     .propagation = entry.options.propagation,
                     .recursive_attributes = entry.options.recursive_attributes};
  const std::vector<CgroupDirectory>& directories = surroundings.cgroup.directories;
  mount.is_v2 = directories.size() == 1 && directories[0].is_v2;
  for (std::size_t i = 0; i < directories.size(); ++i) {
    const std::string name(last_component(directories[i].mount_point));
    mount.hierarchies.push_back(
        {.name = name, .directory = i, .aliases = controller_aliases(directories[i], name)});
  }
  return mount;
}

// The label belongs to file systems without labels of their own (runc: not proc, sysfs, mqueue).
bool takes_label(std::string_view type) {
  return type != "proc" && type != "sysfs" && type != "mqueue" && type != "cgroup2";
}

bool has_mode(const std::vector<std::string>& options) {
  return std::ranges::any_of(options,
                             [](const std::string& word) { return word.starts_with("mode="); });
}

MountFilesystem plan_filesystem(const Entry& entry, const MountSurroundings& surroundings) {
  MountFilesystem mount{.type = entry.type,
                        .source = entry.mount.source.value_or(entry.type),
                        .target = entry.target,
                        .attributes = entry.options.attributes,
                        .superblock_flags = entry.options.superblock_flags,
                        .data = entry.options.data,
                        .propagation = entry.options.propagation,
                        .recursive_attributes = entry.options.recursive_attributes,
                        .copy_up = entry.options.copy_up,
                        .id_map = entry.id_map};
  mount.mode_from_target = entry.type == "tmpfs" && !has_mode(mount.data);
  mount.real_directory_only = entry.type == "proc" || entry.type == "sysfs";
  if (!surroundings.label_option.empty() && takes_label(entry.type)) {
    mount.data.push_back(surroundings.label_option);
  }
  return mount;
}

// A file system made inside a user namespace counts in that namespace's ids already, and the kernel
// lets init choose no other mapping.
void settle_id_map(const Entry& entry, const NamespacePlan& namespaces, MountFilesystem& mount) {
  if (!mount.id_map || !namespaces.has(CLONE_NEWUSER)) return;
  const bool containers =
      mount.id_map->of_joined_namespace || (mount.id_map->uids == namespaces.uid_mappings &&
                                            mount.id_map->gids == namespaces.gid_mappings);
  if (!containers) {
    refuse(entry, "/options",
           "in a user namespace a new file system takes no other id mapping than the container's");
  }
  mount.id_map.reset();
}

bool make_writable_for_now(MountFilesystem& mount) {
  constexpr std::uint64_t kReadonly = MOUNT_ATTR_RDONLY;
  const bool asked = ((mount.attributes.set | mount.recursive_attributes.set) & kReadonly) != 0;
  mount.attributes.set &= ~kReadonly;
  mount.recursive_attributes.set &= ~kReadonly;
  mount.superblock_flags &= ~std::uint64_t{MS_RDONLY};
  return asked;
}

bool is_cgroup_view(const Entry& entry, const MountSurroundings& surroundings) {
  if (entry.type == "cgroup") return true;
  const std::vector<CgroupDirectory>& directories = surroundings.cgroup.directories;
  if (entry.type != "cgroup2") return false;
  // Without a cgroup of its own a new mount would show the container its caller's.
  return directories.empty() || (directories.size() == 1 && directories[0].is_v2);
}

}  // namespace

std::string mount_target(const oci::Mount& mount) { return clean_path(mount.destination); }

bool is_bind(const oci::Mount& mount) {
  const auto binds = [](const std::string& word) { return word == "bind" || word == "rbind"; };
  return mount.type.value_or("") == "bind" || std::ranges::any_of(mount.options, binds);
}

PlannedMount plan_mount(const oci::Mount& mount, std::size_t index,
                        const MountSurroundings& surroundings) {
  const std::string pointer = sentence("/mounts/", index);
  refuse_nul(mount.destination, pointer + "/destination");
  refuse_nul(mount.source.value_or(""), pointer + "/source");
  refuse_nul(mount.type.value_or(""), pointer + "/type");
  Entry entry{.mount = mount,
              .pointer = pointer,
              .target = mount_target(mount),
              .type = mount.type.value_or(""),
              .options = read_mount_options(mount.options, pointer + "/options")};
  entry.options.bind = is_bind(mount);
  check_entry(entry);
  entry.id_map = plan_id_map(mount, entry.options, surroundings.namespaces, pointer);
  if (entry.id_map && !surroundings.as_root) {
    refuse(entry, "/options", "an idmapped mount can be made by root only");
  }
  const bool only_propagation = entry.type == "none" && !entry.options.propagation.empty();
  if (entry.options.remount || (only_propagation && !entry.options.bind)) {
    return {.step = plan_change(entry)};
  }
  if (entry.options.bind) return {.step = plan_bind(entry, surroundings)};
  if (entry.type.empty()) refuse(entry, "/type", "is required for a mount that is no bind");
  if (is_cgroup_view(entry, surroundings)) return {.step = plan_cgroups(entry, surroundings)};
  MountFilesystem filesystem = plan_filesystem(entry, surroundings);
  settle_id_map(entry, surroundings.namespaces, filesystem);
  const bool late = entry.type == "tmpfs" || entry.target == "/dev";
  const bool late_readonly = late && make_writable_for_now(filesystem);
  return {.step = std::move(filesystem), .late_readonly = late_readonly};
}

}  // namespace plan
