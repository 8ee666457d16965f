// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/owners/owners.hpp"
#include "imagetool/store/erofs_writer.hpp"
#include "imagetool/store/layer_store.hpp"

namespace {

/// True when the kernel mounts a file of that file system (Linux 6.12; not of a tmpfs).
bool mounts_files(int context, const std::string& directory) {
  const UniqueFd image = open_at(AT_FDCWD, directory, O_TMPFILE | O_RDWR, 0600);
  const InodeAttributes root{.mode = S_IFDIR | 0755, .xattrs = {}};
  std::vector<ErofsWriter::Directory> directories(1);
  directories[0].attributes = &root;
  ErofsWriter(image.get()).finish(directories, "");
  const std::string path = sentence("/proc/self/fd/", image.get());
  return ::fsconfig(context, FSCONFIG_SET_STRING, "source", path.c_str(), 0) == 0 &&
         ::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0;
}

}  // namespace

LayerSupport layer_support(const std::string& directory) {
  const auto directories = [](const char* why) {
    return LayerSupport{LayerForm::kDirectories, sentence("directories: ", why), false};
  };
  if (::geteuid() != 0) return directories("only root can mount images");
  if (!is_in_first_user_namespace())
    return directories("images cannot be mounted in a user namespace");
  const UniqueFd context(::fsopen("erofs", FSOPEN_CLOEXEC));
  if (!context && errno == ENODEV) return directories("this kernel has no EROFS (modprobe erofs)");
  if (!context) return directories("this root may not mount (CAP_SYS_ADMIN)");
  if (mounts_files(context.get(), directory))
    return {LayerForm::kImages, "EROFS images, mounted from the file", true};
  if (::access("/dev/loop-control", R_OK | W_OK) != 0)
    return directories(
        "the kernel mounts no files of this file system, and there are no loop devices");
  return {LayerForm::kImages,
          "EROFS images, mounted by a loop device: the kernel mounts no files of this file system",
          false};
}
