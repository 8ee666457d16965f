// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/procfs.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"

namespace kernel {
namespace {

constexpr ino_t kProcRootInode = 1;  // linux/proc_fs.h: PROC_ROOT_INO

}  // namespace

Procfs Procfs::open() {
  UniqueFd root(
      check(::open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), "open /proc"));
  struct statfs filesystem{};
  check(::fstatfs(root.get(), &filesystem), "statfs /proc");
  struct stat status{};
  check(::fstat(root.get(), &status), "stat /proc");
  if (filesystem.f_type != PROC_SUPER_MAGIC || status.st_ino != kProcRootInode)
    throw Error("/proc is not the root of a proc file system: mount one there before using toyrun");
  return Procfs(std::move(root));
}

UniqueFd Procfs::open_file(const std::string& path, int flags) const {
  // NO_XDEV: a mount put over a file in here must not catch what is meant for the kernel.
  return UniqueFd(check(open_beneath(root_.get(), path.c_str(), flags, 0,
                                     RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV),
                        "open /proc/", path));
}

void Procfs::write(const std::string& path, std::string_view value) const {
  const UniqueFd file = open_file(path, O_WRONLY);
  const ssize_t written = check(::write(file.get(), value.data(), value.size()), "write \"", value,
                                "\" to /proc/", path);
  if (static_cast<std::size_t>(written) != value.size())
    throw Error(sentence("write \"", value, "\" to /proc/", path, ": the kernel took only a part"));
}

}  // namespace kernel
