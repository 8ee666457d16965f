// SPDX-License-Identifier: Apache-2.0
// Calls continue_from_protected_binary and says how it continued: a write-open of /proc/self/exe,
// the arguments, the descriptors, the file system. Started by own_binary_test.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "runtime/kernel/own_binary.hpp"

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  if (std::strcmp(argv[1], "without-privilege") == 0 && ::geteuid() == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 3;
  }
  try {
    kernel::continue_from_protected_binary(argv);
  } catch (const std::exception& error) {
    std::printf("Error: %s\n", error.what());
    return 1;
  }
  struct statfs file_system;
  if (::statfs("/proc/self/exe", &file_system) != 0) return 4;
  const bool read_only = (file_system.f_flags & ST_RDONLY) != 0;
  const bool writable = ::open("/proc/self/exe", O_RDWR | O_CLOEXEC) >= 0;
  const char* kept = std::getenv("KEPT");
  char path[4096] = {};
  // Started by its absolute path; on a detached mount the link says "/".
  const bool stayed =
      ::readlink("/proc/self/exe", path, sizeof path - 1) > 0 && std::strcmp(path, argv[0]) == 0;
  std::printf("%s %s %d %s %s fd3 %s\n",
              stayed      ? "same"
              : read_only ? "read-only"
                          : "sealed",
              writable ? "writable" : "safe", argc, argv[argc - 1],
              kept != nullptr ? kept : "(none)", ::fcntl(3, F_GETFD) >= 0 ? "open" : "closed");
  return 0;
}
