// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/rootfs.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/kernel/mount_calls.hpp"
#include "runtime/kernel/rootfs_steps.hpp"

namespace kernel {
namespace {

constexpr const char* kHostRoot = "/";

/// Modes are what the plan says while this lives.
class NoUmask {
 public:
  NoUmask() : saved_(::umask(0)) {}
  NoUmask(const NoUmask&) = delete;
  NoUmask& operator=(const NoUmask&) = delete;
  ~NoUmask() { ::umask(saved_); }

 private:
  mode_t saved_;
};

template <typename Step>
constexpr bool kNeedsNoMountNamespace =
    std::is_same_v<Step, plan::MakeDevice> || std::is_same_v<Step, plan::MakeLink> ||
    std::is_same_v<Step, plan::MakeWorkingDirectory>;

/// Mounts the overlay, or binds the root filesystem on itself, from one resolution of its path; the
/// result is the new mount's root.
RootedDir bind_root(const plan::RootfsPlan& plan, const PreparedOverlay& overlay) {
  check(::mount(nullptr, "/", nullptr, plan.host_propagation, nullptr),
        "set the propagation of the host's / to ", plan.host_propagation);
  if (plan.overlay && !overlay.mount) return RootedDir(mount_overlay(plan, overlay, -1));
  // The root of a user namespace may have no way to the bundle; "/" will do as the overlay's place.
  const char* const place = overlay.mount ? kHostRoot : plan.root.c_str();
  const UniqueFd directory(
      check(::open(place, O_PATH | O_DIRECTORY | O_CLOEXEC), "root filesystem ", place));
  if (may_be_shared(plan)) make_parent_private(directory.get(), plan.root);
  UniqueFd tree = overlay.mount ? UniqueFd(check(::fcntl(overlay.mount.get(), F_DUPFD_CLOEXEC, 3),
                                                 "duplicate a descriptor"))
                                : clone_tree(directory.get(), "", true, plan.root);
  attach(tree.get(), directory.get(), plan.root);
  return RootedDir(std::move(tree));
}

bool has_masks(const plan::RootfsPlan& plan) {
  return std::any_of(plan.protections.begin(), plan.protections.end(),
                     [](const auto& step) { return std::holds_alternative<plan::MaskPath>(step); });
}

}  // namespace

void carry_out(const plan::RootfsStep& step, RootfsWork& work, UniqueFd prepared) {
  try {
    if (logging::debug_enabled()) logging::debug(plan::describe(step));
    const trace::Step traced([&] { return plan::describe(step); });
    std::visit(
        [&](const auto& one) {
          using Step = std::decay_t<decltype(one)>;
          if (!kNeedsNoMountNamespace<Step> && !work.plan.has_mount_namespace)
            throw Error("needs a mount namespace (add one to /linux/namespaces)");
          if constexpr (std::is_same_v<Step, plan::BindMount> ||
                        std::is_same_v<Step, plan::MountFilesystem>)
            apply(one, work, std::move(prepared));
          else
            apply(one, work);
        },
        step);
  } catch (Error& error) {
    error.add_context(plan::describe(step));
    throw;
  }
}

/// pivot_root(2) wants the parent of the new root not shared, and a clone of a shared mount would
/// be shared with the host. The mount a directory lies on is the first of the directory and its
/// parents that is the root of a mount.
void make_parent_private(int directory, const std::string& name) {
  UniqueFd at(check(::openat(directory, ".", O_PATH | O_DIRECTORY | O_CLOEXEC), "open ", name));
  while (true) {
    const struct statx status = identify(at.get(), name);
    if ((status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) break;
    UniqueFd parent(check(::openat(at.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC),
                          "open the parent of ", name));
    const struct statx above = identify(parent.get(), name);
    if (above.stx_ino == status.stx_ino && above.stx_mnt_id == status.stx_mnt_id)
      break;  // a chroot's "/"
    at = std::move(parent);
  }
  set_propagation(at.get(), MS_PRIVATE, name);
}

bool may_be_shared(const plan::RootfsPlan& plan) {
  const std::uint64_t flags = plan.host_propagation;
  return (flags & MS_REC) == 0 || (flags & (MS_SHARED | MS_UNBINDABLE)) != 0;
}

Rootfs::Rootfs(const plan::RootfsPlan& plan, const Cgroup& cgroup, const Procfs& procfs,
               std::vector<UniqueFd> prepared, int pid_namespace, const PreparedOverlay& overlay)
    : prepared_(std::move(prepared)) {
  UniqueFd host_null = has_masks(plan) ? open_host_null() : UniqueFd();
  work_ = std::make_unique<RootfsWork>(RootfsWork{
      .plan = plan,
      .cgroup = cgroup,
      .procfs = procfs,
      .pid_namespace = pid_namespace,
      .root = plan.has_mount_namespace ? bind_root(plan, overlay) : RootedDir::open(plan.root),
      .root_mount_id = 0,
      .root_inode = 0,
      .plain_mount_id = 0,
      .host_null = std::move(host_null),
      .dev = {},
      .masked_directory = {},
      .late_readonly = {}});
  const struct statx root = identify(work_->root.fd(), plan.root);
  work_->root_mount_id = root.stx_mnt_id;
  work_->root_inode = root.stx_ino;
}

Rootfs::~Rootfs() = default;

const RootedDir& Rootfs::root() const { return work_->root; }

void Rootfs::mount_all() {
  const NoUmask no_umask;
  const std::vector<plan::RootfsStep>& steps = work_->plan.mounts;
  for (std::size_t index = 0; index < steps.size(); ++index)
    carry_out(steps[index], *work_,
              index < prepared_.size() ? std::move(prepared_[index]) : UniqueFd());
  work_->dev.reset();
}

void Rootfs::bind_console(int slave) { kernel::bind_console(slave, *work_); }

void Rootfs::protect() {
  for (const plan::RootfsStep& step : work_->plan.protections) carry_out(step, *work_, UniqueFd());
}

void Rootfs::enter() { enter_root(*work_); }

}  // namespace kernel
