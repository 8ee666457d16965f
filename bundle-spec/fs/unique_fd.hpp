// SPDX-License-Identifier: Apache-2.0
// The only owner of a file descriptor. An `int fd` parameter borrows; whoever takes ownership takes
// a UniqueFd (also known elsewhere as scoped fd, autoclose fd, unique_fd).
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  /// The descriptor, or -1. Still owned by this object.
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  /// Gives the descriptor away; the caller closes it.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  /// Closes what is held (errno is kept) and takes `fd`. close(2): EINTR must not be retried on
  /// Linux.
  void reset(int fd = -1) {
    if (fd_ >= 0) {
      const int saved = errno;
      ::close(fd_);
      errno = saved;
    }
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

int close(const UniqueFd&) = delete;
FILE* fdopen(const UniqueFd&, const char*) = delete;
