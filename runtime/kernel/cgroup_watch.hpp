// SPDX-License-Identifier: Apache-2.0
// What happens to a container's cgroups, as the kernel announces it: out-of-memory kills and
// freezing. Nothing is polled. Host side.
#pragma once

#include <poll.h>

#include <array>
#include <cstdint>
#include <string>

#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/kernel/cgroup.hpp"

namespace kernel {

/// v1: an eventfd on memory.oom_control (cgroups(7) calls it the notification API). v2: inotify on
/// memory.events and on cgroup.events, which tells of freezing; the v1 freezer tells nobody.
class CgroupWatch {
 public:
  /// Throws Error; a container without a memory cgroup is watched for the rest.
  explicit CgroupWatch(const CgroupDirectories& directories);

  /// Also wakes when the file at `path` goes away; one that is gone already is fine.
  void add_removal(const std::string& path);
  /// For poll(2): readable after a change. Entries with fd -1 are ignored there.
  std::array<pollfd, 2> descriptors() const;
  /// How many out-of-memory events there were since the last call. Takes back the readiness.
  std::uint64_t take_out_of_memory();

 private:
  void watch_v1(const plan::CgroupDirectory& directory);
  void watch_v2(const plan::CgroupDirectory& directory);

  std::uint64_t take_v1_events();

  UniqueFd eventfd_, control_, inotify_;  // control_: v1's memory.oom_control
  UniqueFd v2_memory_;                    // the directory with memory.events
  std::uint64_t kills_seen_ = 0;
};

}  // namespace kernel
