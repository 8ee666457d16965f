// SPDX-License-Identifier: Apache-2.0
// The plan for a reader who wonders what a container is made of: in the order of launch/, each line
// what is done and, where it is short, why. Pure and deterministic.
#include <linux/mount.h>
#include <linux/sched.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bundle-spec/error.hpp"
#include "runtime/plan/launch_plan.hpp"
#include "runtime/plan/mount_options.hpp"

namespace plan {
namespace {

/// Numbers the lines through all phases.
class Account {
 public:
  explicit Account(std::string title) : text_(std::move(title)) { text_ += '\n'; }

  void phase(std::string_view title) { text_ += sentence("\n", title, "\n"); }
  void line(std::string_view what) {
    const std::string number = sentence(++number_);
    text_ += sentence(std::string(number.size() < 3 ? 3 - number.size() : 0, ' '), number, ". ",
                      what, "\n");
  }
  void lines(const std::vector<std::string>& all) {
    for (const std::string& one : all) line(one);
  }
  /// A group whose reason is said once, at its first line.
  void line_with_reason(const std::string& what, std::string_view reason) {
    if (reason.empty() || reason == last_reason_) {
      line(what);
    } else {
      line(sentence(what, ": ", reason));
    }
    last_reason_ = reason;
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  int number_ = 0;
  std::string last_reason_;
};

std::string_view reason_of(const MountFilesystem& mount) {
  if (mount.type == "proc") return "its processes, for ps and the like";
  if (mount.type == "sysfs") return "what the kernel tells about devices";
  if (mount.type == "devpts") return "terminals of its own";
  if (mount.type == "mqueue") return "POSIX message queues of its own";
  if (mount.target == "/dev") return "device files live in memory, not in the image";
  if (mount.target == "/dev/shm") return "shared memory of its own";
  return "";
}
std::string_view reason_of(const BindMount&) { return ""; }
std::string_view reason_of(const ChangeMount&) { return ""; }
std::string_view reason_of(const MountCgroups&) { return ""; }
std::string_view reason_of(const MakeDevice& device) {
  return device.bind_from_host ? "a user namespace may not make device files"
                               : "devices every program may count on";
}
std::string_view reason_of(const MakeLink&) { return "names programs expect in /dev"; }
std::string_view reason_of(const MaskPath&) { return "it tells of the host or reaches into it"; }
std::string_view reason_of(const ReadonlyPath&) { return "it would change the whole machine"; }
std::string_view reason_of(const MakeReadonly&) { return ""; }
std::string_view reason_of(const MakeWorkingDirectory&) { return ""; }

void tell_steps(const std::vector<RootfsStep>& steps, Account& account) {
  for (const RootfsStep& step : steps) {
    const std::string_view reason =
        std::visit([](const auto& one) { return reason_of(one); }, step);
    account.line_with_reason(describe(step), reason);
  }
}

void tell_hooks(const std::vector<oci::Hook>& hooks, std::string_view kind, std::string_view where,
                Account& account) {
  for (const oci::Hook& hook : hooks) {
    std::string text = sentence("run the ", kind, " hook ", hook.path, " ", where);
    if (hook.timeout) text += sentence(", for at most ", *hook.timeout, " s");
    account.line(text);
  }
}

// What launch/ does while there is no second process yet.
void tell_host(const LaunchPlan& launch, Account& account) {
  account.phase("On the host: a cgroup counts and limits what the container uses");
  const std::vector<std::string> cgroup = describe(launch.cgroup);
  if (cgroup.empty()) account.line("no cgroup: this host has none mounted, or none is wanted");
  account.lines(cgroup);
  if (launch.rdt) account.lines(describe(*launch.rdt));
  account.phase(
      "On the host: clone the first process (init) into namespaces, each a private copy of one "
      "kernel table");
  const std::vector<std::string> namespaces = describe(launch.namespaces);
  if (namespaces.empty())
    account.line("clone it with no namespace of its own: it shares everything with the host");
  account.lines(namespaces);
  if (launch.network) account.lines(describe(*launch.network));
}

void tell_identity_of_host(const LaunchPlan& launch, Account& account) {
  account.line("init enters its cgroup, before it uses anything worth counting");
  if (launch.namespaces.bring_up_loopback)
    account.line("bring up the loopback device lo: a new network namespace has nothing else");
  if (launch.namespaces.hostname)
    account.line(sentence("set the host name to ", *launch.namespaces.hostname));
  if (launch.namespaces.domainname)
    account.line(sentence("set the domain name to ", *launch.namespaces.domainname));
  if (launch.new_keyring) {
    account.line(
        sentence("start the session keyring _ses.", launch.id, ": the caller's keys stay outside"));
  }
}

std::string_view propagation_reason(std::uint64_t flags) {
  if ((flags & MS_SLAVE) != 0) return "the host's mounts may show up inside, never the other way";
  if ((flags & MS_PRIVATE) != 0) return "no mount passes between host and container";
  return "mounts pass both ways, as rootfsPropagation asks";
}

void tell_mounts(const LaunchPlan& launch, Account& account) {
  const RootfsPlan& rootfs = launch.rootfs;
  account.phase("In init: build the file tree");
  if (rootfs.has_mount_namespace) {
    account.line(sentence("make all mounts ", describe_propagation(rootfs.host_propagation), ": ",
                          propagation_reason(rootfs.host_propagation)));
    account.line(rootfs.overlay ? sentence(describe(*rootfs.overlay), ": it becomes the root, on ",
                                           rootfs.root)
                                : sentence("bind ", rootfs.root,
                                           " on itself: it becomes a mount that can be the root"));
  }
  tell_steps(rootfs.mounts, account);
}

void tell_hooks_before_root(const LaunchPlan& launch, Account& account) {
  const oci::Hooks& hooks = launch.hooks;
  if (hooks.prestart.empty() && hooks.create_runtime.empty() && hooks.create_container.empty())
    return;
  account.phase("Hooks: programs the caller wants run now, before the root is entered");
  tell_hooks(hooks.prestart, "prestart", "on the host", account);
  tell_hooks(hooks.create_runtime, "createRuntime", "on the host", account);
  tell_hooks(hooks.create_container, "createContainer", "in the container's namespaces", account);
}

std::string entering(const RootfsPlan& rootfs) {
  switch (rootfs.enter) {
    case EnterRoot::kPivot:
      return sentence("pivot_root: ", rootfs.root,
                      " becomes /, the host's tree is detached and out of reach");
    case EnterRoot::kMove:
      return sentence("move ", rootfs.root, " over / and chroot into it, as --no-pivot asks");
    case EnterRoot::kChroot:
      break;
  }
  return sentence("chroot into ", rootfs.root,
                  ": without a mount namespace there is nothing to pivot");
}

void tell_protections(const LaunchPlan& launch, Account& account) {
  const RootfsPlan& rootfs = launch.rootfs;
  account.phase("In init: close what must not be open, and enter the new root");
  if (launch.process.terminal)
    account.line("open a terminal in the container's devpts and send its other end to the caller");
  if (rootfs.console) account.line("bind that terminal on /dev/console");
  for (const Sysctl& sysctl : launch.sysctls) {
    account.line(sentence("write \"", sysctl.value, "\" to /proc/sys/", sysctl.path));
  }
  tell_steps(rootfs.protections, account);
  if (rootfs.readonly_root) account.line("make the root filesystem read-only");
  account.line(entering(rootfs));
  if (rootfs.root_propagation != 0) {
    account.line(sentence("make / ", describe_propagation(rootfs.root_propagation),
                          ", as rootfsPropagation asks"));
  }
}

std::string quoted(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    const bool plain = !word.empty() && word.find_first_of(" \t\n\"'\\$") == std::string::npos;
    text += sentence(text.empty() ? "" : " ", plain ? "" : "'", word, plain ? "" : "'");
  }
  return text;
}

void tell_seccomp(const LaunchPlan& launch, Account& account) {
  if (!launch.seccomp) return;
  account.line(sentence("install the seccomp filter: ", launch.seccomp->summary));
  if (launch.seccomp->notify) {
    account.line(sentence("send its listener to ", launch.seccomp->listener_path));
  }
}

void tell_process(const LaunchPlan& launch, Account& account) {
  const ProcessPlan& process = launch.process;
  account.phase("In init: become the process");
  // Without no_new_privs only CAP_SYS_ADMIN may install a filter, so it comes before the
  // capabilities go.
  if (!process.no_new_privileges) tell_seccomp(launch, account);
  account.lines(describe(process));
  if (!process.cwd.empty()) account.line(sentence("work in ", process.cwd));
  if (process.no_new_privileges) tell_seccomp(launch, account);
}

std::string count_of_variables(std::size_t count) {
  if (count == 0) return "an empty environment";
  return sentence(count, count == 1 ? " environment variable" : " environment variables");
}

void tell_start(const LaunchPlan& launch, Account& account) {
  account.phase("The container is created; it waits until `toyrun start` opens the gate");
  tell_hooks(launch.hooks.start_container, "startContainer", "in the container", account);
  if (launch.process.args.empty()) {
    account.line("there is no process to start: config.json has none");
  } else {
    account.line(sentence("execute ", quoted(launch.process.args), " with ",
                          count_of_variables(launch.process.env.size())));
  }
  tell_hooks(launch.hooks.poststart, "poststart", "on the host, once the program runs", account);
  tell_hooks(launch.hooks.poststop, "poststop", "on the host, after delete", account);
}

}  // namespace

std::string explain(const LaunchPlan& launch) {
  return explain(launch, sentence("How the container \"", launch.id,
                                  "\" comes to life. Nothing of this has been done."));
}

std::string explain(const LaunchPlan& launch, std::string title) {
  Account account(std::move(title));
  tell_host(launch, account);
  account.phase("In init: settle in");
  tell_identity_of_host(launch, account);
  tell_mounts(launch, account);
  tell_hooks_before_root(launch, account);
  tell_protections(launch, account);
  tell_process(launch, account);
  tell_start(launch, account);
  return account.take();
}

}  // namespace plan
