// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/isolation.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/cgroup_devices.hpp"
#include "runtime/kernel/cgroup_files.hpp"
#include "runtime/kernel/isolation_parts.hpp"
#include "runtime/kernel/mount_table.hpp"
#include "runtime/kernel/pidfd.hpp"
#include "runtime/kernel/procfs.hpp"
#include "runtime/kernel/seccomp_filters.hpp"

namespace kernel {
namespace {

constexpr std::array<std::string_view, 8> kTypes = {"user", "pid", "network", "mount",
                                                    "ipc",  "uts", "cgroup",  "time"};

/// The process is gone: ESRCH from a file that was open, ENOENT from one that was not.
struct Gone {};

/// /proc/PID, held open: once that process is reaped all in it fails, whoever has the number then.
class ProcessDirectory {
 public:
  ProcessDirectory(const Procfs& procfs, pid_t pid)
      : pid_(pid),
        fd_(::openat(procfs.fd(), std::to_string(pid).c_str(),
                     O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
    if (!fd_) throw_failure("");
  }

  std::string read(const std::string& file) const {
    const UniqueFd opened(::openat(fd_.get(), file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!opened) throw_failure(file);
    try {
      return read_all(opened.get(), file);
    } catch (const Error& error) {
      if (error.number() == ESRCH) throw Gone{};
      throw;
    }
  }

  std::string link(const std::string& file) const {
    std::array<char, 256> text{};
    const ssize_t length = ::readlinkat(fd_.get(), file.c_str(), text.data(), text.size());
    if (length < 0) throw_failure(file);
    return {text.data(), static_cast<std::size_t>(length)};
  }

  void prove(std::uint64_t start_time) const {
    const auto stat = parse_process_stat(read("stat"));
    if (!stat || stat->start_time != start_time || stat->state == 'Z' || stat->state == 'X')
      throw Gone{};
  }

 private:
  [[noreturn]] void throw_failure(const std::string& file) const {
    const int number = errno;
    if (number == ENOENT || number == ESRCH) throw Gone{};
    throw Error(sentence("read /proc/", pid_, "/", file), number);
  }

  pid_t pid_;
  UniqueFd fd_;
};

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// The blank-separated word number `index`; empty if there are fewer.
std::string_view word(std::string_view line, std::size_t index) {
  while (true) {
    const std::size_t start = std::min(line.find_first_not_of(" \t"), line.size());
    line.remove_prefix(start);
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    if (index-- == 0) return line.substr(0, end);
    line.remove_prefix(end);
    if (line.empty()) return {};
  }
}

template <typename Number>
Number number(std::string_view text, int base = 10) {
  Number value{};
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

std::vector<oci::IdMapping> parse_map(std::string_view text) {
  std::vector<oci::IdMapping> mappings;
  for (const std::string_view line : lines_of(text))
    mappings.push_back({.container_id = number<std::uint32_t>(word(line, 0)),
                        .host_id = number<std::uint32_t>(word(line, 1)),
                        .size = number<std::uint32_t>(word(line, 2))});
  return mappings;
}

std::string own_namespace(std::string_view file) {
  std::array<char, 256> text{};
  const ssize_t length =
      ::readlink(sentence("/proc/self/ns/", file).c_str(), text.data(), text.size());
  return length < 0 ? "none" : std::string(text.data(), static_cast<std::size_t>(length));
}

void read_namespaces(const ProcessDirectory& process, const plan::LaunchPlan& launch,
                     plan::Isolation& isolation) {
  for (const std::string_view type : kTypes) {
    const std::string_view file = plan::namespace_file(type);
    const std::string own = own_namespace(file);
    const std::string key(type);
    isolation.own_namespaces[key] = own;
    if (own != "none") isolation.namespaces[key] = process.link(sentence("ns/", file));
    const plan::JoinNamespace* const joined = launch.namespaces.joined(plan::namespace_flag(type));
    struct stat status{};
    if (joined != nullptr && ::stat(joined->path.c_str(), &status) == 0)
      isolation.joined_namespaces[key] = sentence(file, ":[", status.st_ino, "]");
  }
}

/// AppArmor's own file first; without a security module there is none, or it cannot be read.
std::string read_label(const ProcessDirectory& process, bool apparmor) {
  for (const char* file : {"attr/apparmor/current", "attr/current"}) {
    if (!apparmor && std::string_view(file) != "attr/current") continue;
    try {
      std::string label = process.read(file);
      while (!label.empty() && (label.back() == '\n' || label.back() == '\0')) label.pop_back();
      return label;
    } catch (const Gone&) {
      continue;  // a kernel without the file says the same as one without the process
    } catch (const Error& error) {
      if (error.number() != EINVAL) throw;
    }
  }
  return {};
}

void read_mounts(const ProcessDirectory& process, plan::Isolation& isolation) {
  for (MountEntry& one : reachable(parse_mount_table(process.read("mountinfo"))))
    isolation.mounts.push_back({.root = std::move(one.root),
                                .target = std::move(one.mount_point),
                                .type = std::move(one.type),
                                .options = std::move(one.options),
                                .device = std::move(one.device),
                                .propagation = std::move(one.propagation)});
}

void read_cgroups(const plan::CgroupPlan& cgroup, pid_t pid, plan::Isolation& isolation) {
  for (const plan::CgroupDirectory& one : cgroup.directories) {
    const UniqueFd directory = open_cgroup_if_exists(one);
    const bool inside = directory && std::ranges::count(processes_below(directory.get()), pid) > 0;
    if (!inside) isolation.hierarchies_left.push_back(one.mount_point);
    if (!directory) continue;
    std::vector<std::string> files;
    for (const auto* writes : {&one.writes, &one.last_writes}) {
      for (const plan::FileWrite& write : *writes) {
        files.push_back(write.file);
        if (!write.fallback_file.empty()) files.push_back(write.fallback_file);
      }
    }
    for (const std::string& file : files)
      if (const std::optional<std::string> text = read_cgroup_file(directory.get(), file))
        isolation.values.push_back({.hierarchy = one.mount_point, .file = file, .text = *text});
  }
}

/// By the hierarchy that filters devices: a list, or a program.
void read_devices(const plan::CgroupPlan& cgroup, plan::SeenDevices& seen) {
  seen.obstacle = "the cgroup is gone";
  for (const plan::CgroupDirectory& one : cgroup.directories) {
    const bool has_program = one.is_v2 && cgroup.device_program;
    if (!has_program && one.device_writes.empty()) continue;
    const UniqueFd directory = open_cgroup_if_exists(one);
    if (!directory) continue;
    if (!has_program) {
      const std::string list = read_cgroup_file(directory.get(), "devices.list").value_or("");
      for (const std::string_view line : lines_of(list)) seen.lines.emplace_back(line);
      seen.obstacle.clear();
      continue;
    }
    try {
      seen.has_program =
          has_device_program(directory.get(), cgroup_name(one), *cgroup.device_program);
      seen.obstacle.clear();
    } catch (const Error& error) {
      seen.obstacle = error.what();
    }
  }
}

}  // namespace

void parse_status(std::string_view text, plan::Isolation& isolation) {
  plan::CapabilitySets& sets = isolation.capabilities;
  for (const std::string_view line : lines_of(text)) {
    const std::string_view key = line.substr(0, line.find(':'));
    const std::string_view first = word(line, 1);
    if (key == "Uid") isolation.uid = number<std::uint32_t>(word(line, 2));
    if (key == "Gid") isolation.gid = number<std::uint32_t>(word(line, 2));
    if (key == "Groups")
      for (std::size_t i = 1; !word(line, i).empty(); ++i)
        isolation.groups.push_back(number<std::uint32_t>(word(line, i)));
    if (key == "NSpid")
      for (std::size_t i = 1; !word(line, i).empty(); ++i)
        isolation.pid_inside = number<std::uint32_t>(word(line, i));
    if (key == "CapInh") sets.inheritable = number<std::uint64_t>(first, 16);
    if (key == "CapPrm") sets.permitted = number<std::uint64_t>(first, 16);
    if (key == "CapEff") sets.effective = number<std::uint64_t>(first, 16);
    if (key == "CapBnd") sets.bounding = number<std::uint64_t>(first, 16);
    if (key == "CapAmb") sets.ambient = number<std::uint64_t>(first, 16);
    if (key == "NoNewPrivs") isolation.no_new_privileges = first == "1";
    if (key == "Seccomp") isolation.seccomp_mode = number<int>(first);
  }
}

std::vector<plan::ResourceLimit> parse_limits(std::string_view text) {
  // fs/proc/base.c, "%-25s %-20s %-20s": one line a limit, in the order of their numbers.
  constexpr std::size_t kSoft = 26, kHard = 47;
  const auto value = [](std::string_view column) {
    const std::string_view first = word(column, 0);
    return first == "unlimited" ? ~std::uint64_t{0} : number<std::uint64_t>(first);
  };
  std::vector<plan::ResourceLimit> limits;
  for (const std::string_view line : lines_of(text)) {
    if (!line.starts_with("Max ") || line.size() < kHard) continue;
    limits.push_back({.resource = static_cast<int>(limits.size()),
                      .soft = value(line.substr(kSoft)),
                      .hard = value(line.substr(kHard))});
  }
  return limits;
}

std::optional<plan::Isolation> read_isolation(const plan::LaunchPlan& launch, pid_t pid,
                                              std::uint64_t start_time) {
  try {
    const ProcessDirectory process(Procfs::open(), pid);
    process.prove(start_time);
    plan::Isolation isolation;
    read_namespaces(process, launch, isolation);
    parse_status(process.read("status"), isolation);
    isolation.limits = parse_limits(process.read("limits"));
    isolation.oom_score_adj = number<std::int32_t>(word(process.read("oom_score_adj"), 0));
    isolation.uid_mappings = parse_map(process.read("uid_map"));
    isolation.gid_mappings = parse_map(process.read("gid_map"));
    isolation.label = read_label(process, !launch.process.apparmor_profile.empty());
    read_mounts(process, isolation);
    read_targets(launch.rootfs, isolation);
    if (::geteuid() == 0) read_sources(launch.rootfs, isolation);
    read_cgroups(launch.cgroup, pid, isolation);
    read_devices(launch.cgroup, isolation.devices);
    if (launch.seccomp && isolation.seccomp_mode == 2)
      isolation.seccomp_filters = read_seccomp_filters(pid);
    // What has a pid instead of the directory, the cgroups, was that process's if it still lives.
    process.prove(start_time);
    return isolation;
  } catch (const Gone&) {
    return std::nullopt;
  }
}

}  // namespace kernel
