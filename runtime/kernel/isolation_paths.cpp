// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "runtime/kernel/isolation.hpp"
#include "runtime/kernel/isolation_parts.hpp"
#include "runtime/kernel/mount_table.hpp"
#include "runtime/kernel/procfs.hpp"
#include "runtime/plan/paths.hpp"

namespace kernel {
namespace {

/// Whether the container was to have a mount at /proc or /sys, or below, that has this path.
bool is_in_kernels_files(const plan::RootfsPlan& rootfs, const std::string& path) {
  return std::ranges::any_of(rootfs.mounts, [&](const plan::RootfsStep& step) {
    if (std::holds_alternative<plan::MakeLink>(step)) return false;
    const std::string at = plan::target_of(step);
    const bool kernels = plan::is_at_or_below(at, "/proc") || plan::is_at_or_below(at, "/sys");
    return kernels && plan::is_at_or_below(path, at);
  });
}

/// The host has the same files, and "self" is whoever looks: us here, the first process there.
std::string followed_by_init(const std::string& path, std::uint32_t pid_inside) {
  std::string followed = real_path(path);
  const std::string ours = sentence("/proc/", ::getpid());
  if (!plan::is_at_or_below(followed, ours)) return followed;
  followed.replace(0, ours.size(), sentence("/proc/", pid_inside));
  const std::string thread = sentence("/task/", ::getpid());
  const std::size_t at = followed.find(thread);
  if (at != std::string::npos) followed.replace(at, thread.size(), sentence("/task/", pid_inside));
  return followed;
}

/// The namespaces a thread may enter and leave again.
class Visit {
 public:
  Visit(int pidfd, std::uint64_t flags) {
    constexpr std::array<std::pair<std::uint64_t, const char*>, 3> kFiles = {
        {{CLONE_NEWNET, "net"}, {CLONE_NEWIPC, "ipc"}, {CLONE_NEWUTS, "uts"}}};
    for (const auto& [flag, file] : kFiles)
      if ((flags & flag) != 0)
        own_.push_back(open_at(AT_FDCWD, sentence("/proc/self/ns/", file), O_RDONLY));
    check(::setns(pidfd, static_cast<int>(flags)), "enter the container's namespaces");
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() {
    for (const UniqueFd& one : own_) (void)::setns(one.get(), 0);
  }

 private:
  std::vector<UniqueFd> own_;
};

}  // namespace

void read_targets(const plan::RootfsPlan& rootfs, plan::Isolation& isolation) {
  const RootedDir root = RootedDir::open(rootfs.root);
  std::string prefix = real_path(rootfs.root);
  if (prefix == "/") prefix.clear();
  for (const auto* steps : {&rootfs.mounts, &rootfs.protections}) {
    for (const plan::RootfsStep& step : *steps) {
      const std::string target = plan::target_of(step);
      if (target.empty() || std::holds_alternative<plan::MakeLink>(step)) continue;
      std::string path;
      if (is_in_kernels_files(rootfs, target)) {
        if (::access(target.c_str(), F_OK) == 0)
          path = prefix + followed_by_init(target, isolation.pid_inside);
      } else if (const std::optional<UniqueFd> there = root.open_if_exists(target, O_PATH)) {
        path = real_path(sentence("/proc/self/fd/", there->get()));
      }
      if (path.empty())
        isolation.absent.push_back(target);
      else if (path.size() > prefix.size() && path.starts_with(prefix) &&
               path.substr(prefix.size()) != target)
        isolation.resolved[target] = path.substr(prefix.size());
    }
  }
}

void read_sources(const plan::RootfsPlan& rootfs, plan::Isolation& isolation) {
  std::optional<std::vector<MountEntry>> mounts;
  for (const plan::RootfsStep& step : rootfs.mounts) {
    const auto* const bind = std::get_if<plan::BindMount>(&step);
    if (bind == nullptr) continue;
    isolation.sources.erase(bind->target);
    // Where symlinks count, or the root is one of its own, the host cannot tell.
    if (bind->copy_symlink || bind->source_nofollow ||
        plan::is_at_or_below(bind->source, rootfs.root) ||
        ::access(bind->source.c_str(), F_OK) != 0)
      continue;
    const std::string source = real_path(bind->source);
    if (!mounts) mounts = reachable(read_mount_table());
    const MountEntry* around = nullptr;
    for (const MountEntry& one : *mounts)
      if (plan::is_at_or_below(source, one.mount_point) &&
          (around == nullptr || one.mount_point.size() >= around->mount_point.size()))
        around = &one;
    if (around == nullptr) continue;
    isolation.sources[bind->target] = {
        .device = around->device, .root = plan::moved(source, around->mount_point, around->root)};
  }
}

plan::SeenSysctls read_sysctls(const std::vector<plan::Sysctl>& sysctls, int init) {
  plan::SeenSysctls seen;
  seen.obstacle.clear();
  std::uint64_t flags = 0;
  for (const plan::Sysctl& one : sysctls)
    flags |= one.namespace_flag & (CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
  if (flags == 0) return seen;
  try {
    const Procfs procfs = Procfs::open();
    const Visit visit(init, flags);
    for (const plan::Sysctl& one : sysctls) {
      try {
        const std::string file = "sys/" + one.path;
        seen.values[one.path] = read_all(procfs.open_file(file, O_RDONLY).get(), file);
      } catch (const Error&) {
        continue;  // some may only be written
      }
    }
  } catch (const Error& error) {
    seen.obstacle = error.what();
  }
  return seen;
}

}  // namespace kernel
