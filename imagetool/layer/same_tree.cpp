// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/same_tree.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/unique_fd.hpp"
#include "imagetool/layer/overlay_names.hpp"
#include "imagetool/layer/tree_entry.hpp"

namespace {

constexpr std::size_t kBuffer = std::size_t{1} << 20;

std::uint64_t size_of_file(int file) {
  struct stat status = {};
  check(::fstat(file, &status), "stat a layer");
  return static_cast<std::uint64_t>(status.st_size);
}

/// A directory's size and number of names are its file system's.
bool same_status(const struct stat& one, const struct stat& other) {
  if (one.st_mode != other.st_mode || one.st_uid != other.st_uid || one.st_gid != other.st_gid)
    return false;
  const bool whiteout = S_ISCHR(one.st_mode) && one.st_rdev == 0;  // made without a time
  if (!whiteout && one.st_mtim.tv_sec != other.st_mtim.tv_sec) return false;
  return S_ISDIR(one.st_mode) ||
         (one.st_size == other.st_size && one.st_nlink == other.st_nlink &&
          (!(S_ISCHR(one.st_mode) || S_ISBLK(one.st_mode)) || one.st_rdev == other.st_rdev));
}

bool same_attributes_at(int one, int other, const std::string& name) {
  for (const char* const key : {kOpaqueXattr, kUserOpaqueXattr, kOwnersXattr})
    if (read_xattr(one, name, key) != read_xattr(other, name, key)) return false;
  return read_xattrs(one, name) == read_xattrs(other, name);
}

bool same_target(int one, int other, const std::string& name) {
  std::string left(PATH_MAX, '\0');
  std::string right(PATH_MAX, '\0');
  const ssize_t length = ::readlinkat(one, name.c_str(), left.data(), left.size());
  return length >= 0 && ::readlinkat(other, name.c_str(), right.data(), right.size()) == length &&
         left == right;
}

bool same_entries(int one, int other);

bool same_entry(int one, int other, const std::string& name) {
  struct stat left = {};
  struct stat right = {};
  check(::fstatat(one, name.c_str(), &left, AT_SYMLINK_NOFOLLOW), "stat ", name);
  check(::fstatat(other, name.c_str(), &right, AT_SYMLINK_NOFOLLOW), "stat ", name);
  if (!same_status(left, right) || !same_attributes_at(one, other, name)) return false;
  if (S_ISLNK(left.st_mode)) return same_target(one, other, name);
  if (S_ISREG(left.st_mode)) {
    const UniqueFd left_file(open_regular(one, name));
    const UniqueFd right_file(open_regular(other, name));
    return same_content(left_file.get(), right_file.get());
  }
  if (!S_ISDIR(left.st_mode)) return true;
  const UniqueFd left_directory(open_subdirectory(one, name));
  const UniqueFd right_directory(open_subdirectory(other, name));
  return same_entries(left_directory.get(), right_directory.get());
}

bool same_entries(int one, int other) {
  const std::vector<std::string> names = sorted_names(one);
  return names == sorted_names(other) && std::ranges::all_of(names, [&](const std::string& name) {
           return same_entry(one, other, name);
         });
}

}  // namespace

bool same_content(int one, int other) {
  const std::uint64_t size = size_of_file(one);
  if (size != size_of_file(other)) return false;
  std::vector<char> left(kBuffer);
  std::vector<char> right(kBuffer);
  for (std::uint64_t done = 0; done < size;) {
    const ssize_t count = ::pread(one, left.data(), left.size(), static_cast<off_t>(done));
    // A medium that cannot be read is damage, too.
    if (count <= 0) return false;
    const auto bytes = static_cast<std::size_t>(count);
    if (::pread(other, right.data(), bytes, static_cast<off_t>(done)) != count) return false;
    if (std::memcmp(left.data(), right.data(), bytes) != 0) return false;
    done += bytes;
  }
  return true;
}

bool same_tree(int one, int other) try {
  return same_entry(one, other, ".");
} catch (const Error&) {
  return false;  // gone meanwhile, or unreadable
}
