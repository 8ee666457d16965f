// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/launch.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/container/hooks.hpp"
#include "runtime/container/start_gate.hpp"
#include "runtime/kernel/cgroup.hpp"
#include "runtime/kernel/namespaces.hpp"
#include "runtime/kernel/net_devices.hpp"
#include "runtime/kernel/pidfd.hpp"
#include "runtime/kernel/process.hpp"
#include "runtime/kernel/procfs.hpp"
#include "runtime/kernel/resctrl.hpp"
#include "runtime/kernel/rootfs.hpp"
#include "runtime/kernel/syscalls.hpp"
#include "runtime/kernel/systemd.hpp"
#include "runtime/kernel/terminal.hpp"
#include "runtime/launch/child.hpp"
#include "runtime/launch/execute.hpp"
#include "runtime/launch/init.hpp"
#include "runtime/launch/ready.hpp"
#include "runtime/network/connection.hpp"

namespace launch {
namespace {

bool joins(const plan::NamespacePlan& namespaces, std::uint64_t flag) {
  return namespaces.joined(flag) != nullptr;
}

/// Pid and time namespaces are entered by birth: the parent points its children to them
/// (pid_namespaces(7), time_namespaces(7)) and, once init is born, back to its own, where the hooks
/// belong.
class ChildrensNamespaces {
 public:
  ChildrensNamespaces(const plan::NamespacePlan& plan,
                      const std::vector<kernel::OpenNamespace>& namespaces) {
    if (plan.create_time) {
      own_.push_back({.plan = {.type = "time", .flag = CLONE_NEWTIME, .path = "/proc/self/ns/time"},
                      .file = {}});
      own_.back().file = open_at(AT_FDCWD, own_.back().plan.path, O_RDONLY);
      kernel::make_time_namespace(plan);
    }
    for (const kernel::OpenNamespace& one : namespaces) {
      if (one.plan.flag != CLONE_NEWPID || plan.enter_pid_last) continue;
      own_.push_back(
          {.plan = {.type = "pid", .flag = CLONE_NEWPID, .path = "/proc/self/ns/pid"}, .file = {}});
      own_.back().file = open_at(AT_FDCWD, own_.back().plan.path, O_RDONLY);
      kernel::join(one);
    }
  }
  void restore() const {
    for (const kernel::OpenNamespace& one : own_) kernel::join(one);
  }

