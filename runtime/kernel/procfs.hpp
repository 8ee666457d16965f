// SPDX-License-Identifier: Apache-2.0
// A verified handle on the host's /proc, opened before any container file system is in reach:
// sysctls and security labels are written through it, never through the container's /proc
// (CVE-2019-16884, CVE-2025-52881).
#pragma once

#include <string>
#include <string_view>

#include "bundle-spec/fs/unique_fd.hpp"

namespace kernel {

class Procfs {
 public:
  /// Opens /proc as O_PATH; throws Error unless it is the root of a procfs.
  static Procfs open();

  /// Opens a file below it: BENEATH, no magic links, no other mount on the way. "self" works from
  /// any pid namespace that this procfs can see. Throws Error naming the file.
  UniqueFd open_file(const std::string& path, int flags) const;
  /// One write(2) into such a file: "sys/net/ipv4/ip_forward", "self/attr/exec",
  /// "self/oom_score_adj".
  void write(const std::string& path, std::string_view value) const;
  int fd() const { return root_.get(); }

 private:
  explicit Procfs(UniqueFd root) : root_(std::move(root)) {}
  UniqueFd root_;
};

}  // namespace kernel
