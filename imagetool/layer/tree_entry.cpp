// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/tree_entry.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/unique_fd.hpp"
#include "imagetool/layer/overlay_names.hpp"
#include "imagetool/oci/printable.hpp"

namespace {
using Kind = TarEntry::Kind;

std::optional<Kind> kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return Kind::kFile;
    case S_IFDIR:
      return Kind::kDirectory;
    case S_IFLNK:
      return Kind::kSymlink;
    case S_IFCHR:
      return Kind::kCharDevice;
    case S_IFBLK:
      return Kind::kBlockDevice;
    case S_IFIFO:
      return Kind::kFifo;
    default:
      return std::nullopt;
  }
}

/// For the calls that have no *at form: the kernel goes from the open directory, and the last
/// component is not followed by the l… calls.
std::string path_of(int directory, const std::string& name) {
  return sentence("/proc/self/fd/", directory, '/', name);
}

enum class Follow { kNo, kYes };

std::string read_value(const std::string& path, const std::string& name, Follow follow) {
  std::string value(XATTR_SIZE_MAX, '\0');
  const auto get = follow == Follow::kYes ? ::getxattr : ::lgetxattr;
  const ssize_t size = get(path.c_str(), name.c_str(), value.data(), value.size());
  value.resize(static_cast<std::size_t>(check(size, "read the attribute ", name)));
  return value;
}

// Nearly all files have none: one call then.
Xattrs read_xattrs(const std::string& path, Follow follow) {
  const auto list_names = follow == Follow::kYes ? ::listxattr : ::llistxattr;
  std::array<char, 1024> small{};
  std::string large;
  std::string_view list;
  ssize_t size = list_names(path.c_str(), small.data(), small.size());
  if (size < 0 && errno == ERANGE) {
    large.resize(XATTR_LIST_MAX);
    size = list_names(path.c_str(), large.data(), large.size());
  }
  if (size < 0 && errno == EOPNOTSUPP) return {};
  check(size, "list the attributes");
  list = {large.empty() ? small.data() : large.data(), static_cast<std::size_t>(size)};
  Xattrs xattrs;
  while (!list.empty()) {
    const std::string name(list.substr(0, list.find('\0')));
    list.remove_prefix(std::min(name.size() + 1, list.size()));
    if (!is_host_xattr(name)) xattrs.emplace_back(name, read_value(path, name, follow));
  }
  std::sort(xattrs.begin(), xattrs.end());
  return xattrs;
}

std::string read_target(int directory, const std::string& name) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = ::readlinkat(directory, name.c_str(), target.data(), target.size());
  target.resize(static_cast<std::size_t>(check(size, "read the symlink")));
  return target;
}

TarEntry described(Kind kind, const struct stat& status) {
  TarEntry entry;
  entry.kind = kind;
  entry.mode = status.st_mode & 07777;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.mtime = status.st_mtim;
  if (kind == Kind::kFile) entry.size = static_cast<std::uint64_t>(status.st_size);
  if (kind == Kind::kCharDevice || kind == Kind::kBlockDevice) {
    entry.device_major = major(status.st_rdev);
    entry.device_minor = minor(status.st_rdev);
  }
  return entry;
}
}  // namespace

bool is_host_xattr(std::string_view name) {
  return name == "security.selinux" || name == "security.evm" || name == "system.nfs4_acl" ||
         name == kOwnersXattr || name.starts_with("trusted.overlay.") ||
         name.starts_with("user.overlay.");
}

Xattrs read_xattrs(int directory, const std::string& name) {
  return read_xattrs(path_of(directory, name), Follow::kNo);
}

Xattrs read_xattrs(int file) { return read_xattrs(sentence("/proc/self/fd/", file), Follow::kYes); }

std::optional<TreeEntry> read_tree_entry(int directory, const std::string& name) {
  TreeEntry found;
  if (::fstatat(directory, name.c_str(), &found.status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return std::nullopt;
    const int number = errno;
    throw Error(sentence("stat ", printable(name)), number);
  }
  const std::optional<Kind> kind = kind_of(found.status.st_mode);
  if (!kind) return std::nullopt;
  found.entry = described(*kind, found.status);
  if (*kind == Kind::kSymlink) found.entry.link_target = read_target(directory, name);
  found.entry.xattrs = read_xattrs(directory, name);
  return found;
}

TreeEntry read_tree_root(int directory) {
  TreeEntry found;
  check(::fstat(directory, &found.status), "stat the root");
  found.entry = described(Kind::kDirectory, found.status);
  found.entry.xattrs = read_xattrs(directory, ".");
  return found;
}

std::optional<std::string> read_xattr(int directory, const std::string& name, const char* key) {
  std::array<char, 256> value{};
  const ssize_t size =
      ::lgetxattr(path_of(directory, name).c_str(), key, value.data(), value.size());
  if (size >= 0) return std::string(value.data(), static_cast<std::size_t>(size));
  if (errno == ERANGE) return std::string();
  if (errno == ENODATA || errno == EOPNOTSUPP || errno == EPERM) return std::nullopt;
  const int number = errno;
  throw Error(sentence("read the attribute ", key), number);
}

std::vector<std::string> sorted_names(int directory) {
  struct Close {
    void operator()(DIR* stream) const { ::closedir(stream); }
  };
  UniqueFd again(open_subdirectory(directory, "."));
  const std::unique_ptr<DIR, Close> stream(::fdopendir(again.get()));
  if (!stream) throw Error("list a directory", errno);
  static_cast<void>(again.release());  // the stream owns it
  std::vector<std::string> names;
  for (errno = 0; const dirent* entry = ::readdir(stream.get()); errno = 0) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) throw Error("list a directory", errno);
  std::sort(names.begin(), names.end());
  return names;
}

int open_subdirectory(int directory, const std::string& name) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  return check(::openat(directory, name.c_str(), kFlags), "open the directory ", name);
}

int open_regular(int directory, const std::string& name) {
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  return check(::openat(directory, name.c_str(), kFlags), "open ", name);
}

Digest digest_of_file(int file) {
  std::array<std::byte, std::size_t{64} << 10> buffer{};
  Hasher hasher;
  for (;;) {
    const ssize_t count = ::read(file, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (check(count, "read the file") == 0) return hasher.finish();
    hasher.update(std::span(buffer).first(static_cast<std::size_t>(count)));
  }
}
