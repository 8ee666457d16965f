// SPDX-License-Identifier: Apache-2.0
// The root filesystem as an overlay of the bundle's layers. Images are mounted on the host's side,
// detached: init may open neither loop devices nor, in a user namespace, mount them. The overlay is
// made by init; with a user namespace by the parent, because only the host's root may trust
// trusted.overlay xattrs. Either happens in a mount namespace that dies with its process.
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/id_map.hpp"
#include "runtime/kernel/mount_calls.hpp"
#include "runtime/kernel/rootfs.hpp"
#include "runtime/kernel/rootfs_steps.hpp"

namespace kernel {
namespace {

constexpr int kMostAttempts = 100;
constexpr std::uint64_t kOverlayMagic = 0x794c7630;  // OVERLAYFS_SUPER_MAGIC

UniqueFd make_image_mount(const std::string& source) {
  // Read-only from the start: a loop device that is cannot be opened for more.
  return make_filesystem({.type = "erofs",
                          .source = source,
                          .superblock_flags = MS_RDONLY,
                          .attributes = MOUNT_ATTR_RDONLY});
}

/// loop(4): the device is free again with its last user, the mount.
UniqueFd open_loop_device(int image, std::string& path) {
  const UniqueFd control = open_at(AT_FDCWD, "/dev/loop-control", O_RDWR);
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    const int number = check(::ioctl(control.get(), LOOP_CTL_GET_FREE), "find a free loop device");
    path = sentence("/dev/loop", number);
    UniqueFd device = open_at(AT_FDCWD, path, O_RDONLY);
    loop_config config{};
    config.fd = static_cast<__u32>(image);
    config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
    if (::ioctl(device.get(), LOOP_CONFIGURE, &config) == 0) return device;
    if (errno != EBUSY) check(-1, "set up ", path);
  }
  throw Error("no free loop device: each one is taken by another process at once", EBUSY);
}

UniqueFd mount_image(int image, const std::string& name) {
  try {
    return make_image_mount(fd_path(image));
  } catch (Error& error) {
    error.add_context(name);
    if (error.number() != ENOTBLK) throw;  // Linux 6.12 mounts files
  }
  std::string path;
  const UniqueFd device = open_loop_device(image, path);
  return make_image_mount(path);
}

std::string layer_path(const plan::OverlayRoot& overlay, const std::string& name) {
  return sentence(overlay.directory, '/', name);
}

UniqueFd open_layer(const plan::OverlayRoot& overlay, const std::string& name) {
  const std::string path = layer_path(overlay, name);
  const int opened = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (opened < 0 && errno == ENOENT)
    throw Error(
        sentence("the layer ", path, " is gone: toyimg pull and toyimg unpack make it again"),
        ENOENT);
  return UniqueFd(check(opened, "open the layer ", path));
}

bool is_directory(int fd, const std::string& name) { return S_ISDIR(identify(fd, name).stx_mode); }

/// Host id of a container's one; nullopt when the map has none.
std::optional<std::uint32_t> mapped(const std::vector<oci::IdMapping>& maps, std::uint32_t id) {
  for (const oci::IdMapping& map : maps)
    if (id >= map.container_id && id - map.container_id < map.size)
      return static_cast<std::uint32_t>(map.host_id + (id - map.container_id));
  return std::nullopt;
}

bool is_mapped_to(const std::vector<oci::IdMapping>& maps, std::uint32_t id) {
  return std::ranges::any_of(maps, [id](const oci::IdMapping& map) {
    return id >= map.host_id && id - map.host_id < map.size;
  });
}

/// The upper directory is not idmapped (overlayfs makes files in it as the host's root, who is
/// nobody there), so the root directory's owner is set, the first time.
void own_upper(const plan::OverlayRoot& overlay) {
  const plan::IdMap& map = *overlay.id_map;
  if (map.of_joined_namespace) return;
  const UniqueFd upper =
      open_at(AT_FDCWD, layer_path(overlay, "upper"), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const struct statx status = identify(upper.get(), "overlay/upper");
  if (is_mapped_to(map.uids, status.stx_uid) && is_mapped_to(map.gids, status.stx_gid)) return;
  const auto uid = mapped(map.uids, status.stx_uid);
  const auto gid = mapped(map.gids, status.stx_gid);
  if (!uid || !gid) throw Error("the owner of overlay/upper has no id in the user namespace");
  check(::fchown(upper.get(), *uid, *gid), "set the owner of overlay/upper");
}

/// A mount namespace of this process's own for a while. setns(2) resets root and working directory.
class PassingMountNamespace {
 public:
  PassingMountNamespace()
      : own_(open_at(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY)),
        root_(open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY)),
        directory_(open_at(AT_FDCWD, ".", O_PATH | O_DIRECTORY)) {
    check(::unshare(CLONE_NEWNS), "unshare the mount namespace");
    inside_ = true;
    check(::mount(nullptr, "/", nullptr, MS_PRIVATE | MS_REC, nullptr), "make mounts private");
  }
  PassingMountNamespace(const PassingMountNamespace&) = delete;
  PassingMountNamespace& operator=(const PassingMountNamespace&) = delete;
  ~PassingMountNamespace() {
    if (inside_) (void)leave();
  }
  void end() { check(leave() ? 0 : -1, "go back to the host's mount namespace"); }

 private:
  bool leave() {
    inside_ = false;
    return ::setns(own_.get(), CLONE_NEWNS) == 0 && ::fchdir(root_.get()) == 0 &&
           ::chroot(".") == 0 && ::fchdir(directory_.get()) == 0;
  }
  UniqueFd own_, root_, directory_;
  bool inside_ = false;
};

/// Where mounts are stacked: the mount point and the way to what is mounted on it.
struct MountPoint {
  UniqueFd parent;
  std::string name;
  UniqueFd directory;
};

MountPoint open_mount_point(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  MountPoint point{
      .parent = open_at(AT_FDCWD, slash == 0 ? "/" : path.substr(0, slash), O_PATH | O_DIRECTORY),
      .name = path.substr(slash + 1),
      .directory = {}};
  point.directory = open_at(point.parent.get(), point.name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  return point;
}

}  // namespace

UniqueFd mount_overlay(const plan::RootfsPlan& plan, const PreparedOverlay& prepared, int map) {
  const plan::OverlayRoot& overlay = *plan.overlay;
  const MountPoint point = open_mount_point(plan.root);
  if (may_be_shared(plan)) make_parent_private(point.directory.get(), plan.root);
  std::vector<UniqueFd> opened;  // those that are no images
  std::string lower;
  for (std::size_t index = 0; index < overlay.layers.size(); ++index) {
    const std::string& name = overlay.layers[index];
    int layer = prepared.images[index].get();
    if (layer < 0) {
      opened.push_back(open_layer(overlay, name));
      if (map >= 0) {
        opened.back() = clone_tree(opened.back().get(), "", false, name);
        set_id_map(opened.back().get(), map, false, name);
        attach(opened.back().get(), point.directory.get(), name);
      }
      layer = opened.back().get();
    } else {
      // overlayfs takes no detached mounts. One on top of the other they are out of the way.
      attach(layer, point.directory.get(), name);
    }
    lower.insert(0, index == 0 ? fd_path(layer) : fd_path(layer) + ':');
  }
  const UniqueFd directory =
      open_at(AT_FDCWD, overlay.directory, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  const std::string place = fd_path(directory.get());
  // Without redirects and metadata-only copies the upper directory is a layer by itself.
  const std::string words =
      sentence("lowerdir=", lower, ",upperdir=", place, "/upper,workdir=", place, "/work,",
               overlay.user_xattrs ? "userxattr" : "redirect_dir=off,metacopy=off,index=off");
  if (words.size() >= 4096) throw Error("there are more layers than mount(2) has room for");
  check(::mount("overlay", fd_path(point.directory.get()).c_str(), "overlay", 0, words.c_str()),
        "mount the overlay of the bundle's layers on ", plan.root);
  UniqueFd root = open_at(point.parent.get(), point.name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (filesystem_magic(root.get(), plan.root) != kOverlayMagic)
    throw Error(sentence("something else was mounted on ", plan.root));
  return root;
}

PreparedOverlay prepare_overlay(const plan::RootfsPlan& plan, int joined_user_namespace) {
  PreparedOverlay prepared;
  if (!plan.overlay) return prepared;
  const trace::Step step("mount the layers' images");
  const plan::OverlayRoot& overlay = *plan.overlay;
  IdMapNamespaces maps(joined_user_namespace);
  const int map = overlay.id_map ? maps.namespace_for(*overlay.id_map) : -1;
  for (const std::string& name : overlay.layers) {
    const UniqueFd layer = open_layer(overlay, name);
    UniqueFd image;
    if (!is_directory(layer.get(), name)) image = mount_image(layer.get(), name);
    if (image && map >= 0) set_id_map(image.get(), map, false, name);
    prepared.images.push_back(std::move(image));
  }
  if (map < 0) return prepared;
  own_upper(overlay);
  PassingMountNamespace namespace_of_ours;
  const UniqueFd root = mount_overlay(plan, prepared, map);
  prepared.mount = clone_tree(root.get(), "", false, plan.root);
  namespace_of_ours.end();
  return prepared;
}

}  // namespace kernel
