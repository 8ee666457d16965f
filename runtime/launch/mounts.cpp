// SPDX-License-Identifier: Apache-2.0
// mounts add, mounts remove: a child enters the container's mount namespace (and user namespace),
// does one thing there and ends. It stays in the host's pid namespace, out of the container's
// sight.
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/added_mounts.hpp"
#include "runtime/kernel/procfs.hpp"
#include "runtime/kernel/rootfs.hpp"
#include "runtime/launch/child.hpp"
#include "runtime/launch/execute.hpp"
#include "runtime/launch/launch.hpp"

namespace launch {
namespace {

void enter_mounts(int init, std::uint64_t flags) {
  const std::uint64_t wanted = flags & (CLONE_NEWNS | CLONE_NEWUSER);
  check(::setns(init, static_cast<int>(wanted)), "enter the container's mount namespace");
  if ((flags & CLONE_NEWUSER) == 0) return;
  // What is made belongs to the container's root, if it has one.
  [[maybe_unused]] const bool is_root = ::setresgid(0, 0, 0) == 0 && ::setresuid(0, 0, 0) == 0;
  check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl PR_SET_DUMPABLE");
}

/// Without the right to clone it here its path would be looked up in the container, and
/// open_tree(2) clones nothing of another mount namespace.
void refuse_binds(const plan::RootfsPlan& plan) {
  for (const plan::RootfsStep& step : plan.mounts)
    if (const auto* bind = std::get_if<plan::BindMount>(&step))
      throw Error(sentence("bind ", bind->source, " on ", bind->target,
                           ": an ordinary user cannot bind what is on the host into a running "
                           "container: put the mount into config.json, or do this as root"),
                  EPERM);
}

void change_mounts(const Container& container, const std::function<void()>& change) {
  const std::uint64_t flags = container.details().namespace_flags;
  if ((flags & CLONE_NEWNS) == 0)
    throw Error("the container has no mount namespace of its own: its mounts are the host's");
  const std::optional<UniqueFd> init = container.open_init();
  if (!init) throw Error("container not running");
  Handshake::Pair handshake = Handshake::make_pair();
  check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl PR_SET_DUMPABLE");
  Child child = Child::clone(0, -1);
  if (child.is_self()) {
    handshake.parent.close();
    run_child(handshake.child, [&] {
      enter_mounts(init->get(), flags);
      change();
      handshake.child.send_ready(-1);
      ::_exit(0);
    });
  }
  handshake.child.close();
  handshake.parent.expect_ready();
  child.wait();
}

}  // namespace

void add_mounts(const Container& container, const plan::RootfsPlan& plan) {
  const kernel::Procfs procfs = kernel::Procfs::open();
  std::vector<UniqueFd> prepared = kernel::prepare_mounts(plan, true, -1);
  if (prepared.empty()) refuse_binds(plan);
  change_mounts(container, [&] { kernel::add_mounts(plan, procfs, std::move(prepared)); });
}

void remove_mounts(const Container& container, const std::vector<std::string>& targets) {
  change_mounts(container, [&] { kernel::remove_mounts(targets); });
}

}  // namespace launch
