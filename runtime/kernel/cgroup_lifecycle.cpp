// SPDX-License-Identifier: Apache-2.0
// The part of kernel/cgroup for a container that exists: freeze, kill, update, list. Host side.
//
// Where the host has a v2 hierarchy the container is in it too (hybrid included), and freezing,
// killing and waiting go through it: v2 announces "frozen" and "populated" by events, kills the
// whole tree at once, and a killed process need not be thawed first. The v1 freezer is for hosts
// without v2.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/cgroup.hpp"
#include "runtime/kernel/cgroup_devices.hpp"
#include "runtime/kernel/cgroup_files.hpp"
#include "runtime/kernel/cgroup_stuck.hpp"
#include "runtime/kernel/cgroup_values.hpp"

namespace kernel {
namespace {

constexpr std::chrono::seconds kFreezeTime{10};
/// Freezing before a signal only keeps the list of pids steady; a task in uninterruptible sleep
/// must not hold up the kill.
constexpr std::chrono::milliseconds kFreezeTimeBeforeSignal{200};

/// One of the container's directories, open.
struct OpenCgroup {
  const plan::CgroupDirectory* directory = nullptr;
  UniqueFd fd;
};

/// The v2 directory, or else the first that `is_wanted`; empty if none of them is there.
template <typename Condition>
OpenCgroup open_preferred(const CgroupDirectories& directories, Condition is_wanted) {
  for (const bool v2 : {true, false}) {
    for (const plan::CgroupDirectory& one : directories) {
      if (one.is_v2 != v2 || (!v2 && !is_wanted(one))) continue;
      if (UniqueFd fd = open_cgroup_if_exists(one)) return {&one, std::move(fd)};
    }
  }
  return {};
}

OpenCgroup open_for_freezing(const CgroupDirectories& directories) {
  return open_preferred(directories,
                        [](const plan::CgroupDirectory& one) { return carries(one, "freezer"); });
}

OpenCgroup open_for_listing(const CgroupDirectories& directories) {
  return open_preferred(directories, [](const plan::CgroupDirectory&) { return true; });
}

void write_state(const OpenCgroup& cgroup, bool frozen) {
  const char* file = cgroup.directory->is_v2 ? "cgroup.freeze" : "freezer.state";
  const char* value =
      cgroup.directory->is_v2 ? (frozen ? "1" : "0") : (frozen ? "FROZEN" : "THAWED");
  const int number = write_cgroup_file(cgroup.fd.get(), file, value);
  if (number == 0) return;
  const std::string name = cgroup_name(*cgroup.directory);
  throw Error(sentence("write ", value, " to ", name, "/", file), number);
}

/// v1 reports only when asked, and a task in the middle of fork or exec may need a second push:
/// thaw, then freeze again (runc).
bool freeze_v1(const OpenCgroup& cgroup, const Deadline& deadline) {
  constexpr unsigned kPushAfter = 50;
  for (unsigned attempt = 0;; ++attempt) {
    if (attempt > 0 && attempt % kPushAfter == 0) write_state(cgroup, false);
    write_state(cgroup, true);
    const std::string state = read_cgroup_file(cgroup.fd.get(), "freezer.state").value_or("");
    if (state != "FREEZING\n") return true;  // FROZEN, or the cgroup is gone
    if (deadline.has_passed()) return false;
    pause_without_event(attempt % kPushAfter, deadline);
  }
}

bool freeze_within(const OpenCgroup& cgroup, std::chrono::milliseconds time) {
  const Deadline deadline(time);
  bool is_frozen = false;
  try {
    if (cgroup.directory->is_v2) {
      write_state(cgroup, true);
      // The last process may end first: the kernel does not call an empty cgroup frozen then.
      is_frozen = wait_for_event(cgroup.fd.get(), {"frozen 1\n", "populated 0\n"}, deadline);
    } else {
      is_frozen = freeze_v1(cgroup, deadline);
    }
  } catch (...) {
    write_cgroup_file(cgroup.fd.get(), cgroup.directory->is_v2 ? "cgroup.freeze" : "freezer.state",
                      cgroup.directory->is_v2 ? "0" : "THAWED");
    throw;
  }
  if (!is_frozen) write_state(cgroup, false);
  return is_frozen;
}

bool says_frozen(std::string_view state) {
  return state == "1\n" || state == "FROZEN\n" || state == "FREEZING\n";
}

bool is_frozen(const OpenCgroup& cgroup) {
  if (!cgroup.directory) return false;
  const char* file = cgroup.directory->is_v2 ? "cgroup.freeze" : "freezer.state";
  return says_frozen(read_cgroup_file(cgroup.fd.get(), file).value_or(""));
}

bool kill_at_once(const OpenCgroup& cgroup) {
  if (!cgroup.directory || !cgroup.directory->is_v2) return false;
  // EOPNOTSUPP: a threaded cgroup. Others get their signal one by one as well.
  return write_cgroup_file(cgroup.fd.get(), "cgroup.kill", "1") == 0;
}

void send_to_all(const std::vector<pid_t>& pids, int signal) {
  for (const pid_t pid : pids) {
    if (::kill(pid, signal) == 0 || errno == ESRCH) continue;
    throw Error(sentence("send signal ", signal, " to process ", pid), errno);
  }
}

/// Thaws what was frozen for a moment, whatever happens in between.
class MomentaryFreeze {
 public:
  MomentaryFreeze(const OpenCgroup& cgroup, bool thaw_at_end)
      : cgroup_(cgroup), thaw_at_end_(thaw_at_end) {
    try {
      if (!cgroup.directory || is_frozen(cgroup)) return;
      thaw_at_end_ = freeze_within(cgroup, kFreezeTimeBeforeSignal) || thaw_at_end_;
    } catch (const Error&) {
      thaw_at_end_ = true;  // the signal matters more than the freeze
    }
  }
  MomentaryFreeze(const MomentaryFreeze&) = delete;
  MomentaryFreeze& operator=(const MomentaryFreeze&) = delete;
  ~MomentaryFreeze() {
    if (!cgroup_.directory || !thaw_at_end_) return;
    const bool v2 = cgroup_.directory->is_v2;
    write_cgroup_file(cgroup_.fd.get(), v2 ? "cgroup.freeze" : "freezer.state",
                      v2 ? "0" : "THAWED");
  }

