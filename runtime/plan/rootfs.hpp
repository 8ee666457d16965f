// SPDX-License-Identifier: Apache-2.0
// What the container will see of the file system, in order. Pure; kernel/rootfs carries it out in
// init. All targets are paths inside the root filesystem and are resolved there once, to a
// descriptor.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/plan/host_facts.hpp"
#include "runtime/plan/id_map.hpp"
#include "runtime/plan/mount_options.hpp"
#include "runtime/plan/namespaces.hpp"

namespace plan {

/// A new file system instance: tmpfs, proc, sysfs, devpts, mqueue …
struct MountFilesystem {
  std::string type, source, target;
  MountAttributes attributes = {};  // in force before the mount is visible
  std::uint64_t superblock_flags = 0;
  std::vector<std::string> data = {};
  std::vector<std::uint64_t> propagation = {};
  MountAttributes recursive_attributes = {};
  bool copy_up = false;           // tmpcopyup: start with what the covered directory holds
  bool mode_from_target = false;  // tmpfs without mode=: take the mode of an existing mount point
  bool real_directory_only = false;  // proc, sysfs: no symlink on the way (CVE-2019-19921)
  std::optional<IdMap> id_map = {};
  bool operator==(const MountFilesystem&) const = default;
};

/// A host file or tree shown inside. The source is an absolute host path, opened once.
struct BindMount {
  std::string source, target;
  bool recursive = false;
  MountAttributes attributes = {}, recursive_attributes = {};
  std::vector<std::uint64_t> propagation = {};
  std::optional<IdMap> id_map = {};
  bool copy_symlink = false;  // a source that is a symlink is made again at the target
  bool source_nofollow = false, target_nofollow = false;  // a symlink itself is bound, or covered
  bool operator==(const BindMount&) const = default;
};

/// The words of an existing mount changed ("remount" without bind).
struct ChangeMount {
  std::string target;
  MountAttributes attributes = {}, recursive_attributes = {};
  std::vector<std::uint64_t> propagation = {};
  bool operator==(const ChangeMount&) const = default;
};

/// The container's view of its cgroups at `target` ("type": "cgroup"). v2: a cgroup2 mount, or a
/// bind of the container's own directory without a cgroup namespace. v1: a tmpfs with one bind of
/// the container's own directory per hierarchy, and symlinks for merged controllers ("cpu" →
/// "cpu,cpuacct").
struct MountCgroups {
  std::string target;
  MountAttributes attributes = {};
  bool is_v2 = false;
  bool own_namespace = false;  // a new cgroup namespace, rooted at the container's cgroup
  struct Hierarchy {
    std::string name;                  // directory under target: "memory", "cpu,cpuacct", "unified"
    std::size_t directory;             // index into CgroupPlan::directories
    std::vector<std::string> aliases;  // "cpu", "cpuacct"
    bool operator==(const Hierarchy&) const = default;
  };
  std::vector<Hierarchy> hierarchies = {};
  std::vector<std::uint64_t> propagation = {};
  MountAttributes recursive_attributes = {};
  bool operator==(const MountCgroups&) const = default;
};

/// mknod; or, where mknod is out of reach (user namespace), a bind of the host's node of the same
/// path.
struct MakeDevice {
  std::string path;  // "/dev/null"
  char type = 'c';   // c, b, p ('u' is planned as 'c')
  std::uint32_t major = 0, minor = 0;
  mode_t mode = 0666;
  std::uint32_t uid = 0, gid = 0;
  bool bind_from_host = false;
  bool operator==(const MakeDevice&) const = default;
};

/// A symlink: /dev/fd → /proc/self/fd. `replace`: whatever is there gives way (/dev/ptmx).
struct MakeLink {
  std::string path, target;
  bool replace = false;
  bool operator==(const MakeLink&) const = default;
};

struct MaskPath {
  /// a directory gets an empty read-only tmpfs, a file the host's null device; missing: skipped
  std::string target;
  bool operator==(const MaskPath&) const = default;
};

struct ReadonlyPath {
  std::string target;  // bound on itself, recursively read-only; missing: skipped
  bool operator==(const ReadonlyPath&) const = default;
};

/// A late switch to read-only of a mount made earlier (tmpfs and /dev asked for with "ro").
struct MakeReadonly {
  std::string target;
  bool operator==(const MakeReadonly&) const = default;
};

/// The directory the process starts in, made if missing (0755).
struct MakeWorkingDirectory {
  std::string path;
  bool operator==(const MakeWorkingDirectory&) const = default;
};

using RootfsStep =
    std::variant<MountFilesystem, BindMount, ChangeMount, MountCgroups, MakeDevice, MakeLink,
                 MaskPath, ReadonlyPath, MakeReadonly, MakeWorkingDirectory>;

/// The path in the container that a step is about; empty when there is none.
std::string target_of(const RootfsStep& step);

/// How the process gets its new root.
enum class EnterRoot {
  kPivot,   // pivot_root(2)
  kMove,    // --no-pivot: MS_MOVE on / and chroot, for hosts that run from an initramfs
  kChroot,  // no mount namespace
};

/// The root filesystem is an overlay of layers that lie beside it in the bundle.
struct OverlayRoot {
  std::string directory;             // the bundle's overlay/: the layers, upper and work
  std::vector<std::string> layers;   // names in it, lowest first: EROFS images or directories
  bool user_xattrs = false;          // not the host's root mounts it: user.overlay xattrs count
  std::optional<IdMap> id_map = {};  // with a user namespace of the host's root
  bool operator==(const OverlayRoot&) const = default;
};

struct RootfsPlan {
  std::string root;  // absolute host path of the root filesystem, or where the overlay is mounted
  std::optional<OverlayRoot> overlay = {};
  EnterRoot enter = EnterRoot::kPivot;
  bool has_mount_namespace = true;  // without one nothing is mounted and no propagation is touched
  /// for "/" of the new mount namespace: MS_SLAVE|MS_REC by default
  std::uint64_t host_propagation = 0;
  /// applied to the container's "/" at the end: MS_SHARED …, 0 for none
  std::uint64_t root_propagation = 0;
  /// before createRuntime and createContainer hooks: mounts, devices, links, cwd
  std::vector<RootfsStep> mounts = {};
  std::vector<RootfsStep> protections =
      {};                      // after the hooks: late read-only, read-only paths, masks
  bool readonly_root = false;  // last of all
  bool console = false;        // bind the terminal on /dev/console
  bool operator==(const RootfsPlan&) const = default;
};

struct CgroupPlan;
RootfsPlan plan_rootfs(const oci::RuntimeConfig& config, const std::string& bundle,
                       const HostFacts& facts, const NamespacePlan& namespaces,
                       const CgroupPlan& cgroup, bool no_pivot);
/// "bind /a on /b (ro,nosuid)": explain, debug log, context of an error, failure text of a test.
std::string describe(const RootfsStep& step);
std::vector<std::string> describe(const RootfsPlan& rootfs);
/// "mount the layers 0, 1 of /bundle/overlay …".
std::string describe(const OverlayRoot& overlay);

}  // namespace plan
