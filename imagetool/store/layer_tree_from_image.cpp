// SPDX-License-Identifier: Apache-2.0
#include "imagetool/store/layer_tree_from_image.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <unordered_map>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/layer/overlay_names.hpp"
#include "imagetool/owners/owners.hpp"

namespace {

using Inode = ErofsReader::Inode;

/// rootlesscontainers.proto: uid and gid as fields 1 and 2, left out when 0.
std::string owner_record(std::uint32_t uid, std::uint32_t gid) {
  std::string record;
  for (const auto& [tag, id] : {std::pair{'\x08', uid}, std::pair{'\x10', gid}}) {
    if (id == 0) continue;
    record += tag;
    std::uint32_t rest = id;
    for (; rest >= 0x80; rest >>= 7) record += static_cast<char>(rest | 0x80);
    record += static_cast<char>(rest);
  }
  return record;
}

class TreeWriter {
 public:
  explicit TreeWriter(const ErofsReader& image)
      : image_(image), root_(::geteuid() == 0), host_root_(is_root_of_host()) {}

  /// `to` is open; its content, then its own attributes.
  void fill(int to, const Inode& directory) {
    image_.each(directory, [&](std::string_view name, const Inode& inode) {
      make(to, std::string(name), inode);
    });
    set_attributes(to, ".", directory);
  }

 private:
  void make(int at, const std::string& name, const Inode& inode) {
    const auto first =
        inode.links > 1 && !S_ISDIR(inode.mode) ? linked_.find(inode.nid) : linked_.end();
    if (first != linked_.end()) {
      const std::string from = sentence("/proc/self/fd/", first->second.get());
      check(::linkat(AT_FDCWD, from.c_str(), at, name.c_str(), AT_SYMLINK_FOLLOW), "link ", name);
      return;
    }
    make_new(at, name, inode);
    if (inode.links > 1 && !S_ISDIR(inode.mode) && linked_.size() < kMostOpen)
      linked_.emplace(inode.nid, open_at(at, name, O_PATH | O_NOFOLLOW));
  }

  void make_new(int at, const std::string& name, const Inode& inode) {
    switch (inode.mode & S_IFMT) {
      case S_IFDIR: {
        check(::mkdirat(at, name.c_str(), 0700), "make ", name);
        return fill(open_at(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).get(), inode);
      }
      case S_IFREG:
        return make_file(at, name, inode);
      case S_IFLNK:
        check(::symlinkat(image_.content(inode).c_str(), at, name.c_str()), "make ", name);
        break;
      default:
        // mknod(2): everyone may make fifos and, since Linux 5.8, overlayfs's whiteouts.
        if (!host_root_ && !inode.is_whiteout() && !S_ISFIFO(inode.mode))
          return make_file(at, name, inode);
        check(::mknodat(at, name.c_str(), inode.mode,
                        ::makedev(inode.device_major, inode.device_minor)),
              "make ", name);
        if (inode.is_whiteout()) return;
    }
    set_attributes(at, name, inode);
  }

  void make_file(int at, const std::string& name, const Inode& inode) {
    const UniqueFd file = open_at(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    std::uint64_t done = 0;
    while (S_ISREG(inode.mode) && done < inode.size) {
      const std::size_t count = image_.read(inode, done, buffer_);
      write_all(file.get(), {reinterpret_cast<const char*>(buffer_.data()), count}, name);
      done += count;
    }
    set_attributes(at, name, inode);
  }

  void set_attributes(int at, const std::string& name, const Inode& inode) {
    if (root_)
      check_owner_set(::fchownat(at, name.c_str(), inode.uid, inode.gid, AT_SYMLINK_NOFOLLOW),
                      inode.uid, inode.gid);
    const UniqueFd file = open_at(at, name, O_PATH | O_NOFOLLOW);
    const std::string path = sentence("/proc/self/fd/", file.get());
    set_xattrs(path, inode);
    if (!S_ISLNK(inode.mode)) {
      // Who is not root has to read what he stores.
      const mode_t needed = root_ ? 0 : S_ISDIR(inode.mode) ? 0700 : 0400;
      check(::chmod(path.c_str(), (inode.mode & 07777) | needed), "chmod ", name);
    }
    const std::array<std::timespec, 2> times{inode.mtime, inode.mtime};
    check(::utimensat(at, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW), "set the time of ",
          name);
  }

  void set_xattrs(const std::string& path, const Inode& inode) {
    const bool takes_user_xattrs = S_ISREG(inode.mode) || S_ISDIR(inode.mode);
    if (!root_ && takes_user_xattrs && (inode.uid != 0 || inode.gid != 0))
      set(path, kOwnersXattr, owner_record(inode.uid, inode.gid));
    for (const auto& [name, value] : image_.attributes(inode).xattrs)
      set(path, !host_root_ && name == kOpaqueXattr ? kUserOpaqueXattr : name, value);
  }

  void set(const std::string& path, const std::string& name, const std::string& value) const {
    if (::setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) == 0) return;
    if (errno != ENOTSUP && (host_root_ || errno != EPERM)) check(-1, "set the xattr ", name);
  }

  static constexpr std::size_t kMostOpen = 256;  // of the rest copies are made
  const ErofsReader& image_;
  bool root_;       // may give files away
  bool host_root_;  // and make devices, and set trusted.* xattrs
  std::unordered_map<std::uint64_t, UniqueFd> linked_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(std::size_t{256} << 10);
};

}  // namespace

void write_tree(const ErofsReader& image, const std::string& directory) {
  const UniqueFd to = open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  TreeWriter(image).fill(to.get(), image.root());
}