 private:
  const OpenCgroup& cgroup_;
  bool thaw_at_end_;
};

/// What such a write finds in its file, as a value that can be written; nullopt when it cannot be
/// read. Files of several lines have one for each device.
std::optional<std::string> value_before(int dir, const std::string& file,
                                        const std::string& value) try {
  const std::optional<std::string> text = read_cgroup_file(dir, file);
  if (!text) return std::nullopt;
  if (file == "memory.oom_control")
    return sentence(value_of_key(*text, "oom_kill_disable").value_or(0));
  const std::string key = value.substr(0, value.find(' '));
  for (std::string_view rest = *text; key != value && !rest.empty();) {
    const std::string_view line = next_word(rest, "\n");
    if (line.starts_with(key + ' ')) return std::string(line);
  }
  if (key.find(':') == std::string::npos || key == value) return text->substr(0, text->find('\n'));
  if (file == "io.max") return key + " rbps=max wbps=max riops=max wiops=max";
  return key + (file.starts_with("io.") ? " default" : " 0");
} catch (const Error&) {
  return std::nullopt;  // only to be written, like devices.allow
}

/// Writes back what an update that fails half way has changed, the last first.
class FormerValues {
 public:
  FormerValues() = default;
  FormerValues(const FormerValues&) = delete;
  FormerValues& operator=(const FormerValues&) = delete;
  ~FormerValues() {
    // Of two that bound each other one may be refused until the other is what it was.
    for (int round = 0; round < 2; ++round)
      std::erase_if(values_, [](const Value& one) {
        return write_cgroup_file(one.dir, one.file, one.value) == 0;
      });
  }
  /// Returns the descriptor, which is open as long as this.
  int remember(UniqueFd dir, const std::vector<plan::FileWrite>& writes) {
    const int fd = dirs_.emplace_back(std::move(dir)).get();
    for (const plan::FileWrite& one : writes) {
      if (!add(fd, one.file, one.value) && !one.fallback_file.empty())
        add(fd, one.fallback_file, one.fallback_value);
    }
    return fd;
  }
  void keep_new() { values_.clear(); }

