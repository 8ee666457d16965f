// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/cgroup.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/kernel/cgroup_controllers.hpp"
#include "runtime/kernel/cgroup_delegation.hpp"
#include "runtime/kernel/cgroup_devices.hpp"
#include "runtime/kernel/cgroup_files.hpp"

namespace kernel {
namespace {

bool is_permission(int number) { return number == EACCES || number == EPERM || number == EROFS; }

const char* below_mount(const std::string& path) {
  return path.starts_with('/') ? path.c_str() + 1 : path.c_str();
}

/// mkdir -p below the hierarchy's root: one call when the parent is there. `made_from` becomes the
/// length of the part of `path` that existed before, as soon as something was made. 0 or the errno.
int make_directories_below(int root, const std::string& path, std::size_t& made_from) {
  constexpr int kAttempts =
      3;  // a parent may go away between two steps when another container is undone
  int number = ENOENT;
  for (int attempt = 0; attempt < kAttempts && number == ENOENT; ++attempt) {
    if (::mkdirat(root, below_mount(path), 0755) == 0) {
      made_from = std::min(made_from, path.rfind('/'));
      return 0;
    }
    number = errno;
    if (number != ENOENT) break;
    for (std::size_t end = path.find('/', 1); end != std::string::npos;
         end = path.find('/', end + 1)) {
      const std::string parent = path.substr(0, end);
      if (::mkdirat(root, below_mount(parent), 0755) == 0) {
        made_from = std::min(made_from, path.rfind('/', end - 1));
      } else if (errno != EEXIST) {
        number = errno;
        break;
      }
    }
  }
  return number == EEXIST ? 0 : number;
}

CgroupAge age_of(const std::string& path, std::size_t made_from) {
  return made_from < path.size() ? CgroupAge::kNew : CgroupAge::kExisting;
}

/// Refuses what another program or a dead container left: its limits and processes are not ours
/// (runc's words).
void require_unused(int dir, const plan::CgroupDirectory& directory, const std::string& name) {
  const std::size_t count = processes_below(dir).size();
  if (count > 0) {
    throw Error(
        sentence("container's cgroup is not empty: ", count, " process(es) found in ", name));
  }
  std::optional<std::string> state;
  if (directory.is_v2) {
    state = read_cgroup_file(dir, "cgroup.freeze");
  } else if (carries(directory, "freezer")) {
    state = read_cgroup_file(dir, "freezer.state");
  }
  if (state && *state != "0\n" && *state != "THAWED\n") {
    throw Error(sentence("container's cgroup unexpectedly frozen: ", name));
  }
}

}  // namespace

Cgroup::Cgroup(const std::vector<plan::CgroupDirectory>& directories) {
  open_.reserve(directories.size());
  for (const plan::CgroupDirectory& directory : directories)
    open_.push_back({.mount_point = directory.mount_point,
                     .path = directory.path,
                     .is_v2 = directory.is_v2,
                     .directory = {},
                     .tasks = {},
                     .made_from = directory.path.size()});
}

Cgroup Cgroup::create(const plan::CgroupPlan& plan) {
  Cgroup cgroup = create_v2(plan);
  cgroup.create_v1(plan);
  return cgroup;
}

Cgroup Cgroup::create_v2(const plan::CgroupPlan& plan) {
  Cgroup cgroup(plan.directories);
  for (std::size_t i = 0; i < plan.directories.size(); ++i)
    if (plan.directories[i].is_v2) set_up(cgroup.open_[i], plan.directories[i], plan);
  return cgroup;
}

void Cgroup::create_v1(const plan::CgroupPlan& plan) {
  for (std::size_t i = 0; i < plan.directories.size(); ++i)
    if (!plan.directories[i].is_v2) set_up(open_[i], plan.directories[i], plan);
}

void Cgroup::set_up(Open& one, const plan::CgroupDirectory& directory,
                    const plan::CgroupPlan& plan) {
  if (!make(one, directory, plan.ignore_permission)) return;
  const std::string name = cgroup_name(directory);
  // systemd has just made it, and keeps a place holder and a device filter of its own in it.
  const CgroupAge age = plan.unit ? CgroupAge::kNew : age_of(one.path, one.made_from);
  if (age == CgroupAge::kExisting) {
    require_unused(one.directory.get(), directory, name);
    const std::int64_t limit = plan.check_memory_limit.value_or(-1);
    if (limit >= 0) require_usage_below(limit, one.directory.get(), directory);
  }
  if (directory.is_v2 && plan.device_program) {
    attach_device_program(one.directory.get(), name, *plan.device_program, age);
  }
  write_values(one.directory.get(), name, directory.writes);
  warn_of_dropped(one.directory.get(), name, directory.writes);
  write_values(one.directory.get(), name, directory.device_writes);
  if (directory.is_v2 && plan.owner) delegate_cgroup(one.directory.get(), name, *plan.owner);
}

std::vector<int> Cgroup::v1_descriptors() const {
  std::vector<int> descriptors;
  for (const Open& one : open_)
    if (!one.is_v2) descriptors.insert(descriptors.end(), {one.directory.get(), one.tasks.get()});
  return descriptors;
}

void Cgroup::adopt_v1(std::vector<UniqueFd> descriptors) {
  auto next = descriptors.begin();
  for (Open& one : open_) {
    if (one.is_v2) continue;
    if (descriptors.end() - next < 2) throw Error("the container's cgroups did not come over");
    one.directory = std::move(*next++);
    one.tasks = std::move(*next++);
  }
}

void Cgroup::close_v1() {
  for (Open& one : open_) {
    if (one.is_v2) continue;
    one.directory.reset();
    one.tasks.reset();
  }
}

void Cgroup::write_last(const plan::CgroupPlan& plan) const {
  for (std::size_t i = 0; i < open_.size(); ++i) {
    if (!open_[i].directory) continue;
    const plan::CgroupDirectory& directory = plan.directories[i];
    if (directory.last_writes.empty()) continue;
    const std::string name = cgroup_name(directory);
    // systemd has written all it knows once more, its rounded quota too.
    write_values(open_[i].directory.get(), name, directory.writes);
    write_values(open_[i].directory.get(), name, directory.last_writes);
  }
}

bool Cgroup::make(Open& one, const plan::CgroupDirectory& directory, bool ignore_permission) {
  const std::string name = cgroup_name(directory);
  const UniqueFd root = open_hierarchy(directory.mount_point);
  const int number = make_directories_below(root.get(), directory.path, one.made_from);
  trace::call("mkdir ", name);
  if (number != 0) {
    if (ignore_permission && is_permission(number)) return false;
    throw Error(sentence("make the cgroup ", name), number);
  }
  one.directory.reset(open_in_hierarchy(root.get(), directory.path, O_PATH | O_DIRECTORY));
  check(one.directory.get(), "open the cgroup ", name);
  if (directory.is_v2) {
    enable_controllers(root.get(), one.directory.get(), directory);
    return true;
  }
  if (carries(directory, "cpuset"))
    fill_cpuset(root.get(), directory, age_of(one.path, one.made_from));
  // Opened before the clone, with our rights, so that the child needs none.
  one.tasks.reset(open_in_hierarchy(one.directory.get(), "tasks", O_WRONLY));
  trace::call("open ", name, "/tasks");
  if (one.tasks) return true;
  if (ignore_permission && is_permission(errno)) return false;
  throw Error(sentence("open ", name, "/tasks"), errno);
}

Cgroup Cgroup::open(const std::vector<plan::CgroupDirectory>& directories, Missing missing) {
  Cgroup cgroup(directories);
  cgroup.keep();
  for (std::size_t i = 0; i < directories.size(); ++i) {
    const plan::CgroupDirectory& directory = directories[i];
    Open& one = cgroup.open_[i];
    const UniqueFd root = open_hierarchy(directory.mount_point);
    const std::string path = directory.is_v2 ? directory.path : directory.path + "/tasks";
    UniqueFd& wanted = directory.is_v2 ? one.directory : one.tasks;
    wanted.reset(
        open_in_hierarchy(root.get(), path, directory.is_v2 ? O_PATH | O_DIRECTORY : O_WRONLY));
    const int number = errno;
    // A container made without privilege may have no cgroup here (ignore_permission at create).
    if (!wanted && (number != ENOENT || missing == Missing::kError)) {
      throw Error(sentence("open the cgroup ", directory.mount_point, path), number);
    }
  }
  return cgroup;
}

Cgroup::~Cgroup() {
  if (keep_) return;
  for (auto one = open_.rbegin(); one != open_.rend(); ++one) {
    if (one->made_from >= one->path.size()) continue;
    one->tasks.reset();
    one->directory.reset();
    try {
      constexpr std::chrono::milliseconds kPatience{2000};
      // Only what this object made, so whoever is in it came from our child, which is dead or
      // dying.
      remove({plan::CgroupDirectory{.mount_point = one->mount_point,
                                    .path = one->path,
                                    .controllers = {},
                                    .is_v2 = one->is_v2}},
             true, kPatience);
    } catch (const std::exception&) {
      continue;  // the first failure is the one to report; the directory is named by the
                 // container's id
    }
    for (std::string path = one->path; path.size() > one->made_from; path.resize(path.rfind('/'))) {
      // A parent that another container uses by now stays.
      const std::string name = one->mount_point + path;
      if (::rmdir(name.c_str()) < 0 && errno != ENOENT) break;
    }
  }
}

int Cgroup::v2_directory() const {
  const auto found = std::ranges::find(open_, true, &Open::is_v2);
  return found == open_.end() ? -1 : found->directory.get();
}

void Cgroup::require_room_for_processes() const {
  const auto v2 = std::ranges::find(open_, true, &Open::is_v2);
  if (v2 == open_.end()) return;
  std::string enabled =
      read_cgroup_file(v2->directory.get(), "cgroup.subtree_control").value_or("\n");
  if (enabled == "\n") return;
  enabled.resize(enabled.find('\n'));
  throw Error(sentence("the cgroup ", v2->mount_point, v2->path, " takes no process: controllers (",
                       enabled, ") are switched on for cgroups below it; let /linux/cgroupsPath ",
                       "name another, or switch them off in its cgroup.subtree_control"),
              EBUSY);
}

void Cgroup::enter() const {
  for (const Open& one : open_) {
    if (!one.tasks) continue;
    // "0" is the writing thread itself: unlike a pid in cgroup.procs it takes no lock over all
    // threads of the machine, whose first taker waits for a grace period of 8 to 12 ms.
    if (::write(one.tasks.get(), "0", 1) == 1) {
      trace::call("write 0 to ", one.mount_point, one.path, "/tasks");
      continue;
    }
    const int number = errno;
    const char* why = number == ENOSPC ? " (cpuset.cpus or cpuset.mems is empty)" : "";
    throw Error(sentence("enter the cgroup ", one.mount_point, one.path, why), number);
  }
}

int Cgroup::directory(std::size_t index) const {
  return index < open_.size() ? open_[index].directory.get() : -1;
}

std::string Cgroup::path(std::size_t index) const {
  return open_.at(index).mount_point + open_.at(index).path;
}

}  // namespace kernel
