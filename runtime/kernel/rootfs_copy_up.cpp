// SPDX-License-Identifier: Apache-2.0
// tmpcopyup. Runs in init. Another container may change the source meanwhile: each entry is opened
// without following symlinks and is what its descriptor says it is.
#include <dirent.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/rootfs_steps.hpp"

namespace kernel {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;
constexpr int kDeepest = 256;

void copy_directory(int from, int to, int depth);

void keep_owner_and_times(int to, const char* name, const struct stat& status) {
  check(::fchownat(to, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW),
        "set the owner of ", name);
  if (!S_ISLNK(status.st_mode))
    check(::fchmodat(to, name, status.st_mode & 07777, 0), "set the mode of ", name);
  const timespec times[] = {status.st_atim, status.st_mtim};
  check(::utimensat(to, name, times, AT_SYMLINK_NOFOLLOW), "set the times of ", name);
}

void copy_content(int from, int to, const char* name) {
  while (check(::sendfile(to, from, nullptr, kChunk), "copy ", name) > 0) {
  }
}

void copy_file(int from, int to, const char* name, struct stat& status) {
  const UniqueFd source(
      check(::openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC),
            "open ", name));
  check(::fstat(source.get(), &status), "stat ", name);
  if (!S_ISREG(status.st_mode)) throw Error(sentence(name, " changed while it was copied"));
  const UniqueFd copy(
      check(::openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), "make ",
            name));
  copy_content(source.get(), copy.get(), name);
}

void copy_link(int from, int to, const char* name) {
  std::string target(PATH_MAX, '\0');
  const ssize_t length =
      check(::readlinkat(from, name, target.data(), target.size()), "read the link ", name);
  target.resize(static_cast<std::size_t>(length));
  check(::symlinkat(target.c_str(), to, name), "make the link ", name);
}

void copy_subdirectory(int from, int to, const char* name, struct stat& status, int depth) {
  const UniqueFd source(
      check(::openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), "open ", name));
  check(::fstat(source.get(), &status), "stat ", name);
  check(::mkdirat(to, name, 0700), "make ", name);
  const UniqueFd copy(check(::openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                            "open the new ", name));
  copy_directory(source.get(), copy.get(), depth + 1);
}

void copy_entry(int from, int to, const char* name, int depth) {
  struct stat status{};
  check(::fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW), "stat ", name);
  if (S_ISREG(status.st_mode))
    copy_file(from, to, name, status);
  else if (S_ISDIR(status.st_mode))
    copy_subdirectory(from, to, name, status, depth);
  else if (S_ISLNK(status.st_mode))
    copy_link(from, to, name);
  else
    check(::mknodat(to, name, status.st_mode & ~mode_t{07777}, status.st_rdev), "make the node ",
          name);
  keep_owner_and_times(to, name, status);
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

void copy_directory(int from, int to, int depth) {
  if (depth > kDeepest)
    throw Error(sentence("copy up: directories are nested deeper than ", kDeepest));
  UniqueFd own(
      check(::openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open a directory to copy"));
  const std::unique_ptr<DIR, CloseDirectory> entries(::fdopendir(own.get()));
  if (!entries) throw Error("read a directory to copy", errno);
  static_cast<void>(own.release());  // now the DIR's
  for (errno = 0; const dirent* entry = ::readdir(entries.get()); errno = 0) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") copy_entry(from, to, entry->d_name, depth);
  }
  if (errno != 0) throw Error("read a directory to copy", errno);
}

}  // namespace

void copy_up(int from, int to) {
  const UniqueFd source(
      check(::openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open the directory to copy"));
  struct stat status{};
  check(::fstat(source.get(), &status), "stat the directory to copy");
  copy_directory(source.get(), to, 0);
  check(::fchownat(to, "", status.st_uid, status.st_gid, AT_EMPTY_PATH),
        "set the owner of the copy");
}

}  // namespace kernel
