// SPDX-License-Identifier: Apache-2.0
// The host side of a restore: what launch() does by itself, CRIU does here, from its images. What
// they say counts for nothing until the first process has proved to be what config.json asks for.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "runtime/container/hooks.hpp"
#include "runtime/kernel/cgroup.hpp"
#include "runtime/kernel/isolation.hpp"
#include "runtime/kernel/mount_calls.hpp"
#include "runtime/kernel/namespaces.hpp"
#include "runtime/kernel/pidfd.hpp"
#include "runtime/kernel/resctrl.hpp"
#include "runtime/kernel/systemd.hpp"
#include "runtime/kernel/terminal.hpp"
#include "runtime/launch/checkpoint.hpp"
#include "runtime/launch/child.hpp"
#include "runtime/launch/criu.hpp"
#include "runtime/plan/checkpoint.hpp"
#include "runtime/plan/paths.hpp"

namespace launch {
namespace {

/// CRIU wants the root to be a mount whose parent nothing covers: a directory beside the record, on
/// which it is mounted where only CRIU sees it.
class RootPlace {
 public:
  explicit RootPlace(const Container& container)
      : directory_(container.root_directory()), name_(container.record().id + ".restore") {
    if (::mkdirat(directory_, name_.c_str(), 0700) != 0 && errno != EEXIST)
      check(-1, "make ", container.root(), "/", name_);
    path_ = real_path(sentence(container.root(), "/", name_));
  }
  RootPlace(const RootPlace&) = delete;
  RootPlace& operator=(const RootPlace&) = delete;
  ~RootPlace() { ::unlinkat(directory_, name_.c_str(), AT_REMOVEDIR); }

  const std::string& path() const { return path_; }
  /// In CRIU's process.
  void mount(const plan::RootfsPlan& plan) const {
    const std::string& root = plan.root;
    check(::unshare(CLONE_NEWNS), "unshare the mount namespace");
    // Nothing gets out; but CRIU makes slaves of what were slaves, for which they have to be
    // shared.
    for (const unsigned long propagation : {MS_SLAVE, MS_SHARED})
      check(::mount(nullptr, "/", nullptr, propagation | MS_REC, nullptr),
            "set the propagation of the host's /");
    const UniqueFd tree = kernel::clone_tree(AT_FDCWD, root.c_str(), true, root);
    // CRIU brings back the flags of all mounts but this one.
    if (plan.readonly_root)
      kernel::set_attributes(tree.get(), {.set = MOUNT_ATTR_RDONLY, .clear = 0}, false, root);
    const UniqueFd place = open_at(AT_FDCWD, path_, O_PATH | O_DIRECTORY);
    kernel::attach(tree.get(), place.get(), path_);
  }