 private:
  std::vector<kernel::OpenNamespace> own_;
};

/// A joined user namespace must own the new namespaces, so they are made from inside it, by a
/// go-between which then clones init as its sibling.
[[noreturn]] void run_go_between(InitContext& context) noexcept {
  run_child(context.handshake, [&] {
    trace::enter_half("go-between");
    wait_for_place(context);
    context.cgroup.enter();
    for (const kernel::OpenNamespace& one : context.namespaces)
      if (one.plan.flag == CLONE_NEWUSER) kernel::join(one);
    check(::unshare(static_cast<int>(context.plan.namespaces.create_flags)),
          "unshare the namespaces");
    clone_args arguments{};
    arguments.flags = CLONE_PARENT;
    const pid_t pid = kernel::clone3(arguments);
    if (pid == 0) run_init(context);
    check(pid, "clone3 of the container's first process");
    context.handshake.send_pid(pid);
    ::_exit(0);
  });
}

/// The user's own cgroups begin at its systemd: from a login session, which lies beside that,
/// nothing can be put into them (cgroups(7), "Delegation containment"), but by systemd.
Child clone_into_cgroup(InitContext& context, std::uint64_t flags) {
  try {
    return Child::clone(flags, context.cgroup.v2_directory());
  } catch (const Error& error) {
    if (error.number() == EBUSY) context.cgroup.require_room_for_processes();
    if (error.number() != EACCES || !context.plan.cgroup.unit) throw;
  }
  context.is_placed_later = true;
  return Child::clone(flags, -1);
}

/// The namespaces that init makes itself, meanwhile this half makes the v1 cgroups: each of the two
/// takes half a millisecond. None where this half needs them at once, or where init could not.
std::uint64_t namespaces_to_unshare(const plan::LaunchPlan& plan) {
  const plan::NamespacePlan& namespaces = plan.namespaces;
  const bool has_v1 = !std::ranges::all_of(plan.cgroup.directories, &plan::CgroupDirectory::is_v2);
  if (!has_v1 || plan.cgroup.unit || plan.cgroup.ignore_permission) return 0;
  if (namespaces.has(CLONE_NEWUSER) || ::geteuid() != 0) return 0;
  if (!namespaces.net_devices.empty() || plan.network) return 0;
  return namespaces.create_flags & ~std::uint64_t{CLONE_NEWPID};
}

/// Without the v1 cgroups, if init is to be cloned before them.
kernel::Cgroup make_cgroup(const plan::LaunchPlan& plan) {
  const trace::Step step("make and limit the cgroup");
  return namespaces_to_unshare(plan) != 0 ? kernel::Cgroup::create_v2(plan.cgroup)
                                          : kernel::Cgroup::create(plan.cgroup);
}

/// While init is busy with its namespaces.
void make_v1_cgroups(const plan::CgroupPlan& plan, kernel::Cgroup& cgroup,
                     const Handshake& handshake) {
  const trace::Step step("make and limit the v1 cgroups");
  cgroup.create_v1(plan);
  handshake.send_cgroups(cgroup.v1_descriptors());
  cgroup.close_v1();
}

Child clone_init(InitContext& context, Handshake::Pair& handshake, kernel::TransientUnit* unit) {
  const plan::NamespacePlan& namespaces = context.plan.namespaces;
  const bool through_go_between = joins(namespaces, CLONE_NEWUSER);
  // Nobody in a shared pid namespace may look into init while it holds host descriptors
  // (CVE-2016-9962). But whoever is not root owns the id maps of a dumpable child only; then init
  // does this itself, once they are written.
  if ((namespaces.create_flags & CLONE_NEWUSER) == 0 || ::geteuid() == 0)
    check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl PR_SET_DUMPABLE");
  const std::uint64_t flags = namespaces.create_flags & ~context.namespaces_to_unshare;
  Child child = clone_into_cgroup(context, through_go_between ? 0 : flags);
  if (child.is_self()) {
    handshake.parent.close();
    if (through_go_between) run_go_between(context);
    run_init(context);
  }
  handshake.child.close();
  if (context.is_placed_later) {
    unit->attach(child.pid());
    handshake.parent.send(Message::kPlaced);
  }
  if (context.namespaces_to_unshare != 0)
    make_v1_cgroups(context.plan.cgroup, context.cgroup, handshake.parent);
  return through_go_between ? adopt_sibling(std::move(child), handshake.parent) : std::move(child);
}

/// Its descriptor, or -1.
int joined_user_namespace(const std::vector<kernel::OpenNamespace>& namespaces) {
  for (const kernel::OpenNamespace& one : namespaces)
    if (one.plan.flag == CLONE_NEWUSER) return one.file.get();
  return -1;
}

std::vector<UniqueFd> prepare_mounts(const plan::LaunchPlan& plan,
                                     const std::vector<kernel::OpenNamespace>& namespaces) {
  const bool user_namespace = plan.namespaces.has(CLONE_NEWUSER);
  if (!user_namespace && !kernel::has_id_maps(plan.rootfs)) return {};
  return kernel::prepare_mounts(plan.rootfs, user_namespace, joined_user_namespace(namespaces));
}

UniqueFd bundle_directory_for_hooks(const plan::LaunchPlan& plan, const Container& container) {
  const oci::Hooks& hooks = plan.hooks;
  if (hooks.prestart.empty() && hooks.create_runtime.empty() && hooks.create_container.empty())
    return {};
  return open_at(AT_FDCWD, container.record().bundle, O_PATH | O_DIRECTORY);
}

void run_host_hooks(const plan::LaunchPlan& plan, const Container& container, int directory,
                    pid_t pid, Handshake& handshake) {
  const oci::Hooks& hooks = plan.hooks;
  if (!waits_for_host(plan)) return;
  handshake.expect(Message::kRootfsReady);
  const oci::State state = container.state_as(oci::Status::kCreating, pid);
  const HookSurroundings surroundings{.working_directory = directory};
  run_hooks(hooks.prestart, "prestart", state, surroundings);
  run_hooks(hooks.create_runtime, "createRuntime", state, surroundings);
  handshake.send(Message::kHooksDone);
}

/// A namespace named by path may be the host's after all, and the sysctl the host's with it.
void check_sysctls(const plan::LaunchPlan& plan,
                   const std::vector<kernel::OpenNamespace>& namespaces) {
  for (const plan::Sysctl& sysctl : plan.sysctls)
    for (const kernel::OpenNamespace& one : namespaces)
      if (one.plan.flag == sysctl.namespace_flag && kernel::is_own(one))
        throw Error(sentence("/linux/sysctl: ", sysctl.path, " is not allowed in the host's ",
                             one.plan.type, " namespace, which ", one.plan.path, " is"));
}

/// Nothing when init has ended already: what it has to say about that is awaited later.
UniqueFd open_namespace_of(pid_t init, const char* name) {
  std::optional<UniqueFd> file =
      open_at_if_exists(AT_FDCWD, sentence("/proc/", init, "/ns/", name), O_RDONLY);
  return file ? *std::move(file) : UniqueFd();
}

/// The container's network namespace, when devices have to go there.
UniqueFd network_namespace(const plan::LaunchPlan& plan,
                           const std::vector<kernel::OpenNamespace>& namespaces, pid_t init) {
  if (plan.namespaces.net_devices.empty() && !plan.network) return {};
  for (const kernel::OpenNamespace& one : namespaces)
    if (one.plan.flag == CLONE_NEWNET)
      return UniqueFd(check(::fcntl(one.file.get(), F_DUPFD_CLOEXEC, 3), "duplicate a descriptor"));
  return open_namespace_of(init, "net");
}

/// What goes into the container's network namespace; taken out again unless kept.
class NetworkDevices {
 public:
  /// Opens the namespaces: later an ordinary user may not look into init any more.
  NetworkDevices(const plan::LaunchPlan& plan, const std::vector<kernel::OpenNamespace>& namespaces,
                 pid_t init)
      : namespace_(network_namespace(plan, namespaces, init)) {
    if (plan.network && plan.network->by_pasta) user_namespace_ = open_namespace_of(init, "user");
  }
  void connect(const plan::LaunchPlan& plan, const Container& container) {
    if (!namespace_) return;
    moved_.emplace(plan.namespaces.net_devices, namespace_.get());
    if (!plan.network) return;
    connection_.emplace(*plan.network,
                        network::Owner{.record = container.file_path(), .id = plan.id},
                        network::Namespaces{namespace_.get(), user_namespace_.get()});
  }
  void keep() {
    if (moved_) moved_->keep();
    if (connection_) connection_->keep();
  }

