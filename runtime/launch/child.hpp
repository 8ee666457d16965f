// SPDX-License-Identifier: Apache-2.0
// A cloned child that is killed and reaped if the launch fails before keep(). Host side; is_self()
// tells the child apart.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "bundle-spec/fs/unique_fd.hpp"

namespace launch {

class Child {
 public:
  /// clone3 with these CLONE_NEW* flags, like fork otherwise; born in the cgroup `v2_directory`
  /// when that is a descriptor. Asserts that this process has one thread. Throws Error.
  static Child clone(std::uint64_t namespace_flags, int v2_directory);
  /// A child of ours that somebody else cloned (CLONE_PARENT).
  static Child adopt(pid_t pid);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  bool is_self() const { return pid_ == 0; }
  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  UniqueFd take_pidfd();
  /// Waits for the end of it; its wait status (wait(2)).
  int wait();
  void keep() { keep_ = true; }

 private:
  Child(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_;
  UniqueFd pidfd_;
  bool keep_ = false;
};

}  // namespace launch
