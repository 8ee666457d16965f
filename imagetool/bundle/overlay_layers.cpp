// SPDX-License-Identifier: Apache-2.0
#include "imagetool/bundle/overlay_layers.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/owners/owners.hpp"

namespace {

/// True for a symlink.
bool add_layer(int overlay, const std::string& name, const std::string& layer) {
  struct stat status = {};
  check(::stat(layer.c_str(), &status), "layer ", layer);
  if (S_ISREG(status.st_mode) && ::linkat(AT_FDCWD, layer.c_str(), overlay, name.c_str(), 0) == 0)
    return false;
  check(::symlinkat(layer.c_str(), overlay, name.c_str()), "link ", layer, " into the bundle");
  return true;
}

/// overlayfs takes the root directory's owner, mode, xattrs and time from the topmost layer.
void make_upper(int overlay, const InodeAttributes& root) {
  check(::mkdirat(overlay, "upper", 0755), "make overlay/upper");
  const UniqueFd upper = open_at(overlay, "upper", O_RDONLY | O_DIRECTORY);
  if (::geteuid() == 0)
    check_owner_set(::fchown(upper.get(), root.uid, root.gid), root.uid, root.gid);
  const bool any_xattr = is_root_of_host();
  for (const auto& [name, value] : root.xattrs)
    if (::fsetxattr(upper.get(), name.c_str(), value.data(), value.size(), 0) != 0 &&
        errno != ENOTSUP && (any_xattr || errno != EPERM))
      check(-1, "set the xattr ", name, " of the root");
  check(::fchmod(upper.get(), root.mode & 07777), "set the mode of the root");
  const std::array<std::timespec, 2> times{root.mtime, root.mtime};
  check(::futimens(upper.get(), times.data()), "set the time of the root");
}

}  // namespace

OverlayLayers make_overlay(int bundle, const std::vector<std::string>& layers,
                           const InodeAttributes& root) {
  check(::mkdirat(bundle, "overlay", 0700), "make overlay");
  const UniqueFd overlay = open_at(bundle, "overlay", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  OverlayLayers result;
  for (std::size_t index = 0; index < layers.size(); ++index) {
    const std::string name = std::to_string(index);
    result.outside = add_layer(overlay.get(), name, layers[index]) || result.outside;
    result.annotation += sentence(index == 0 ? "" : ":", name);
  }
  make_upper(overlay.get(), root);
  check(::mkdirat(overlay.get(), "work", 0700), "make overlay/work");
  return result;
}