 private:
  struct Value {
    int dir;
    std::string file, value;
  };
  bool add(int dir, const std::string& file, const std::string& value) {
    std::optional<std::string> now = value_before(dir, file, value);
    if (now) values_.push_front({dir, file, *std::move(now)});
    return now.has_value();
  }
  std::vector<UniqueFd> dirs_;
  std::deque<Value> values_;
};

/// The same for the list of a v1 devices cgroup.
class FormerDevices {
 public:
  FormerDevices() = default;
  FormerDevices(const FormerDevices&) = delete;
  FormerDevices& operator=(const FormerDevices&) = delete;
  ~FormerDevices() {
    if (dir_ < 0) return;
    // Where all is allowed the kernel does not list what is denied in spite of it; what is denied
    // further up comes back by itself (security/device_cgroup.c).
    const bool all = list_.starts_with("a ");
    write_cgroup_file(dir_, all ? "devices.allow" : "devices.deny", "a");
    for (std::string_view rest = list_; !all && !rest.empty();)
      write_cgroup_file(dir_, "devices.allow", next_word(rest, "\n"));
  }
  /// The descriptor has to stay open as long as this.
  void remember(int dir) {
    list_ = read_cgroup_file(dir, "devices.list").value_or("");
    dir_ = dir;
  }
  void keep_new() { dir_ = -1; }

