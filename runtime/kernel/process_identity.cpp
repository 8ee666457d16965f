// SPDX-License-Identifier: Apache-2.0
// The part of kernel/process that gives privileges away: capabilities, groups, ids, and the
// directory to start in.
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/kernel/process.hpp"

namespace kernel {
namespace {

constexpr unsigned kCapabilityBits = 64;

bool has(std::uint64_t set, unsigned capability) { return (set >> capability & 1) != 0; }

/// "CAP_NET_ADMIN CAP_SYS_ADMIN".
std::string capability_names(std::uint64_t set) {
  const std::vector<std::string> known = plan::known_capabilities();
  std::string names;
  for (unsigned capability = 0; capability < kCapabilityBits; ++capability) {
    if (!has(set, capability)) continue;
    if (!names.empty()) names += ' ';
    names += capability < known.size() ? known[capability] : sentence("CAP_", capability);
  }
  return names;
}

void drop_bounding_set(std::uint64_t kept) {
  for (unsigned capability = 0; capability < kCapabilityBits; ++capability) {
    if (has(kept, capability)) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    const int number = errno;
    if (number == EINVAL) return;  // above the kernel's last capability
    // Without CAP_SETPCAP nothing can be dropped; what is not there need not be.
    if (::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 0) continue;
    const std::string name = capability_names(std::uint64_t{1} << capability);
    throw Error(sentence("drop ", name, " from the bounding set"), number);
  }
}

using CapabilityWords = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

CapabilityWords to_words(std::uint64_t effective, std::uint64_t permitted,
                         std::uint64_t inheritable) {
  CapabilityWords words{};
  for (unsigned half = 0; half < words.size(); ++half) {
    words[half].effective = static_cast<std::uint32_t>(effective >> (32 * half));
    words[half].permitted = static_cast<std::uint32_t>(permitted >> (32 * half));
    words[half].inheritable = static_cast<std::uint32_t>(inheritable >> (32 * half));
  }
  return words;
}

int call_capset(const CapabilityWords& words) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  return static_cast<int>(::syscall(SYS_capset, &header, words.data()));
}

struct CurrentCapabilities {
  std::uint64_t permitted = 0, inheritable = 0;
};

CurrentCapabilities current_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  CapabilityWords words{};
  check(::syscall(SYS_capget, &header, words.data()), "capget");
  CurrentCapabilities current;
  current.permitted = words[0].permitted | std::uint64_t{words[1].permitted} << 32;
  current.inheritable = words[0].inheritable | std::uint64_t{words[1].inheritable} << 32;
  return current;
}

std::uint64_t bounding_set() {
  std::uint64_t set = 0;
  for (unsigned capability = 0; capability < kCapabilityBits; ++capability) {
    const int answer = ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (answer < 0) break;
    if (answer == 1) set |= std::uint64_t{1} << capability;
  }
  return set;
}

/// What can be granted of the plan; the rest is warned about: the spec wants no failure for it
/// (config "capabilities").
CapabilityWords grantable(const plan::CapabilitySets& wanted) {
  const CurrentCapabilities current = current_capabilities();
  const std::uint64_t permitted = wanted.permitted & current.permitted;
  const std::uint64_t effective = wanted.effective & permitted;
  const std::uint64_t inheritable =
      wanted.inheritable & (current.inheritable | (current.permitted & bounding_set()));
  const std::uint64_t refused = (wanted.permitted & ~permitted) | (wanted.effective & ~effective) |
                                (wanted.inheritable & ~inheritable);
  // With none of them it is not for want of capabilities: a seccomp filter, say.
  if (refused == 0) throw Error("set the capabilities of the process", EPERM);
  const std::string names = capability_names(refused);
  logging::warning(
      sentence("capabilities that toyrun itself does not have: ", names, ", ignoring"));
  return to_words(effective, permitted, inheritable);
}

void warn_of_unknown(const std::vector<std::string>& names) {
  if (names.empty()) return;
  std::string list;
  for (const std::string& name : names) list += sentence(list.empty() ? "" : ", ", name);
  logging::warning(sentence("unknown capabilities: ", list, ", ignoring"));
}

void set_ambient(std::uint64_t wanted) {
  check(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0),
        "clear the ambient capabilities");
  std::uint64_t refused = 0;
  for (unsigned capability = 0; capability < kCapabilityBits; ++capability) {
    if (!has(wanted, capability)) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) {
      refused |= std::uint64_t{1} << capability;
    }
  }
  if (refused == 0) return;
  // Not a warning: the bundles of `runc spec` ask for this, runc says nothing, and podman takes a
  // second line of the log for the error.
  const std::string names = capability_names(refused);
  logging::debug(sentence(
      "ambient capabilities that are not both permitted and inheritable: ", names, ", ignoring"));
}

}  // namespace

void become_user(const plan::ProcessPlan& process) {
  drop_bounding_set(process.capabilities.bounding);
  trace::call("prctl PR_CAPBSET_DROP, each capability");
  check(::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keep the capabilities over the change of user");
  ::umask(static_cast<mode_t>(process.umask));
  if (process.set_groups) {
    check(::setgroups(process.additional_gids.size(), process.additional_gids.data()),
          "set the supplementary groups of the process");
  }
  check(::setresgid(process.gid, process.gid, process.gid), "become gid ", process.gid);
  check(::setresuid(process.uid, process.uid, process.uid), "become uid ", process.uid);
}

void set_capabilities(const plan::ProcessPlan& process) {
  warn_of_unknown(process.unknown_capabilities);
  const plan::CapabilitySets& sets = process.capabilities;
  if (call_capset(to_words(sets.effective, sets.permitted, sets.inheritable)) < 0) {
    if (errno != EPERM) throw Error("set the capabilities of the process", errno);
    check(call_capset(grantable(sets)), "set the capabilities of the process");
  }
  trace::call("capset");
  set_ambient(sets.ambient);
  check(::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0), "prctl PR_SET_KEEPCAPS");
}

void enter_working_directory(const std::string& cwd) {
  if (::chdir(cwd.c_str()) < 0) {
    const int number = errno;
    throw Error(sentence("chdir to cwd (\"", cwd, "\") set in config.json failed"), number);
  }
  // CVE-2024-21626: a cwd reached through a leaked descriptor of the host. getcwd(2) puts
  // "(unreachable)" before it; glibc's wrapper would hide that.
  char path[PATH_MAX + 16];
  const long length = ::syscall(SYS_getcwd, path, sizeof path);
  if (length < 0 && errno != ENOENT) throw Error(sentence("getcwd in ", cwd), errno);
  if (length < 0 || path[0] != '/') {
    throw Error(
        sentence("current working directory is outside of container mount namespace root "
                 "-- possible container breakout detected (cwd ",
                 cwd, ")"));
  }
}

}  // namespace kernel