 private:
  UniqueFd namespace_, user_namespace_;
  std::optional<kernel::MovedNetDevices> moved_;
  std::optional<network::Connection> connection_;
};

/// "ended unexpectedly" with the true cause, when the kernel tells one.
void explain_death(Error& error, const kernel::CgroupDirectories& cgroups) {
  if (kernel::oom_kills(cgroups) > 0)
    error.add_context("container init was OOM-killed (memory limit too low?)");
}

/// Init is born in the unit's cgroup, so what kept the place can go, and the last limits come.
void settle_in_unit(const plan::CgroupPlan& plan, const kernel::Cgroup& cgroup,
                    kernel::TransientUnit& unit) {
  unit.leave(plan.unit->last_properties);
  cgroup.write_last(plan);
}

std::optional<kernel::TransientUnit> start_unit(const plan::CgroupPlan& plan) {
  if (!plan.unit) return std::nullopt;
  const trace::Step step("have systemd make the unit");
  return kernel::TransientUnit::start(*plan.unit);
}

/// All of it but the name, while init is still at work.
void prepare_record(Container& container, pid_t pid) {
  ContainerRecord record = container.record();
  record.pid = pid;
  record.start_time = kernel::start_time(pid);
  container.prepare_update(std::move(record));
}

void publish_record(Container& container, const ProcessOptions& options) {
  const trace::Step step("publish the record");
  container.publish_update();
  if (options.pid_file) replace_file(*options.pid_file, std::to_string(container.record().pid));
}

Launched launch(const plan::LaunchPlan& plan, Container& container, const ProcessOptions& options,
                StartGate* gate) {
  const kernel::Procfs procfs = kernel::Procfs::open();
  const std::vector<kernel::OpenNamespace> namespaces = kernel::open_namespaces(plan.namespaces);
  check_sysctls(plan, namespaces);
  std::vector<UniqueFd> prepared_mounts = prepare_mounts(plan, namespaces);
  const kernel::PreparedOverlay overlay =
      kernel::prepare_overlay(plan.rootfs, joined_user_namespace(namespaces));
  UniqueFd console;
  if (options.console_socket) console = kernel::connect_socket(*options.console_socket);
  const UniqueFd bundle = bundle_directory_for_hooks(plan, container);
  std::optional<kernel::TransientUnit> unit = start_unit(plan.cgroup);
  kernel::Cgroup cgroup = make_cgroup(plan);
  std::optional<kernel::RdtGroup> rdt;
  if (plan.rdt) rdt.emplace(kernel::RdtGroup::create(*plan.rdt, *container.cgroups().rdt));
  Handshake::Pair handshake = Handshake::make_pair();
  const ChildrensNamespaces childrens_namespaces(plan.namespaces, namespaces);

  InitContext context{.plan = plan,
                      .cgroup = cgroup,
                      .procfs = procfs,
                      .namespaces = namespaces,
                      .prepared_mounts = prepared_mounts,
                      .overlay = overlay,
                      .gate = gate,
                      .handshake = handshake.child,
                      .hook_state = container.state_as(oci::Status::kCreating, 0),
                      .bundle_directory = bundle.get(),
                      .console_socket = console.get(),
                      .kept_fds = count_kept_fds(options.preserve_fds),
                      .parent_is_root = ::geteuid() == 0,
                      .namespaces_to_unshare = namespaces_to_unshare(plan)};
  Child first = trace::step(
      "clone init", [&] { return clone_init(context, handshake, unit ? &*unit : nullptr); });
  try {
    childrens_namespaces.restore();
    NetworkDevices network(plan, namespaces, first.pid());
    if (unit) settle_in_unit(plan.cgroup, cgroup, *unit);
    if ((plan.namespaces.create_flags & CLONE_NEWUSER) != 0) {
      const trace::Step step("write the id maps");
      kernel::write_id_maps(first.pid(), plan.namespaces);
      handshake.parent.send(Message::kMapped);
    }
    network.connect(plan, container);
    run_host_hooks(plan, container, bundle.get(), first.pid(), handshake.parent);
    Child child = plan.namespaces.enter_pid_last ? adopt_sibling(std::move(first), handshake.parent)
                                                 : std::move(first);
    const Filter filter{.seccomp = plan.seccomp,
                        .no_new_privileges = plan.process.no_new_privileges};
    prepare_record(container, child.pid());
    Launched launched =
        wait_until_ready(child, std::move(handshake.parent), filter,
                         container.state_as(oci::Status::kCreating, child.pid()),
                         options.pidfd_socket ? options.pidfd_socket : plan.pidfd_socket);
    if (plan.namespaces.has(CLONE_NEWUSER)) kernel::set_limits(plan.process.limits, launched.pid);
    if (rdt) kernel::add_to_resctrl(*container.cgroups().rdt, launched.pid);
    publish_record(container, options);
    if (gate != nullptr) send_release(launched, filter);
    child.keep();
    cgroup.keep();
    if (unit) unit->keep();
    network.keep();
    if (rdt) rdt->keep();
    container.keep();
    return launched;
  } catch (Error& error) {
    explain_death(error, container.cgroups().directories);
    throw;
  }
}

}  // namespace

void Launched::release(const Filter& filter, bool is_detached) {
  // Before the program can ask for it.
  const trace::Step step("let the program start");
  if (master) kernel::copy_window_size(master.get());
  send_release(*this, filter);
  handshake.expect_exec();
  if (is_detached) require_program(*this, filter);
}

void check_inherited_fds(unsigned preserve_fds) {
  const char* pid = ::getenv("LISTEN_PID");
  if (pid == nullptr || std::to_string(::getpid()) != pid)
    for (const char* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}) ::unsetenv(name);
  const unsigned count = count_kept_fds(preserve_fds);
  for (unsigned fd = 3; fd < 3 + count; ++fd)
    if (::fcntl(static_cast<int>(fd), F_GETFD) < 0)
      throw Error(sentence("descriptor ", fd, " is not open: the process is to have ",
                           count - preserve_fds, " of LISTEN_FDS and ", preserve_fds,
                           " of --preserve-fds"));
}

Launched create_init(const plan::LaunchPlan& plan, Container& container,
                     const ProcessOptions& options) {
  StartGate gate = StartGate::make(container.root_directory(), container.record().id);
  Launched launched = launch(plan, container, options, &gate);
  gate.keep();
  return launched;
}

Launched create_init_for_run(const plan::LaunchPlan& plan, Container& container,
                             const ProcessOptions& options) {
  return launch(plan, container, options, nullptr);
}

}  // namespace launch
