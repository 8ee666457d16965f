// SPDX-License-Identifier: Apache-2.0
// Files and directories of one cgroup hierarchy: opened below a descriptor, written, listed,
// removed. What kernel/cgroup and its life cycle share. Host side.
#pragma once

#include <linux/openat2.h>
#include <sys/types.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/kernel/deadline.hpp"
#include "runtime/plan/cgroup.hpp"

namespace kernel {

/// Whether toyrun made the directory itself just now.
enum class CgroupAge { kNew, kExisting };

/// "/sys/fs/cgroup/memory/libpod-1": for messages and rmdir(2).
std::string cgroup_name(const plan::CgroupDirectory& directory);
bool carries(const plan::CgroupDirectory& directory, std::string_view controller);

/// openat2(2) inside one hierarchy: no symlink, no other mount, no way out. -1 and errno on
/// failure.
int open_in_hierarchy(int dir, const std::string& path, int flags);
/// The root of a hierarchy as O_PATH. Throws Error.
UniqueFd open_hierarchy(const std::string& mount_point);
/// O_PATH descriptor of the container's directory; empty when it is not there. Throws Error
/// otherwise.
UniqueFd open_cgroup_if_exists(const plan::CgroupDirectory& directory);

/// Whether this errno says that the file, or the cgroup it was in, is not there.
bool is_gone(int number);
/// One read(2) of at most 64 KiB; nullopt when the file, or the cgroup, is not there. Throws Error.
std::optional<std::string> read_cgroup_file(int dir, const std::string& file);
/// Throws Error when what the memory cgroup `dir` counts as used is more than `limit`; any other
/// directory is fine.
void require_usage_below(std::int64_t limit, int dir, const plan::CgroupDirectory& directory);
/// "oom_kill 3" → 3 in a file of such lines; nullopt when there is no such line.
std::optional<std::uint64_t> value_of_key(std::string_view text, std::string_view key);
/// One write(2); 0 or the errno.
int write_cgroup_file(int dir, const std::string& file, std::string_view value);
/// The plan's writes in order. Where the kernel refuses one half of a pair (memory and swap, quota
/// and period) because of the other half's old value, the other is written first. Throws Error
/// naming file and value. `name` is cgroup_name.
void write_values(int dir, const std::string& name, const std::vector<plan::FileWrite>& writes);
/// Warns of those values that the kernel has taken and does nothing with.
void warn_of_dropped(int dir, const std::string& name, const std::vector<plan::FileWrite>& writes);

/// Pids in this cgroup and all below it; those of other pid namespaces are left out.
std::vector<pid_t> processes_below(int dir);
/// rmdir(2) of the cgroup and all below it, deepest first. False while something in it is busy;
/// missing is fine. Throws Error.
bool remove_cgroup_tree(const plan::CgroupDirectory& directory);
/// poll(2) of a v2 cgroup.events until it has one of these lines ("populated 0\n"). True also when
/// the cgroup is gone. False at the deadline.
bool wait_for_event(int dir, std::initializer_list<std::string_view> lines,
                    const Deadline& deadline);
/// The one place where time itself is waited for: v1 has no event for "frozen", nor for "the last
/// exiting task has left". At most 5 ms.
void pause_without_event(unsigned attempt, const Deadline& deadline);

}  // namespace kernel
