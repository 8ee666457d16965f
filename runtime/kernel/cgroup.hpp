// SPDX-License-Identifier: Apache-2.0
// Carries out plan/cgroup: makes, limits, enters, freezes, empties and removes the container's
// cgroups. Host side, except enter(). No sleeps: waits are for cgroup.events, pidfds and inotify.
// Every file is opened below a directory descriptor with BENEATH | NO_SYMLINKS | NO_XDEV.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/plan/cgroup.hpp"

namespace kernel {

/// The container's cgroups while they are being set up: one open directory per hierarchy.
/// Directories this object made are removed on destruction unless keep() was called.
class Cgroup {
 public:
  /// Makes the directories (parents too; v2: enables controllers on the way down; v1 cpuset: fills
  /// empty parents), attaches the device program, writes the limits. Refuses a non-empty or frozen
  /// existing cgroup with runc's words. Throws Error naming the file.
  static Cgroup create(const plan::CgroupPlan& plan);
  /// The same in two steps: what init is born in, then the rest.
  static Cgroup create_v2(const plan::CgroupPlan& plan);
  void create_v1(const plan::CgroupPlan& plan);
  /// The descriptors that create_v1() opened, two for each hierarchy, borrowed; and what they are
  /// to init, which was cloned before that: its own of the same.
  std::vector<int> v1_descriptors() const;
  void adopt_v1(std::vector<UniqueFd> descriptors);
  /// Closes what only init needs, once it has them.
  void close_v1();
  /// Opens those of a running container, for exec. `directories`: mount_point, path, is_v2 are
  /// enough. One that is not there is left out, for a container made without privilege may lack
  /// some, unless it was asked for by name.
  enum class Missing { kLeftOut, kError };
  static Cgroup open(const std::vector<plan::CgroupDirectory>& directories,
                     Missing missing = Missing::kLeftOut);
  Cgroup(Cgroup&&) noexcept = default;
  Cgroup& operator=(Cgroup&&) = delete;
  ~Cgroup();

  /// The v2 directory for clone3's CLONE_INTO_CGROUP, or -1.
  int v2_directory() const;
  /// Throws Error if the v2 directory takes no process for its cgroup.subtree_control (cgroups(7),
  /// "no internal processes": then clone3 says EBUSY).
  void require_room_for_processes() const;
  /// Child, single-threaded: writes "0" into each v1 `tasks` file that was opened before the clone,
  /// so no grace period is waited for (runtime-speed.md 5). Throws Error naming the hierarchy.
  void enter() const;
  /// Directory descriptor of plan.directories[index], for the container's view of its cgroups.
  int directory(std::size_t index) const;
  /// Its path in the mount namespace where it was opened.
  std::string path(std::size_t index) const;
  /// What `plan.directories` want written once init is in.
  void write_last(const plan::CgroupPlan& plan) const;
  void keep() { keep_ = true; }

 private:
  struct Open;
  explicit Cgroup(const std::vector<plan::CgroupDirectory>& directories);
  /// Makes and opens it; false when it is to be gone without.
  static bool make(Open& one, const plan::CgroupDirectory& directory, bool ignore_permission);
  static void set_up(Open& one, const plan::CgroupDirectory& directory,
                     const plan::CgroupPlan& plan);
  struct Open {
    std::string mount_point, path;
    bool is_v2 = false;
    UniqueFd directory;
    UniqueFd tasks;             // v1
    std::size_t made_from = 0;  // length of the part of `path` that existed before
  };
  std::vector<Open> open_;
  bool keep_ = false;
};

/// Where a container's cgroups are, as the state record remembers them. mount_point, path,
/// controllers, is_v2 are filled.
using CgroupDirectories = std::vector<plan::CgroupDirectory>;

/// Freezes (cgroup.freeze / freezer.state) and waits until all is frozen; undone if that fails.
/// Throws Error.
void freeze(const CgroupDirectories& directories);
void thaw(const CgroupDirectories& directories);
/// The file that tells whether the container is frozen; empty when it has no freezer.
std::string freezer_file(const CgroupDirectories& directories);
/// False as well when the file is gone, or its name empty.
bool is_frozen(const std::string& freezer_file);
/// Pids of all processes in the container's cgroup and below, in this pid namespace.
std::vector<pid_t> processes(const CgroupDirectories& directories);
/// Sends a signal to all of them. SIGKILL: cgroup.kill on v2; freeze, signal, thaw on v1.
void signal_all(const CgroupDirectories& directories, int signal);
/// Removes the cgroups and everything below, killing what still runs in them when `kill_remaining`.
/// Waits for emptiness by pidfds and cgroup.events, in all at most `deadline`, then throws Error
/// naming the stuck pid and its state. Missing: fine.
void remove(const CgroupDirectories& directories, bool kill_remaining,
            std::chrono::milliseconds deadline);
/// Throws Error, in runc's words, when the container uses more memory than that already.
void require_memory_usage_below(const CgroupDirectories& directories, std::int64_t limit);
/// Puts another device program in the place of the container's, with no moment without one, then
/// does `rest`; when that throws, the former program comes back.
void replace_device_program(const CgroupDirectories& directories,
                            const plan::DeviceProgram& program, const std::function<void()>& rest);
/// Writes what plan_update planned, then does `rest`. When the kernel refuses a value, or `rest`
/// throws, the files get back what they held before. Throws Error.
void apply_update(const CgroupDirectories& directories, const std::function<void()>& rest);
/// The CPU quota in effect, in microseconds per period; -1 is none.
std::int64_t cpu_quota(const CgroupDirectories& directories);
/// The OOM kills counted in the container's memory cgroup so far (memory.events or
/// memory.oom_control).
std::uint64_t oom_kills(const CgroupDirectories& directories);

}  // namespace kernel
