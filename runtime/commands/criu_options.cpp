// SPDX-License-Identifier: Apache-2.0
#include "runtime/commands/criu_options.hpp"

#include <linux/sched.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>

#include "bundle-spec/error.hpp"

namespace commands {
namespace {

using plan::CriuSwitch;

struct Switch {
  std::string_view option;
  CriuSwitch meaning;
};
constexpr std::array kSwitches = {
    Switch{"leave-running", CriuSwitch::kLeaveRunning},
    Switch{"tcp-established", CriuSwitch::kTcpEstablished},
    Switch{"tcp-skip-in-flight", CriuSwitch::kTcpSkipInFlight},
    Switch{"tcp-close", CriuSwitch::kTcpClose},
    Switch{"link-remap", CriuSwitch::kLinkRemap},
    Switch{"ext-unix-sk", CriuSwitch::kExtUnixSk},
    Switch{"shell-job", CriuSwitch::kShellJob},
    Switch{"lazy-pages", CriuSwitch::kLazyPages},
    Switch{"file-locks", CriuSwitch::kFileLocks},
    Switch{"auto-dedup", CriuSwitch::kAutoDedup},
};

plan::CriuCgroupMode cgroup_mode(const std::string& word) {
  if (word == "soft") return plan::CriuCgroupMode::kSoft;
  if (word == "full") return plan::CriuCgroupMode::kFull;
  if (word == "strict") return plan::CriuCgroupMode::kStrict;
  if (word == "ignore") return plan::CriuCgroupMode::kIgnore;
  throw Error(sentence("invalid --manage-cgroups-mode value: \"", word,
                       "\" (soft, full, strict or ignore)"));
}

plan::CriuNetworkLock network_lock(const std::string& word) {
  if (word == "iptables") return plan::CriuNetworkLock::kIptables;
  if (word == "nftables") return plan::CriuNetworkLock::kNftables;
  if (word == "skip") return plan::CriuNetworkLock::kSkip;
  throw Error(
      sentence("invalid --network-lock value: \"", word, "\" (iptables, nftables or skip)"));
}

}  // namespace

launch::CriuChoices criu_choices(const cli::Parsed& options) {
  launch::CriuChoices choices;
  choices.image_path = options.value_or("image-path", "./checkpoint");
  choices.work_path = options.value_or("work-path", choices.image_path);
  for (const Switch& one : kSwitches)
    if (options.has(one.option)) choices.switches.push_back(one.meaning);
  choices.lazy_pages = options.has("lazy-pages");
  if (const std::string mode = options.value_or("manage-cgroups-mode", ""); !mode.empty())
    choices.cgroup_mode = cgroup_mode(mode);
  if (const std::string method = options.value_or("network-lock", ""); !method.empty())
    choices.network_lock = network_lock(method);
  for (const std::string& type : options.values("empty-ns")) {
    if (type != "network")
      throw Error(sentence("--empty-ns: namespace ", type, " is not supported"));
    choices.empty_namespaces |= CLONE_NEWNET;
  }
  return choices;
}

void require_criu_rights() {
  if (::geteuid() != 0) throw Error("CRIU works for root only");
}

}  // namespace commands
