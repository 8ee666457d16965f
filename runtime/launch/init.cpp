// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/init.hpp"

#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/container/hooks.hpp"
#include "runtime/kernel/foreground.hpp"
#include "runtime/kernel/process.hpp"
#include "runtime/kernel/rootfs.hpp"
#include "runtime/kernel/syscalls.hpp"
#include "runtime/kernel/terminal.hpp"
#include "runtime/launch/execute.hpp"

namespace launch {
namespace {

/// The first process of a new user namespace is nobody until it takes the namespace's root
/// (user_namespaces(7)).
void become_root_of_namespace(bool may_set_groups) {
  if (may_set_groups) check(::setgroups(0, nullptr), "drop the host's groups");
  check(::setresgid(0, 0, 0), "become group 0 of the user namespace");
  check(::setresuid(0, 0, 0), "become user 0 of the user namespace");
  // The identity changed, so this process is readable by its like again: not while it holds host
  // descriptors.
  check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl PR_SET_DUMPABLE");
}

/// A joined user namespace has its own maps: where they have a 0, files are made as that root; the
/// host's root is nobody there and may not make any (EOVERFLOW).
void become_root_of_joined_namespace() {
  // Refused where setgroups is denied; the host's groups are nobody's there.
  (void)::setgroups(0, nullptr);
  if (::setresgid(0, 0, 0) == 0) (void)!::setresuid(0, 0, 0);
  check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl PR_SET_DUMPABLE");
}

void enter_namespaces(InitContext& context) {
  const plan::NamespacePlan& namespaces = context.plan.namespaces;
  if ((namespaces.create_flags & CLONE_NEWUSER) != 0) {
    context.handshake.expect(Message::kMapped);
    become_root_of_namespace(!namespaces.deny_setgroups && context.plan.process.set_groups);
  } else if (namespaces.joined(CLONE_NEWUSER) != nullptr) {
    become_root_of_joined_namespace();
  }
  for (const kernel::OpenNamespace& one : context.namespaces)
    if (one.plan.flag != CLONE_NEWPID && one.plan.flag != CLONE_NEWUSER) kernel::join(one);
  // Only now: the kernel roots the new cgroup namespace at the cgroup this process sits in
  // (cgroup_namespaces(7)).
  if (namespaces.create_cgroup) check(::unshare(CLONE_NEWCGROUP), "unshare the cgroup namespace");
  if (namespaces.bring_up_loopback) kernel::bring_up_loopback();
  kernel::set_names(namespaces);
}

void run_host_side_hooks(InitContext& context) {
  if (!waits_for_host(context.plan)) return;
  context.handshake.send(Message::kRootfsReady);
  context.handshake.expect(Message::kHooksDone);
}

/// A hook may hang, and while it does nobody looks at the handshake: a parent that is killed takes
/// init with it, or it would be left in no record.
void run_create_container_hooks(InitContext& context) {
  const std::vector<oci::Hook>& hooks = context.plan.hooks.create_container;
  if (hooks.empty()) return;
  check(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "prctl PR_SET_PDEATHSIG");
  context.handshake.end_without_parent();
  const HookSurroundings surroundings{.working_directory = context.bundle_directory};
  run_hooks(hooks, "createContainer", context.hook_state, surroundings);
  check(::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0), "prctl PR_SET_PDEATHSIG");
}

void make_terminal(InitContext& context, kernel::Rootfs& rootfs, UniqueFd& slave) {
  const plan::ProcessPlan& process = context.plan.process;
  kernel::Terminal terminal =
      kernel::open_terminal(rootfs.root(), process.console_size, process.uid);
  if (context.console_socket >= 0)
    kernel::send_descriptor(context.console_socket, terminal.master.get(), terminal.name);
  else
    context.handshake.send_master(terminal.master.get());
  if (context.plan.rootfs.console) rootfs.bind_console(terminal.slave.get());
  slave = std::move(terminal.slave);
}

/// The pid namespace that init will be born in, or -1.
int later_pid_namespace(const InitContext& context) {
  if (!context.plan.namespaces.enter_pid_last) return -1;
  for (const kernel::OpenNamespace& one : context.namespaces)
    if (one.plan.flag == CLONE_NEWPID) return one.file.get();
  return -1;
}

/// The slave of the container's terminal, if it has one.
UniqueFd enter_root(InitContext& context) {
  const trace::Step step("root file system");
  const mode_t old_mask = ::umask(0);
  kernel::Rootfs rootfs(context.plan.rootfs, context.cgroup, context.procfs,
                        std::move(context.prepared_mounts), later_pid_namespace(context),
                        context.overlay);
  rootfs.mount_all();
  run_host_side_hooks(context);
  context.hook_state.pid = ::getpid();
  run_create_container_hooks(context);
  UniqueFd slave;
  if (context.plan.process.terminal) make_terminal(context, rootfs, slave);
  for (const plan::Sysctl& sysctl : context.plan.sysctls)
    context.procfs.write("sys/" + sysctl.path, sysctl.value);
  rootfs.protect();
  trace::step("enter the root", [&] { rootfs.enter(); });
  ::umask(old_mask);
  return slave;
}

void wait_for_start(InitContext& context) {
  const trace::Step step("wait for start");
  if (context.gate != nullptr) context.gate->wait();
  context.started = true;
  const std::vector<oci::Hook>& hooks = context.plan.hooks.start_container;
  if (hooks.empty()) return;
  // A `start` that is killed while they run must not leave a container that seems to wait. Without
  // hooks execve does it, and the program's seccomp filter, which holds already, is asked no more.
  if (context.gate != nullptr) context.gate->pass();
  oci::State state = context.hook_state;
  state.status = oci::Status::kCreated;
  state.pid = ::getpid();
  run_hooks(hooks, "startContainer", state, {});
}

std::vector<int> gate_descriptors(const InitContext& context) {
  if (context.gate == nullptr) return {};
  const auto descriptors = context.gate->descriptors();
  return {descriptors.begin(), descriptors.end()};
}

/// All that is left to do does not need the host.
[[noreturn]] void become_process(InitContext& context, UniqueFd slave) {
  if (slave) kernel::use_terminal(slave.get());
  if (context.gate != nullptr) StartGate::end_on_signals();
  execute({.process = context.plan.process,
           .seccomp = context.plan.seccomp ? &*context.plan.seccomp : nullptr,
           .handshake = context.handshake,
           .limits_set_by_parent = context.plan.namespaces.has(CLONE_NEWUSER),
           .parent_is_root = context.parent_is_root,
           .kept_fds = context.kept_fds,
           .open_until_execve = gate_descriptors(context),
           .wait_for_start = [&] { wait_for_start(context); }});
}

/// A process of a joined pid namespace that may trace anything would find the host through the root
/// and the descriptors of one that is born there: so that comes when both are the container's.
[[noreturn]] void be_born_in_pid_namespace(InitContext& context, UniqueFd slave) {
  for (const kernel::OpenNamespace& one : context.namespaces)
    if (one.plan.flag == CLONE_NEWPID) kernel::join(one);
  std::vector<int> open = gate_descriptors(context);
  open.push_back(context.handshake.fd());
  if (slave) open.push_back(slave.get());
  close_all_but(context.kept_fds, std::move(open));
  clone_args arguments{};
  arguments.flags = CLONE_PARENT;
  const pid_t pid = kernel::clone3(arguments);
  if (pid == 0) {
    trace::enter_half("init");
    check(::setsid(), "setsid");
    become_process(context, std::move(slave));
  }
  check(pid, "clone3 of the container's first process");
  context.handshake.send_pid(pid);
  ::_exit(0);
}

void settle_in(InitContext& context) {
  const trace::Step step("settle in: cgroup, session, namespaces, keyring");
  wait_for_place(context);
  kernel::SignalForwarder::restore_in_child();
  mark_inherited_fds(context.kept_fds);
  if (context.namespaces_to_unshare != 0) {
    check(::unshare(static_cast<int>(context.namespaces_to_unshare)),
          "unshare the container's namespaces");
    context.cgroup.adopt_v1(context.handshake.expect_cgroups());
  }
  context.cgroup.enter();
  check(::setsid(), "setsid");
  enter_namespaces(context);
  if (context.plan.new_keyring) {
    kernel::set_key_label(context.procfs, context.plan.process);
    kernel::join_session_keyring(context.plan.id);
  }
  kernel::reset_cpu_affinity();
}

void become_container(InitContext& context) {
  trace::enter_half("init");
  settle_in(context);
  UniqueFd slave = enter_root(context);
  set_own_proc_files(context.procfs, context.plan.process);
  if (context.plan.namespaces.enter_pid_last) be_born_in_pid_namespace(context, std::move(slave));
  become_process(context, std::move(slave));
}

}  // namespace

bool waits_for_host(const plan::LaunchPlan& plan) {
  if (!plan.hooks.prestart.empty() || !plan.hooks.create_runtime.empty()) return true;
  return !plan.namespaces.net_devices.empty() && !plan.hooks.create_container.empty();
}

void wait_for_place(InitContext& context) {
  if (context.is_placed_later) context.handshake.expect(Message::kPlaced);
  context.is_placed_later = false;
}

void run_init(InitContext& context) noexcept {
  run_child(context.handshake, [&] {
    try {
      become_container(context);
    } catch (const Error& error) {
      // Past the gate the handshake of a create has no reader any more: whoever ran `start` is
      // told.
      if (context.gate == nullptr || !context.started) throw;
      context.gate->report(logging::shortened(error.what()));
    }
  });
}

}  // namespace launch