 private:
  int directory_;
  std::string name_, path_;
};

bool is_directory(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// CRIU makes no mount points, and the root may be a fresh one. Those on another mount are that
/// one's: of a new file system CRIU knows the content, a bind brings its own.
void make_mount_points(const plan::RootfsPlan& plan) {
  const RootedDir root = RootedDir::open(plan.root);
  std::vector<std::string> mounted;
  const auto make = [&](const std::string& target, bool directory) {
    const std::string name = plan::clean_path(target);
    const auto covers = [&](const std::string& one) { return plan::is_at_or_below(name, one); };
    if (std::ranges::none_of(mounted, covers) && !root.open_if_exists(target, O_PATH))
      (void)(directory ? root.make_directories(target) : root.make_file(target));
    mounted.push_back(name);
  };
  for (const plan::RootfsStep& step : plan.mounts) {
    if (const auto* bind = std::get_if<plan::BindMount>(&step))
      make(bind->target, is_directory(bind->source));
    else if (const auto* fresh = std::get_if<plan::MountFilesystem>(&step))
      make(fresh->target, true);
    else if (const auto* cgroups = std::get_if<plan::MountCgroups>(&step))
      make(cgroups->target, true);
  }
}

[[noreturn]] void refuse(pid_t pid, const std::vector<plan::Finding>& drift) {
  std::string text = sentence("the restored process ", pid, " is not what config.json asks for");
  for (const plan::Finding& one : drift)
    words::append(text,
                  sentence("; ", one.aspect, ": asked ", one.asked, ", restored ", one.in_effect));
  throw Error(text);
}

/// CVE-2026-92574 and the like: whoever made the images chose the credentials in them.
void prove(const plan::LaunchPlan& plan, const Launched& launched, bool limits_may_differ) {
  const auto isolation = kernel::read_isolation(plan, launched.pid, launched.start_time);
  if (!isolation) throw Error("the restored process ended at once");
  const auto drift = plan::drift_of_restored(plan, *isolation, limits_may_differ);
  if (!drift.empty()) refuse(launched.pid, drift);
  for (const pid_t pid : kernel::descendants(launched.pid)) {
    const auto other = kernel::read_isolation(plan, pid, kernel::start_time(pid));
    if (!other) continue;
    const auto more = plan::drift_of_descendant(plan, *other);
    if (!more.empty()) refuse(pid, more);
  }
}

void prove_filters(const plan::LaunchPlan& plan, const std::string& images) {
  if (!plan.seccomp) return;
  const std::optional<std::string> file = read_file_if_exists(images + "/seccomp.img");
  if (!file || !plan::all_filters_hold(*plan.seccomp, *file))
    throw Error(
        "the checkpoint's processes do not have the seccomp filter that /linux/seccomp asks for");
}

/// What stdio was, for what it is to be: CRIU puts our descriptors in the places of these.
void inherit_stdio(const std::vector<std::string>& descriptors, plan::CriuOptions& options) {
  for (std::size_t fd = 0; fd < descriptors.size() && fd < 3; ++fd)
    if (descriptors[fd].starts_with("pipe:[") || descriptors[fd].starts_with("file["))
      options.inherited.emplace_back(descriptors[fd], static_cast<int>(fd));
}

/// Where every task goes that the image has in the container's old cgroup, or below it.
plan::CriuPairs cgroup_roots(const plan::CgroupPlan& cgroup) {
  plan::CriuPairs roots;
  for (const plan::CgroupDirectory& one : cgroup.directories) {
    if (one.is_v2) roots.emplace_back("", one.path);
    for (const std::string& controller : one.controllers)
      if (!one.is_v2) roots.emplace_back(controller, one.path);
  }
  return roots;
}

/// For CRIU and all that it brings back: before 4.0 it forgets this one.
void forbid_new_privileges() {
  check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl PR_SET_NO_NEW_PRIVS");
}

struct Namespaces {
  std::vector<UniqueFd> files;
  std::vector<int> numbers;
};

/// Those named by path: CRIU gets them open, or enters them first.
Namespaces name_namespaces(const std::vector<kernel::OpenNamespace>& namespaces,
                           plan::CriuOptions& options) {
  constexpr int kAboveConversation = 10;
  Namespaces kept;
  for (const kernel::OpenNamespace& one : namespaces) {
    const auto* external = std::ranges::find_if(
        kExternalNamespaces,
        [&](const ExternalNamespace& known) { return known.type == one.plan.type; });
    if (external == std::end(kExternalNamespaces)) {
      options.join_namespaces.emplace_back(plan::namespace_file(one.plan.type), one.plan.path);
      continue;
    }
    kept.files.emplace_back(check(::fcntl(one.file.get(), F_DUPFD_CLOEXEC, kAboveConversation),
                                  "duplicate a descriptor"));
    kept.numbers.push_back(kept.files.back().get());
    options.inherited.emplace_back(external->key, kept.numbers.back());
  }
  return kept;
}

plan::CriuOptions request(const plan::LaunchPlan& plan, const CriuChoices& choices,
                          const RootPlace& place) {
  plan::CriuOptions options;
  options.switches = choices.switches;
  for (const plan::CriuSwitch one :
       {plan::CriuSwitch::kEvasiveDevices, plan::CriuSwitch::kManageCgroups,
        plan::CriuSwitch::kNotifyScripts, plan::CriuSwitch::kOrphanPtsMaster,
        plan::CriuSwitch::kRestoreAsSibling})
    options.switches.push_back(one);
  options.images_directory = kCriuImages;
  options.work_directory = kCriuWork;
  options.log_file = "restore.log";
  options.root = place.path();
  options.cgroup_mode = choices.cgroup_mode;
  options.cgroup_roots = cgroup_roots(plan.cgroup);
  options.empty_namespaces = choices.empty_namespaces;
  options.lsm_profile = choices.lsm_profile;
  options.lsm_mount_context = choices.lsm_mount_context;
  options.network_lock = choices.network_lock;
  for (const plan::ExternalMount& one : plan::external_mounts(plan, host_mount_points()))
    options.mounts.emplace_back(one.name, one.source);
  return options;
}

/// The steps that CRIU tells of, in this order.
class Progress {
 public:
  /// `set_last_limits` is called when all processes are in the cgroup, before they are proved.
  Progress(const plan::LaunchPlan& plan, Container& container, const RestoreOptions& options,
           std::function<void()> set_last_limits)
      : plan_(plan),
        container_(container),
        options_(options),
        set_last_limits_(std::move(set_last_limits)) {
    if (options.process.console_socket)
      console_ = kernel::connect_socket(*options.process.console_socket);
    const oci::Hooks& hooks = plan.hooks;
    if (!hooks.prestart.empty() || !hooks.create_runtime.empty())
      bundle_ = open_at(AT_FDCWD, container.record().bundle, O_PATH | O_DIRECTORY);
  }

  void tell(const plan::CriuResponse& step, UniqueFd descriptor) {
    if (step.script == "setup-namespaces") run_host_hooks(step.pid);
    if (step.script == "orphan-pts-master") take_master(std::move(descriptor));
    if (step.script == "post-restore") adopt(step.pid);
    if (step.script != "pre-resume") return;
    try {
      settle();
    } catch (const Error&) {
      // All at once, CRIU too: what it holds goes on when it lets go.
      if (child_) kill_all();
      throw;
    }
  }

  Launched take() {
    if (!settled_) throw Error("criu did not say that the processes are there");
    child_->keep();
    return std::move(launched_);
  }

 private:
  void run_host_hooks(pid_t pid) {
    const oci::State state = container_.state_as(oci::Status::kCreating, pid);
    const HookSurroundings surroundings{.working_directory = bundle_.get()};
    run_hooks(plan_.hooks.prestart, "prestart", state, surroundings);
    run_hooks(plan_.hooks.create_runtime, "createRuntime", state, surroundings);
  }

  void take_master(UniqueFd master) {
    if (console_)
      kernel::send_descriptor(console_.get(), master.get(), "/dev/ptmx");
    else
      launched_.master = std::move(master);
  }

  /// From here on it is killed if anything fails.
  void adopt(pid_t pid) {
    child_.emplace(Child::adopt(pid));
    launched_.pid = pid;
    launched_.start_time = kernel::start_time(pid);
  }

  void kill_all() const {
    kernel::signal_all(container_.cgroups().directories, SIGKILL);
    for (const pid_t pid : kernel::descendants(launched_.pid)) ::kill(pid, SIGKILL);
    ::kill(launched_.pid, SIGKILL);
  }

  /// Nothing of the container has run yet.
  void settle() {
    if (!child_) throw Error("criu named no restored process");
    set_last_limits_();
    const std::optional<plan::CriuCgroupMode> mode = options_.criu.cgroup_mode;
    prove(plan_, launched_,
          mode == plan::CriuCgroupMode::kFull || mode == plan::CriuCgroupMode::kStrict);
    if (const auto& rdt = container_.cgroups().rdt) {
      kernel::add_to_resctrl(*rdt, launched_.pid);
      for (const pid_t pid : kernel::descendants(launched_.pid)) kernel::add_to_resctrl(*rdt, pid);
    }
    launched_.pidfd = child_->take_pidfd();
    ContainerRecord record = container_.record();
    record.pid = launched_.pid;
    record.start_time = launched_.start_time;
    container_.update_record(record);
    if (options_.process.pid_file)
      replace_file(*options_.process.pid_file, std::to_string(launched_.pid));
    settled_ = true;
  }

  const plan::LaunchPlan& plan_;
  Container& container_;
  const RestoreOptions& options_;
  const std::function<void()> set_last_limits_;
  UniqueFd console_, bundle_;
  std::optional<Child> child_;
  Launched launched_;
  bool settled_ = false;
};

}  // namespace

Launched restore(const plan::LaunchPlan& plan, Container& container,
                 const RestoreOptions& options) {
  plan::require_restorable(plan);
  const CriuChoices& choices = options.criu;
  prove_filters(plan, choices.image_path);
  make_mount_points(plan.rootfs);
  const std::vector<kernel::OpenNamespace> namespaces = kernel::open_namespaces(plan.namespaces);
  std::optional<kernel::TransientUnit> unit;
  if (plan.cgroup.unit) unit.emplace(kernel::TransientUnit::start(*plan.cgroup.unit));
  kernel::Cgroup cgroup = kernel::Cgroup::create(plan.cgroup);
  std::optional<kernel::RdtGroup> rdt;
  if (plan.rdt) rdt.emplace(kernel::RdtGroup::create(*plan.rdt, *container.cgroups().rdt));
  const RootPlace place(container);
  Progress progress(plan, container, options, [&] {
    if (!unit) return;
    unit->leave(plan.cgroup.unit->last_properties);
    cgroup.write_last(plan.cgroup);
  });

  UniqueFd config;
  plan::CriuOptions request_options = request(plan, choices, place);
  request_options.config_file = criu_config(container.record().annotations, config);
  inherit_stdio(options.descriptors, request_options);
  const Namespaces named = name_namespaces(namespaces, request_options);
  Criu criu = Criu::start({.images = choices.image_path,
                           .work = choices.work_path,
                           .v2_cgroup = cgroup.v2_directory(),
                           .before_exec =
                               [&] {
                                 cgroup.enter();
                                 place.mount(plan.rootfs);
                                 if (plan.process.no_new_privileges) forbid_new_privileges();
                               },
                           .inherited = named.numbers});
  const auto notified = [&](const plan::CriuResponse& step, UniqueFd descriptor) {
    progress.tell(step, std::move(descriptor));
  };
  criu.ask(plan::CriuType::kRestore, request_options, criu_log(choices, request_options.log_file),
           notified);
  criu.finish();
  if (unit) unit->keep();
  if (rdt) rdt->keep();
  cgroup.keep();
  container.keep();
  return progress.take();
}

}  // namespace launch
