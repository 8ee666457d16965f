// SPDX-License-Identifier: Apache-2.0
// exec: a new process in all namespaces and cgroups of a running container. The upper half runs on
// the host, run_joiner in the joiner.
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <optional>
#include <utility>
#include <vector>

#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "runtime/kernel/cgroup.hpp"
#include "runtime/kernel/foreground.hpp"
#include "runtime/kernel/process.hpp"
#include "runtime/kernel/procfs.hpp"
#include "runtime/kernel/resctrl.hpp"
#include "runtime/kernel/syscalls.hpp"
#include "runtime/kernel/systemd.hpp"
#include "runtime/kernel/terminal.hpp"
#include "runtime/launch/child.hpp"
#include "runtime/launch/execute.hpp"
#include "runtime/launch/launch.hpp"
#include "runtime/launch/ready.hpp"

namespace launch {
namespace {

struct JoinContext {
  const std::string& id;
  const ContainerDetails& details;
  const plan::ProcessPlan& process;
  const kernel::Cgroup& cgroup;
  const kernel::Procfs& procfs;
  int init;  // pidfd
  int root;  // the container's, when it has the host's mount namespace; else -1
  Handshake& handshake;
  int console_socket = -1;
  unsigned kept_fds = 0;
  bool parent_is_root = true;
  bool is_placed_later = false;  // systemd moves it into the cgroup
};

void become_root_if_mapped() {
  // Not every mapping has a 0; then the capabilities gained by entering the namespace have to do.
  [[maybe_unused]] const bool is_root = ::setresgid(0, 0, 0) == 0 && ::setresuid(0, 0, 0) == 0;
  check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl PR_SET_DUMPABLE");
}

void enter_namespaces(const JoinContext& context) {
  const std::uint64_t flags = context.details.namespace_flags;
  if (flags != 0)
    check(::setns(context.init, static_cast<int>(flags)), "enter the container's namespaces");
  if ((flags & CLONE_NEWUSER) != 0) become_root_if_mapped();
  if (context.root < 0) return;
  check(::fchdir(context.root), "enter the container's root");
  check(::chroot("."), "chroot to the container's root");
}

void make_terminal(const JoinContext& context) {
  const RootedDir root = RootedDir::open("/");
  const kernel::Terminal terminal =
      kernel::open_terminal(root, context.process.console_size, context.process.uid);
  if (context.console_socket >= 0)
    kernel::send_descriptor(context.console_socket, terminal.master.get(), terminal.name);
  else
    context.handshake.send_master(terminal.master.get());
  kernel::use_terminal(terminal.slave.get());
}

[[noreturn]] void become_process(const JoinContext& context) {
  check(::setsid(), "setsid");
  if (context.process.terminal) make_terminal(context);
  execute({.process = context.process,
           .seccomp = context.details.seccomp ? &*context.details.seccomp : nullptr,
           .handshake = context.handshake,
           .limits_set_by_parent = (context.details.namespace_flags & CLONE_NEWUSER) != 0,
           .parent_is_root = context.parent_is_root,
           .kept_fds = context.kept_fds,
           .open_until_execve = {},
           .wait_for_start = {}});
}

/// A pid namespace is entered by birth, which comes last: a process of the container that may trace
/// anything would find the host through the root and the descriptors of one that was born there
/// earlier.
[[noreturn]] void be_born_in_pid_namespace(const JoinContext& context) {
  std::vector<int> open = {context.handshake.fd()};
  if (context.console_socket >= 0) open.push_back(context.console_socket);
  close_all_but(context.kept_fds, std::move(open));
  clone_args arguments{};
  arguments.flags = CLONE_PARENT;
  const pid_t pid = kernel::clone3(arguments);
  if (pid == 0) {
    trace::enter_half("process");
    become_process(context);
  }
  check(pid, "clone3 of the process");
  context.handshake.send_pid(pid);
  ::_exit(0);
}

/// runtime-spec, config "execCPUAffinity": without a final list the kernel's choice stands.
void set_affinity_in_cgroup(const plan::ProcessPlan& process) {
  if (!process.exec_affinity) return kernel::reset_cpu_affinity();
  const std::optional<plan::CpuList>& cpus = process.exec_affinity->in_cgroup;
  if (cpus) kernel::set_cpu_affinity(*cpus, "final");
}

[[noreturn]] void join(const JoinContext& context) {
  trace::enter_half("joiner");
  kernel::SignalForwarder::restore_in_child();
  mark_inherited_fds(context.kept_fds);
  if (context.is_placed_later) context.handshake.expect(Message::kPlaced);
  context.cgroup.enter();
  enter_namespaces(context);
  if (context.details.session_keyring) {
    kernel::set_key_label(context.procfs, context.process);
    kernel::join_session_keyring(context.id);
  }
  set_affinity_in_cgroup(context.process);
  set_own_proc_files(context.procfs, context.process);
  if ((context.details.namespace_flags & CLONE_NEWPID) != 0) be_born_in_pid_namespace(context);
  become_process(context);
}

/// Entering a mount namespace leads to its root. Without one of its own the container is in a
/// chroot only.
UniqueFd open_chroot(const Container& container) {
  if ((container.details().namespace_flags & CLONE_NEWNS) != 0) return {};
  return open_at(AT_FDCWD, container.record().rootfs, O_PATH | O_DIRECTORY);
}

UniqueFd open_running_init(const Container& container) {
  std::optional<UniqueFd> init = container.open_init();
  if (!init) throw Error("cannot exec in a stopped container");
  return std::move(*init);
}

/// A container that runs its own systemd has moved its processes below its top cgroup, which then
/// takes none itself: init's present cgroup will do, as long as it lies below the container's
/// (runtime.md 3.4).
Child clone_joiner(const Container& container, kernel::Cgroup& cgroup, bool is_own_cgroup,
                   bool& is_placed_later) {
  try {
    return Child::clone(0, cgroup.v2_directory());
  } catch (const Error& error) {
    // As in launch: our own rights do not reach into it.
    is_placed_later = is_own_cgroup && error.number() == EACCES && container.cgroups().unit;
    if (!is_placed_later && (error.number() != EBUSY || !is_own_cgroup)) throw;
  }
  if (is_placed_later) return Child::clone(0, -1);
  const std::string name = sentence("/proc/", container.record().pid, "/cgroup");
  const std::string text = read_file(name);
  const std::size_t line = text.find("0::");
  const std::string now = text.substr(line + 3, text.find('\n', line) - line - 3);
  kernel::CgroupDirectories directories = container.cgroups().directories;
  for (plan::CgroupDirectory& one : directories) {
    if (!one.is_v2) continue;
    if (line == std::string::npos || !now.starts_with(one.path + "/"))
      throw Error(sentence("cannot exec: the container's first process left its cgroup ", one.path,
                           " for ", now));
    one.path = now;
  }
  return Child::clone(0, kernel::Cgroup::open(directories).v2_directory());
}

kernel::Cgroup open_cgroup(const Container& container, const ProcessOptions& options) {
  if (options.cgroups.empty()) return kernel::Cgroup::open(container.cgroups().directories);
  return kernel::Cgroup::open(options.cgroups, kernel::Cgroup::Missing::kError);
}

}  // namespace

Launched join_container(const Container& container, const plan::ProcessPlan& process,
                        const ProcessOptions& options) {
  const ContainerDetails& details = container.details();
  const kernel::Procfs procfs = kernel::Procfs::open();
  const UniqueFd init = open_running_init(container);
  const UniqueFd root = open_chroot(container);
  UniqueFd console;
  if (options.console_socket) console = kernel::connect_socket(*options.console_socket);
  kernel::Cgroup cgroup = open_cgroup(container, options);
  Handshake::Pair handshake = Handshake::make_pair();
  check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl PR_SET_DUMPABLE");

  if (process.exec_affinity && process.exec_affinity->before_cgroup)
    kernel::set_cpu_affinity(*process.exec_affinity->before_cgroup, "initial");
  bool is_placed_later = false;
  Child joiner = clone_joiner(container, cgroup, options.cgroups.empty(), is_placed_later);
  if (joiner.is_self()) {
    handshake.parent.close();
    const JoinContext context{.id = container.record().id,
                              .details = details,
                              .process = process,
                              .cgroup = cgroup,
                              .procfs = procfs,
                              .init = init.get(),
                              .root = root.get(),
                              .handshake = handshake.child,
                              .console_socket = console.get(),
                              .kept_fds = count_kept_fds(options.preserve_fds),
                              .parent_is_root = ::geteuid() == 0,
                              .is_placed_later = is_placed_later};
    run_child(handshake.child, [&] { join(context); });
  }
  handshake.child.close();
  if (is_placed_later) {
    kernel::attach_to_unit(*container.cgroups().unit, joiner.pid());
    handshake.parent.send(Message::kPlaced);
  }
  const bool has_pid_namespace = (details.namespace_flags & CLONE_NEWPID) != 0;
  Child child =
      has_pid_namespace ? adopt_sibling(std::move(joiner), handshake.parent) : std::move(joiner);
  Launched launched = wait_until_ready(
      child, std::move(handshake.parent),
      {.seccomp = details.seccomp, .no_new_privileges = process.no_new_privileges},
      container.state_as(oci::Status::kRunning, container.record().pid), options.pidfd_socket);
  if ((details.namespace_flags & CLONE_NEWUSER) != 0)
    kernel::set_limits(process.limits, launched.pid);
  if (container.cgroups().rdt) kernel::add_to_resctrl(*container.cgroups().rdt, launched.pid);
  child.keep();
  return launched;
}

}  // namespace launch
