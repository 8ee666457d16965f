// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/entry_attributes.hpp"

#include <fcntl.h>
#include <limits.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/layer/tree_entry.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/owners/owners.hpp"

namespace {
constexpr std::string_view kCapability = "security.capability";
constexpr mode_t kSpecialBits = 07000;

// umask(2) can only be read by changing it, which other threads would notice.
mode_t read_umask() {
  const std::string status = read_file("/proc/self/status");
  const std::size_t line = status.find("\nUmask:");
  if (line == std::string::npos) throw Error("/proc/self/status has no Umask line");
  return static_cast<mode_t>(std::stoul(status.substr(line + 7), nullptr, 8));
}

// The path of an open file for the xattr calls and chmod, which refuse O_PATH descriptors; it names
// the inode itself, so that a symlink is not followed.
std::string path_of(int fd) { return sentence("/proc/self/fd/", fd); }

std::array<std::timespec, 2> times_of(const TarEntry& entry) { return {entry.mtime, entry.mtime}; }
}  // namespace

EntryAttributes::EntryAttributes(LayerCounts& counts)
    : counts_(counts),
      host_root_(is_root_of_host()),
      uid_(::geteuid()),
      gid_(::getegid()),
      umask_(read_umask()) {}

// A set-group-id directory hands its group to what is made in it (inode(7)).
bool EntryAttributes::owner_differs(const TarEntry& entry, const Directory& parent) const {
  const gid_t gid = (parent.status.st_mode & S_ISGID) != 0 ? parent.status.st_gid : gid_;
  return privileged() && (entry.uid != uid_ || entry.gid != gid);
}

void EntryAttributes::set_on_new_file(int fd, const TarEntry& entry,
                                      const Directory& parent) const {
  if (owner_differs(entry, parent))
    check_owner_set(::fchown(fd, entry.uid, entry.gid), entry.uid, entry.gid);
  const bool xattrs = !entry.xattrs.empty();
  if (xattrs) set_xattrs(path_of(fd), entry, false);
  if ((entry.mode & (kSpecialBits | umask_)) != 0 || creation_mode(entry) != entry.mode)
    check(::fchmod(fd, entry.mode), "set the mode");
  if (xattrs) set_xattrs(path_of(fd), entry, true);
  check(::futimens(fd, times_of(entry).data()), "set the time");
}

void EntryAttributes::set_on_new_node(const Directory& parent, const std::string& name,
                                      const TarEntry& entry) const {
  const int directory = parent.fd.get();
  const bool is_link = entry.kind == TarEntry::Kind::kSymlink;
  if (owner_differs(entry, parent))
    check_owner_set(::fchownat(directory, name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW),
                    entry.uid, entry.gid);
  const bool wants_mode = !is_link && (entry.mode & (kSpecialBits | umask_)) != 0;
  if (wants_mode || !entry.xattrs.empty()) {
    const UniqueFd node(check(::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC),
                              "open what was just made"));
    const std::string path = path_of(node.get());
    set_xattrs(path, entry, false);
    if (wants_mode) check(::chmod(path.c_str(), entry.mode), "set the mode");
  }
  check(::utimensat(directory, name.c_str(), times_of(entry).data(), AT_SYMLINK_NOFOLLOW),
        "set the time");
}

void EntryAttributes::set_on_directory(Directory& directory, const TarEntry& entry) const {
  const int fd = directory.fd.get();
  struct stat& status = directory.status;
  if (privileged() && (status.st_uid != entry.uid || status.st_gid != entry.gid)) {
    check_owner_set(::fchown(fd, entry.uid, entry.gid), entry.uid, entry.gid);
    status.st_uid = entry.uid;
    status.st_gid = entry.gid;
  }
  remove_other_xattrs(fd, entry);
  if (!entry.xattrs.empty()) set_xattrs(path_of(fd), entry, false);
  // Who is not root needs write permission until the layer is done; the cache sets final_mode then.
  const mode_t mode = privileged() ? entry.mode : entry.mode | 0700;
  if ((status.st_mode & 07777) != mode) check(::fchmod(fd, mode), "set the mode");
  status.st_mode = S_IFDIR | mode;
  directory.final_mode = entry.mode;
  directory.mtime = entry.mtime;
  directory.changed = true;
}

// `capability`: only security.capability, which chown would have removed; else all others.
void EntryAttributes::set_xattrs(const std::string& path, const TarEntry& entry,
                                 bool capability) const {
  for (const auto& [name, value] : entry.xattrs) {
    if ((name == kCapability) != capability) continue;
    if (is_host_xattr(name)) {
      count_skipped(sentence("xattr ", printable(name)));
      continue;
    }
    if (name.find('\0') != std::string::npos) throw Error("an xattr's name has a NUL byte in it");
    if (::setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) == 0) continue;
    const int number = errno;
    const bool not_allowed =
        number == EPERM &&
        (!host_root_ || name.starts_with("user."));  // xattr(7): user.* on files only
    if (number != ENOTSUP && !not_allowed)
      throw Error(sentence("set the xattr ", printable(name)), number);
    count_skipped(sentence("xattr ", printable(name)));
  }
}

void EntryAttributes::remove_other_xattrs(int fd, const TarEntry& entry) {
  std::array<char, XATTR_LIST_MAX> names;
  const ssize_t length = ::flistxattr(fd, names.data(), names.size());
  if (length <= 0) return;
  std::string_view rest(names.data(), static_cast<std::size_t>(length));
  while (!rest.empty()) {
    const std::string name(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    const auto same = [&](const auto& xattr) { return xattr.first == name; };
    if (is_host_xattr(name) || std::any_of(entry.xattrs.begin(), entry.xattrs.end(), same))
      continue;
    if (::fremovexattr(fd, name.c_str()) != 0 && errno != EPERM && errno != ENODATA &&
        errno != ENOTSUP)
      throw Error(sentence("remove the xattr ", printable(name)), errno);
  }
}
