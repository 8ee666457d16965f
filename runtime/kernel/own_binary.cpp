// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/own_binary.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/unique_fd.hpp"

namespace kernel {
namespace {

constexpr const char* kOwnBinary = "/proc/self/exe";
// Newer than the headers of glibc 2.36.
constexpr unsigned kMfdExec = 0x10;  // MFD_EXEC, Linux 6.3
constexpr int kSealExec = 0x20;      // F_SEAL_EXEC, Linux 6.3
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

bool is_read_only(const struct statfs& file_system) {
  return (file_system.f_flags & ST_RDONLY) != 0;
}

/// Does not return when it works. The descriptor is close-on-exec: the new image has it no more.
void execute(int file, char** arguments) {
  ::syscall(SYS_execveat, file, "", arguments, environ, AT_EMPTY_PATH);
}

/// A detached, read-only mount of our executable; empty where that is not to be had.
UniqueFd read_only_mount() {
  UniqueFd tree(::open_tree(AT_FDCWD, kOwnBinary, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree) return {};
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0) return {};
  struct statfs file_system;
  // Without this proof a kernel that forgot the flag would have us execute ourselves for ever.
  if (::fstatfs(tree.get(), &file_system) < 0 || !is_read_only(file_system)) return {};
  return tree;
}

bool is_sealed_copy() {
  const UniqueFd self(::open(kOwnBinary, O_RDONLY | O_CLOEXEC));
  if (!self) return false;
  const int seals = ::fcntl(self.get(), F_GET_SEALS);
  return seals >= 0 && (seals & kSeals) == kSeals;
}

UniqueFd sealed_copy() {
  const UniqueFd self(check(::open(kOwnBinary, O_RDONLY | O_CLOEXEC), "open ", kOwnBinary));
  struct stat status;
  check(::fstat(self.get(), &status), "fstat ", kOwnBinary);
  int memory = ::memfd_create("toyrun", MFD_CLOEXEC | MFD_ALLOW_SEALING | kMfdExec);
  if (memory < 0 && errno == EINVAL) {
    memory = ::memfd_create("toyrun", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  }
  UniqueFd copy(check(memory, "memfd_create for a copy of the own executable"));
  for (off_t offset = 0; offset < status.st_size;) {
    const auto left = static_cast<std::size_t>(status.st_size - offset);
    const ssize_t sent = ::sendfile(copy.get(), self.get(), &offset, left);
    check(sent, "copy ", kOwnBinary);
    if (sent == 0)
      throw Error(sentence("copy ", kOwnBinary, ": the file became shorter meanwhile"));
  }
  if (::fcntl(copy.get(), F_ADD_SEALS, kSeals | kSealExec) < 0) {
    check(::fcntl(copy.get(), F_ADD_SEALS, kSeals), "seal the copy of the own executable");
  }
  return copy;
}

/// After execveat of a descriptor, kernels before 6.14 name the process after the descriptor's
/// number.
void set_process_name(const char* first_argument) {
  if (first_argument == nullptr) return;
  const char* slash = ::strrchr(first_argument, '/');
  ::prctl(PR_SET_NAME, slash != nullptr ? slash + 1 : first_argument);
}

}  // namespace

void continue_from_protected_binary(char** arguments) {
  struct statfs file_system;
  check(::statfs(kOwnBinary, &file_system), "statfs ", kOwnBinary);
  if (is_read_only(file_system)) return set_process_name(arguments[0]);
  if (const UniqueFd tree = read_only_mount()) execute(tree.get(), arguments);
  if (is_sealed_copy()) return set_process_name(arguments[0]);
  const UniqueFd copy = sealed_copy();
  execute(copy.get(), arguments);
  throw Error("execute a protected copy of the own executable", errno);
}

}  // namespace kernel
