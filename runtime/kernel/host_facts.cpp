// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/host_facts.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/kernel/mount_table.hpp"

namespace kernel {
namespace {

constexpr const char* kCgroupRoot = "/sys/fs/cgroup";

unsigned leading_number(std::string_view& text) {
  unsigned number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
  return number;
}

void refuse_old_kernel() {
  utsname names;
  check(::uname(&names), "uname");
  std::string_view release = names.release;
  const unsigned major = leading_number(release);
  if (release.starts_with('.')) release.remove_prefix(1);
  const unsigned minor = leading_number(release);
  if (major > 5 || (major == 5 && minor >= 14)) return;
  throw Error(sentence("Linux ", names.release, " is too old: toyrun needs 5.14 or newer"));
}

bool is_mounted(const char* path, long type) {
  struct statfs file_system;
  return ::statfs(path, &file_system) == 0 && file_system.f_type == type;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

void read_v2_controllers(plan::CgroupHierarchy& hierarchy) {
  std::string text = read_file(hierarchy.mount_point + "/cgroup.controllers", 4096);
  if (text.ends_with('\n')) text.pop_back();
  hierarchy.controllers = split(text, ' ');
}

/// The directory where systemd and cgroupfs-mount put a hierarchy: "cpu,cpuacct", "systemd",
/// "unified".
std::string expected_mount_point(std::string_view controllers) {
  if (controllers.empty()) return sentence(kCgroupRoot, "/unified");
  if (controllers.starts_with("name=")) controllers.remove_prefix(5);
  return sentence(kCgroupRoot, "/", controllers);
}

/// The mount that carries exactly these controllers, by the one read of mountinfo; empty: not
/// mounted.
std::string find_mount_point(const std::vector<MountEntry>& mounts,
                             const plan::CgroupHierarchy& wanted) {
  for (const MountEntry& mount : mounts) {
    if (mount.type != (wanted.is_v2 ? "cgroup2" : "cgroup")) continue;
    const std::vector<std::string> options = split(mount.super_options, ',');
    const bool carries_all = std::ranges::all_of(wanted.controllers, [&](const std::string& one) {
      return std::ranges::find(options, one) != options.end();
    });
    if (carries_all) return mount.mount_point;
  }
  return {};
}

/// The lines of /proc/self/cgroup, oldest hierarchy first (the file has the newest first, v2 last).
std::vector<plan::CgroupHierarchy> own_cgroups() {
  const std::string text = read_file("/proc/self/cgroup", 1 << 16);
  std::vector<plan::CgroupHierarchy> found;
  for (const std::string& line : split(text, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);  // a path may hold more of them
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    plan::CgroupHierarchy hierarchy;
    hierarchy.mount_point = expected_mount_point(controllers);
    hierarchy.controllers = split(controllers, ',');
    hierarchy.is_v2 = controllers.empty();
    hierarchy.own_path = line.substr(second + 1);
    const bool v2 = hierarchy.is_v2;
    found.insert(v2 ? found.end() : found.begin(), std::move(hierarchy));
  }
  return found;
}

/// Where the kernel's list of mounts is asked only if the usual place does not even exist; an empty
/// directory there means that nobody mounted this hierarchy (one stays in /proc/self/cgroup for as
/// long as it has cgroups).
std::string mount_point_of(const plan::CgroupHierarchy& hierarchy,
                           std::vector<MountEntry>& mounts) {
  struct statfs file_system;
  if (::statfs(hierarchy.mount_point.c_str(), &file_system) == 0) {
    const long wanted = hierarchy.is_v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC;
    return file_system.f_type == wanted ? hierarchy.mount_point : std::string();
  }
  if (mounts.empty()) mounts = read_mount_table();
  return find_mount_point(mounts, hierarchy);
}

std::vector<plan::CgroupHierarchy> cgroup_hierarchies() {
  std::vector<plan::CgroupHierarchy> mounted;
  const bool pure_v2 = is_mounted(kCgroupRoot, CGROUP2_SUPER_MAGIC);
  std::vector<MountEntry> mounts;
  std::vector<plan::CgroupHierarchy> own = own_cgroups();
  for (plan::CgroupHierarchy& hierarchy : own) {
    if (pure_v2 && !hierarchy.is_v2) continue;  // a named v1 hierarchy someone mounted elsewhere
    hierarchy.mount_point = pure_v2 ? kCgroupRoot : mount_point_of(hierarchy, mounts);
    if (hierarchy.mount_point.empty()) continue;
    if (hierarchy.is_v2) read_v2_controllers(hierarchy);
    mounted.push_back(std::move(hierarchy));
  }
  return mounted;
}

bool apparmor_is_enabled() {
  const UniqueFd file(::open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC));
  char answer = 'N';
  return file && ::read(file.get(), &answer, 1) == 1 && answer == 'Y';
}

}  // namespace

bool in_initial_user_namespace() {
  // The initial one has a fixed inode number (linux/nsfs.h, USER_NS_INIT_INO). An identity uid_map
  // would prove less: a nested namespace may have one too.
  constexpr ino_t kInitialUserNamespace = 0xEFFFFFFD;
  struct stat status;
  return ::stat("/proc/self/ns/user", &status) == 0 && status.st_ino == kInitialUserNamespace;
}

plan::HostFacts host_facts() {
  refuse_old_kernel();
  plan::HostFacts facts;
  facts.euid = ::geteuid();
  facts.egid = ::getegid();
  facts.in_user_namespace = !in_initial_user_namespace();
  facts.hierarchies = cgroup_hierarchies();
  facts.apparmor = apparmor_is_enabled();
  facts.selinux = is_mounted("/sys/fs/selinux", SELINUX_MAGIC);
  return facts;
}

}  // namespace kernel
