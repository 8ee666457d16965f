// SPDX-License-Identifier: Apache-2.0
#include "runtime/commands/error_keys.hpp"

#include <string.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace commands {
namespace {

/// First words of causes that are names of system calls.
constexpr std::array<std::string_view, 42> kCalls = {
    "bind",    "bpf",         "chdir",      "chmod",         "chown",      "chroot",   "clone3",
    "connect", "execve",      "fchdir",     "fchown",        "flock",      "fsconfig", "fsmount",
    "fsopen",  "fstat",       "fsync",      "ioctl",         "kill",       "link",     "mkdir",
    "mkfifo",  "mknod",       "mount",      "mount_setattr", "move_mount", "open",     "open_tree",
    "openat2", "pidfd_open",  "pivot_root", "poll",          "prctl",      "read",     "rename",
    "rmdir",   "sethostname", "setns",      "stat",          "symlink",    "unshare",  "write"};

/// Top members of config.json.
constexpr std::array<std::string_view, 9> kMembers = {"annotations", "domainname", "hooks",
                                                      "hostname",    "linux",      "mounts",
                                                      "ociVersion",  "process",    "root"};

/// Words by which a part of the program speaks of what it does; the first that occurs counts.
struct Layer {
  std::string_view word, name;
};
constexpr std::array<Layer, 15> kLayers = {{{"container does not exist", "state"},
                                            {"already exists", "state"},
                                            {"state record", "state"},
                                            {"state directory", "state"},
                                            {"D-Bus", "systemd"},
                                            {"systemd", "systemd"},
                                            {"hook", "hooks"},
                                            {"cgroup", "cgroup"},
                                            {"config.json", "config"},
                                            {"mount", "rootfs"},
                                            {"root file", "rootfs"},
                                            {"pivot_root", "rootfs"},
                                            {"device node", "rootfs"},
                                            {"unable to start container process", "process"},
                                            {"exec failed", "process"}}};

/// The sentence without the errno's words.
std::string_view without_errno(std::string_view message, int number) {
  const char* words = number == 0 ? nullptr : ::strerrordesc_np(number);
  if (words == nullptr || !message.ends_with(words)) return message;
  message.remove_suffix(std::string_view(words).size());
  if (message.ends_with(": ")) message.remove_suffix(2);
  return message;
}

std::vector<std::string_view> clauses_of(std::string_view message) {
  std::vector<std::string_view> clauses;
  for (;;) {
    const std::size_t end = message.find(": ");
    clauses.push_back(message.substr(0, end));
    if (end == std::string_view::npos) return clauses;
    message.remove_prefix(end + 2);
  }
}

bool is_pointer(std::string_view clause) {
  if (!clause.starts_with('/') || clause.find(' ') != std::string_view::npos) return false;
  const std::string_view first = clause.substr(1, clause.find('/', 1) - 1);
  return std::ranges::find(kMembers, first) != kMembers.end();
}

std::string_view first_word(std::string_view clause) { return clause.substr(0, clause.find(' ')); }

/// The first word that is an absolute path.
std::string_view path_in(std::string_view clause) {
  for (std::size_t at = clause.find('/'); at != std::string_view::npos; at = clause.find('/', at)) {
    const bool starts_word = at == 0 || clause[at - 1] == ' ' || clause[at - 1] == '"';
    const std::size_t end = std::min(clause.find_first_of(" \")", at), clause.size());
    if (starts_word && end > at + 1) return clause.substr(at, end - at);
    at = end;
  }
  return {};
}

/// What stands in the last parentheses.
std::string_view hint_in(std::string_view message) {
  const std::size_t end = message.rfind(')');
  const std::size_t start = message.rfind(" (", end);
  if (end == std::string_view::npos || start == std::string_view::npos) return {};
  return message.substr(start + 2, end - start - 2);
}

std::string_view layer_of(std::string_view message, bool has_pointer) {
  if (has_pointer) return "config";
  const auto found = std::ranges::find_if(
      kLayers, [&](const Layer& one) { return message.find(one.word) != std::string_view::npos; });
  return found == kLayers.end() ? std::string_view() : found->name;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> error_keys(const Error& error) {
  const std::string_view message = without_errno(error.what(), error.number());
  const std::vector<std::string_view> clauses = clauses_of(message);
  const auto pointer = std::ranges::find_if(clauses, is_pointer);
  const bool has_pointer = pointer != clauses.end();
  const bool is_usage = dynamic_cast<const UsageError*>(&error) != nullptr;
  const std::string_view call = first_word(clauses.back());
  const bool is_call = error.number() != 0 && std::ranges::find(kCalls, call) != kCalls.end();
  std::string_view path;
  for (const std::string_view clause : clauses)
    if (path.empty() && !is_pointer(clause)) path = path_in(clause);
  const char* name = error.number() == 0 ? nullptr : ::strerrorname_np(error.number());

  std::vector<std::pair<std::string, std::string>> keys;
  const auto add = [&](const char* key, std::string_view value) {
    if (!value.empty()) keys.emplace_back(key, value);
  };
  add("layer", is_usage ? "options" : layer_of(message, has_pointer));
  add("pointer", has_pointer ? *pointer : std::string_view());
  add("syscall", is_call ? call : std::string_view());
  add("errno", name == nullptr ? std::string_view() : name);
  add("path", path);
  add("hint", hint_in(message));
  return keys;
}

}  // namespace commands
