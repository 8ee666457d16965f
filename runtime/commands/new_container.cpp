// SPDX-License-Identifier: Apache-2.0
#include "runtime/commands/new_container.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "bundle-spec/bundle.hpp"
#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/commands/user_names.hpp"
#include "runtime/container/hooks.hpp"
#include "runtime/container/notify_socket.hpp"
#include "runtime/kernel/cgroup.hpp"
#include "runtime/kernel/host_facts.hpp"
#include "runtime/kernel/resctrl.hpp"
#include "runtime/kernel/systemd.hpp"
#include "runtime/plan/network.hpp"
#include "runtime/plan/paths.hpp"
#include "runtime/plan/seccomp_start.hpp"

namespace commands {
namespace {

constexpr std::uint64_t kMostPreservedFds = 1024 * 1024;
constexpr const char* kConfigName = "config.json";

std::string bundle_directory(const cli::Parsed& options) {
  if (options.words.size() < 2) return options.value_or("bundle", ".");
  if (options.has("bundle")) throw Error("the bundle is named twice: by --bundle and after the id");
  return options.words[1];
}

Bundle open_bundle(const cli::Parsed& options) {
  const std::string config = options.value_or("config", kConfigName);
  // As crun: the plain name is the bundle's own, anything else is the caller's path.
  if (config == kConfigName) return Bundle::open(bundle_directory(options));
  return Bundle::open_with_config(bundle_directory(options), config);
}

std::vector<plan::CgroupDirectory> cgroup_directories(const plan::CgroupPlan& cgroup) {
  std::vector<plan::CgroupDirectory> all;
  for (const plan::CgroupDirectory& one : cgroup.directories)
    all.push_back({.mount_point = one.mount_point,
                   .path = one.path,
                   .controllers = one.controllers,
                   .is_v2 = one.is_v2,
                   .writes = {},
                   .device_writes = {},
                   .last_writes = {}});
  return all;
}

ContainerRecord record_of(const NewContainer& wanted) {
  const oci::Hooks hooks = wanted.config.hooks.value_or(oci::Hooks{});
  ContainerRecord record;
  record.id = wanted.plan.id;
  record.oci_version = wanted.config.oci_version;
  record.bundle = wanted.bundle;
  record.rootfs = wanted.plan.rootfs.root;
  record.created = logging::timestamp();
  record.owner = user_name(::geteuid());
  record.annotations = wanted.config.annotations;
  record.has_poststart = !hooks.poststart.empty();
  record.has_poststop = !hooks.poststop.empty();
  record.has_notify_socket = wanted.has_notify_socket;
  record.own_pid_namespace = (wanted.plan.namespaces.create_flags & CLONE_NEWPID) != 0;
  record.freezer = kernel::freezer_file(wanted.plan.cgroup.directories);
  return record;
}

ContainerCgroups cgroups_of(const plan::LaunchPlan& launch) {
  const plan::CgroupPlan& cgroup = launch.cgroup;
  ContainerCgroups cgroups;
  if (launch.rdt) cgroups.rdt = kernel::find_resctrl(*launch.rdt);
  cgroups.directories = cgroup_directories(cgroup);
  if (cgroup.unit) cgroups.unit = cgroup.unit->id;
  return cgroups;
}

ContainerDetails details_of(const NewContainer& wanted) {
  ContainerDetails details;
  details.process = wanted.config.process;
  if (wanted.config.hooks) {
    details.hooks.poststart = wanted.config.hooks->poststart;
    details.hooks.poststop = wanted.config.hooks->poststop;
  }
  details.namespace_flags = namespace_flags(wanted.plan.namespaces);
  details.setgroups_denied = !wanted.plan.process.set_groups;
  const oci::Resources resources = wanted.config.linux_.resources.value_or(oci::Resources{});
  details.check_memory_before_update =
      resources.memory && resources.memory->check_before_update.value_or(false);
  details.config_file = wanted.config_file;
  details.no_pivot = wanted.plan.rootfs.enter == plan::EnterRoot::kMove;
  details.session_keyring = wanted.plan.new_keyring;
  details.seccomp = wanted.plan.seccomp;
  details.personality = wanted.plan.process.personality;
  details.memory_policy = wanted.plan.process.memory_policy;
  return details;
}

}  // namespace

UniqueFd share_network(oci::RuntimeConfig& config, const std::string& root) {
  if (!plan::asks_for_network(config.annotations)) return {};
  const std::optional<std::string> id = plan::shares_network_with(config.annotations);
  if (!id) return {};
  const std::string mode = sentence("/annotations/org.toyrun.network.mode: container:", *id);
  std::vector<oci::Namespace>& namespaces = config.linux_.namespaces;
  const auto own = std::ranges::find(namespaces, "network", &oci::Namespace::type);
  if (own == namespaces.end() || own->path)
    throw Error(sentence(mode, " needs a network namespace without a path in /linux/namespaces"));
  try {
    const Container other = Container::open(root, *id);
    const oci::Status status = other.status();
    if (status == oci::Status::kStopped || status == oci::Status::kCreating)
      throw Error(sentence("it is ", oci::name(status), ", so it has no network to share"));
    if ((other.details().namespace_flags & CLONE_NEWNET) == 0)
      throw Error("it has no network namespace of its own: its network is the host's");
    const std::string path = sentence("/proc/", other.record().pid, "/ns/net");
    UniqueFd shared = open_at(AT_FDCWD, path, O_RDONLY);
    if (!other.open_init()) throw Error("it has just ended, so it has no network to share");
    own->path = sentence("/proc/", ::getpid(), "/fd/", shared.get());
    return shared;
  } catch (Error& error) {
    error.add_context(mode);
    throw;
  }
}

std::uint64_t namespace_flags(const plan::NamespacePlan& namespaces) {
  std::uint64_t flags = namespaces.create_flags;
  if (namespaces.create_cgroup) flags |= CLONE_NEWCGROUP;
  if (namespaces.create_time) flags |= CLONE_NEWTIME;
  for (const plan::JoinNamespace& one : namespaces.join) flags |= one.flag;
  return flags;
}

plan::HostFacts facts_of_this_host(const cli::Parsed& global) {
  plan::HostFacts facts = kernel::host_facts();
  if (cgroup_driver(global) == plan::CgroupDriver::kSystemd)
    facts.systemd = kernel::systemd_facts();
  return facts;
}

NewContainer plan_new_container(const cli::Parsed& global, const cli::Parsed& options,
                                const plan::HostFacts& facts) {
  const trace::Step step("read the bundle and plan");
  const std::string& id = options.words[0];
  check_container_id(id);
  const Bundle bundle = open_bundle(options);
  oci::RuntimeConfig config = bundle.runtime_config();
  UniqueFd shared_network = share_network(config, state_root(global));
  const plan::LaunchChoices choices{.no_pivot = options.has("no-pivot"),
                                    .no_new_keyring = options.has("no-new-keyring"),
                                    .cgroup_driver = cgroup_driver(global)};
  plan::LaunchPlan plan = plan::plan_launch(config, bundle.directory(), id, facts, choices);
  const bool is_own = bundle.config_file() == sentence(bundle.directory(), '/', kConfigName);
  return {.bundle = bundle.directory(),
          .config_file = is_own ? std::string() : real_path(bundle.config_file()),
          .config = std::move(config),
          .plan = std::move(plan),
          .shared_network = std::move(shared_network)};
}

void add_notify_socket(const std::string& root, NewContainer& wanted) {
  if (!NotifySocket::receiver() || !wanted.plan.rootfs.has_mount_namespace) return;
  const std::string name = sentence(root, '/', NotifySocket::directory_name(wanted.plan.id));
  plan::add_notify_socket(wanted.plan, plan::join_path(real_path("."), name));
  wanted.has_notify_socket = true;
}

std::optional<NotifySocket> bind_notify_socket(const Container& container) {
  std::optional<std::string> receiver = NotifySocket::receiver();
  if (!container.record().has_notify_socket || !receiver) return std::nullopt;
  return NotifySocket::bind(container.root_directory(), container.record().id,
                            std::move(*receiver));
}

void wait_until_notified(const Container& container, const std::optional<NotifySocket>& notify) {
  if (!notify) return;
  const trace::Step step("wait until the container says it is ready");
  const std::optional<UniqueFd> init = container.open_init();
  if (init) notify->wait(init->get(), container.record().pid);
}

Container reserve(const std::string& root, const NewContainer& wanted) {
  const trace::Step step("claim the id");
  return Container::reserve(root, record_of(wanted), cgroups_of(wanted.plan), details_of(wanted));
}

launch::ProcessOptions process_options(const cli::Parsed& options, bool terminal,
                                       Attachment attachment) {
  const bool detached = attachment == Attachment::kDetached;
  launch::ProcessOptions result;
  result.console_socket = options.value("console-socket");
  if (result.console_socket && result.console_socket->empty()) result.console_socket.reset();
  if (detached && terminal && !result.console_socket)
    throw Error("cannot allocate tty if toyrun will detach without setting console socket");
  if (result.console_socket && (!detached || !terminal))
    throw Error("cannot use console socket if toyrun will not detach or allocate tty");
  result.keep_master = terminal && !detached;
  result.preserve_fds = static_cast<unsigned>(cli::parse_number(
      options.value_or("preserve-fds", "0"), kMostPreservedFds, "--preserve-fds"));
  result.pidfd_socket = options.value("pidfd-socket");
  result.pid_file = options.value("pid-file");
  return result;
}

void tell_barred_start(int status, const launch::Filter& filter) {
  if (status == 0 || !filter.seccomp) return;
  const bool killed = status == 128 + SIGSYS;
  const auto barring = killed ? plan::Barring::kKills : plan::Barring::kKillsOrRefuses;
  if (plan::barred_start(*filter.seccomp, filter.no_new_privileges, barring).empty()) return;
  logging::error(launch::describe_early_end(killed ? SIGSYS : 0, filter));
}

void remove_after_run(const std::string& root, const Container& ran) {
  if (ran.lock_unchanged()) {
    kill_container(ran);
    return remove_container(ran);
  }
  const ContainerRecord& record = ran.record();
  try {
    const Container container = Container::open_locked(root, record.id);
    if (container.record().pid != record.pid || container.record().created != record.created)
      return;
    kill_container(container);
    remove_container(container);
  } catch (const NotFound&) {
    return;
  }
}

void run_poststart_hooks(const Container& container) {
  const ContainerRecord& record = container.record();
  if (!record.has_poststart) return;
  try {
    const std::optional<UniqueFd> bundle =
        open_at_if_exists(AT_FDCWD, record.bundle, O_PATH | O_DIRECTORY);
    run_hooks(container.details().hooks.poststart, "poststart",
              container.state_as(oci::Status::kRunning, record.pid),
              {.working_directory = bundle ? bundle->get() : -1});
  } catch (const Error&) {
    kill_container(container);
    throw;
  }
}

}  // namespace commands
