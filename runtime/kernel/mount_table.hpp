// SPDX-License-Identifier: Apache-2.0
// /proc/self/mountinfo as a list. Host side, and only where statfs of the expected place gave no
// answer: the file is slow on hosts with thousands of mounts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kernel {

struct MountEntry {
  int id = 0, parent = 0;                // parent: the mount it sits on
  std::string device;                    // "8:1"
  std::string root;                      // the part of the file system that is mounted: "/"
  std::string mount_point;               // octal escapes undone
  std::vector<std::string> options;      // of the mount: "ro", "nosuid"
  std::vector<std::string> propagation;  // "shared:1", "master:2", "unbindable"
  std::string type;                      // "cgroup2"
  std::string super_options;             // "rw,cpu,cpuacct"
};

/// Throws Error when the file cannot be read. Lines that are not understood are left out.
std::vector<MountEntry> read_mount_table();
/// The text of such a file. proc(5).
std::vector<MountEntry> parse_mount_table(std::string_view text);
/// Without those that a path no longer leads to, because another was mounted further up.
std::vector<MountEntry> reachable(const std::vector<MountEntry>& entries);

}  // namespace kernel
