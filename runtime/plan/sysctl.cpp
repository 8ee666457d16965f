// SPDX-License-Identifier: Apache-2.0
// linux.sysctl → files below /proc/sys. Pure.
#include <linux/sched.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "runtime/plan/launch_plan.hpp"

namespace plan {
namespace {

// sysctl.d(5): the separator that comes first is the separator; the other one is then part of a
// name
// ("net.ipv4.conf.eth0/100.forwarding" is eth0.100).
std::string file_of(const std::string& key) {
  const std::size_t first = key.find_first_of("./");
  if (first == std::string::npos || key[first] == '/') return key;
  std::string path = key;
  for (char& letter : path) {
    if (letter == '.') {
      letter = '/';
    } else if (letter == '/') {
      letter = '.';
    }
  }
  return path;
}

bool is_sysctl_letter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') ||
         std::string_view("_-./:@").find(letter) != std::string_view::npos;
}

// The key becomes a path and the value one write: nothing may lead out or smuggle a second setting
// (CVE-2022-0811).
void check_words(const std::string& pointer, const std::string& path, const std::string& value) {
  if (path.empty() || !std::ranges::all_of(path, is_sysctl_letter)) {
    throw Error(pointer + ": is no sysctl name");
  }
  for (std::string_view rest = path; !rest.empty();) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    const bool last = slash == std::string_view::npos;
    if (part.empty() || part == "." || part == ".." || (!last && slash + 1 == rest.size())) {
      throw Error(pointer + ": is no sysctl name");
    }
    rest = last ? std::string_view() : rest.substr(slash + 1);
  }
  if (value.find('\n') != std::string::npos || value.find('\0') != std::string::npos) {
    throw Error(pointer + ": the value must not contain a line break or a NUL byte");
  }
}

bool is_ipc_sysctl(std::string_view path) {
  constexpr std::string_view kKernel[] = {"kernel/msgmax", "kernel/msgmnb",         "kernel/msgmni",
                                          "kernel/sem",    "kernel/shmall",         "kernel/shmmax",
                                          "kernel/shmmni", "kernel/shm_rmid_forced"};
  return std::ranges::find(kKernel, path) != std::end(kKernel) || path.starts_with("fs/mqueue/");
}

// What each name belongs to; all others are the whole machine's.
std::uint64_t namespace_of(const std::string& pointer, std::string_view path) {
  if (is_ipc_sysctl(path)) return CLONE_NEWIPC;
  if (path.starts_with("net/")) return CLONE_NEWNET;
  if (path == "kernel/domainname") return CLONE_NEWUTS;
  if (path.starts_with("user/")) return CLONE_NEWUSER;
  if (path == "kernel/hostname") throw Error(pointer + ": is not allowed; use /hostname");
  throw Error(pointer + ": is not in a separate kernel namespace: it would change the host");
}

}  // namespace

std::vector<Sysctl> plan_sysctls(const oci::RuntimeConfig& config,
                                 const NamespacePlan& namespaces) {
  std::vector<Sysctl> sysctls;
  for (const auto& [key, value] : config.linux_.sysctl) {
    const std::string pointer = sentence("/linux/sysctl/", key);
    const std::string path = file_of(key);
    check_words(pointer, path, value);
    const std::uint64_t flag = namespace_of(pointer, path);
    if (!namespaces.has(flag)) {
      throw Error(sentence(pointer, ": is not allowed without a private ", namespace_type(flag),
                           " namespace: it would change the host"));
    }
    sysctls.push_back({.path = path, .value = value, .namespace_flag = flag});
  }
  return sysctls;
}

}  // namespace plan