 private:
  int dir_ = -1;
  std::string list_;
};

}  // namespace

void freeze(const CgroupDirectories& directories) {
  const OpenCgroup cgroup = open_for_freezing(directories);
  if (!cgroup.directory) throw Error("cannot freeze the container: it has no freezer cgroup");
  if (freeze_within(cgroup, kFreezeTime)) return;
  throw Error(sentence("the cgroup ", cgroup_name(*cgroup.directory), " did not freeze within ",
                       kFreezeTime.count(),
                       " s: ", describe_stuck(processes_below(cgroup.fd.get()))));
}

void thaw(const CgroupDirectories& directories) {
  const OpenCgroup cgroup = open_for_freezing(directories);
  if (!cgroup.directory) throw Error("cannot thaw the container: it has no freezer cgroup");
  write_state(cgroup, false);
}

std::string freezer_file(const CgroupDirectories& directories) {
  for (const bool v2 : {true, false})
    for (const plan::CgroupDirectory& one : directories)
      if (one.is_v2 == v2 && (v2 || carries(one, "freezer")))
        return sentence(one.mount_point, one.path, v2 ? "/cgroup.freeze" : "/freezer.state");
  return {};
}

/// In three system calls, for `list` asks it of every container. There are no symlinks in a cgroup
/// file system.
bool is_frozen(const std::string& freezer_file) {
  if (freezer_file.empty()) return false;
  const UniqueFd file(::open(freezer_file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file && is_gone(errno)) return false;
  check(file.get(), "open ", freezer_file);
  std::array<char, 16> state;
  const ssize_t length = ::read(file.get(), state.data(), state.size());
  if (length < 0 && is_gone(errno)) return false;
  check(length, "read ", freezer_file);
  return says_frozen({state.data(), static_cast<std::size_t>(length)});
}

std::vector<pid_t> processes(const CgroupDirectories& directories) {
  const OpenCgroup cgroup = open_for_listing(directories);
  if (!cgroup.directory) return {};
  std::vector<pid_t> pids = processes_below(cgroup.fd.get());
  std::ranges::sort(pids);
  return pids;
}

void signal_all(const CgroupDirectories& directories, int signal) {
  const OpenCgroup listing = open_for_listing(directories);
  if (!listing.directory) return;
  if (signal == SIGKILL && kill_at_once(listing)) return;
  const std::vector<pid_t> pids = processes_below(listing.fd.get());
  if (std::ranges::find(pids, ::getpid()) != pids.end()) return send_to_all(pids, signal);
  // Frozen, no pid can be freed and taken by another process, nor a fork escape. A frozen v1 task
  // dies only when thawed.
  const OpenCgroup freezer = open_for_freezing(directories);
  const MomentaryFreeze frozen(freezer, signal == SIGKILL);
  send_to_all(processes_below(listing.fd.get()), signal);
}

void require_memory_usage_below(const CgroupDirectories& directories, std::int64_t limit) {
  for (const plan::CgroupDirectory& one : directories) {
    if (!carries(one, "memory")) continue;
    if (const UniqueFd dir = open_cgroup_if_exists(one)) require_usage_below(limit, dir.get(), one);
  }
}

void replace_device_program(const CgroupDirectories& directories,
                            const plan::DeviceProgram& program, const std::function<void()>& rest) {
  std::vector<ReplacedDeviceProgram> replaced;
  for (const plan::CgroupDirectory& one : directories) {
    if (!one.is_v2) continue;
    const std::string name = cgroup_name(one);
    UniqueFd dir = open_cgroup_if_exists(one);
    if (!dir) throw NotFound(sentence("the cgroup ", name, " does not exist"));
    replaced.emplace_back(std::move(dir), name, program);
  }
  rest();
  for (ReplacedDeviceProgram& one : replaced) one.keep();
}

void apply_update(const CgroupDirectories& directories, const std::function<void()>& rest) {
  FormerValues former;
  // The v1 list is cleared before it is filled: nobody may meet it half done.
  const OpenCgroup freezer = open_for_freezing(directories);
  std::optional<MomentaryFreeze> still;
  const bool changes_devices = std::ranges::any_of(
      directories, [](const plan::CgroupDirectory& one) { return !one.device_writes.empty(); });
  if (changes_devices) still.emplace(freezer, false);
  FormerDevices former_devices;
  for (const plan::CgroupDirectory& one : directories) {
    if (one.writes.empty() && one.device_writes.empty()) continue;
    const std::string name = cgroup_name(one);
    UniqueFd dir = open_cgroup_if_exists(one);
    if (!dir) throw NotFound(sentence("the cgroup ", name, " does not exist"));
    const int open = former.remember(std::move(dir), one.writes);
    write_values(open, name, one.writes);
    warn_of_dropped(open, name, one.writes);
    if (one.device_writes.empty()) continue;
    former_devices.remember(open);
    write_values(open, name, one.device_writes);
  }
  rest();
  former.keep_new();
  former_devices.keep_new();
}

std::uint64_t oom_kills(const CgroupDirectories& directories) {
  for (const plan::CgroupDirectory& one : directories) {
    if (!one.is_v2 && !carries(one, "memory")) continue;
    const UniqueFd dir = open_cgroup_if_exists(one);
    if (!dir) continue;
    const auto text =
        read_cgroup_file(dir.get(), one.is_v2 ? "memory.events" : "memory.oom_control");
    if (!text) continue;  // a hybrid host's v2 hierarchy without the memory controller
    return value_of_key(*text, "oom_kill").value_or(0);
  }
  return 0;
}

std::int64_t cpu_quota(const CgroupDirectories& directories) {
  for (const plan::CgroupDirectory& one : directories) {
    if (!one.is_v2 && !carries(one, "cpu")) continue;
    const UniqueFd cgroup = open_cgroup_if_exists(one);
    if (!cgroup) continue;
    const auto text = read_cgroup_file(cgroup.get(), one.is_v2 ? "cpu.max" : "cpu.cfs_quota_us");
    if (!text) continue;
    std::int64_t quota = -1;  // "max"
    std::from_chars(text->data(), text->data() + text->size(), quota);
    return quota;
  }
  return -1;
}

}  // namespace kernel
