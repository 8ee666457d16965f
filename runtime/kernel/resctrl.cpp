// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/resctrl.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/mount_table.hpp"

namespace kernel {
namespace {

constexpr const char* kMonitoring = "/mon_groups/";

/// The first mount of it, as everybody else uses it.
std::string mount_point() {
  for (const MountEntry& one : read_mount_table())
    if (one.type == "resctrl" && one.root == "/") return one.mount_point;
  throw Error(
      "/linux/intelRdt: no resctrl file system is mounted (mount -t resctrl resctrl "
      "/sys/fs/resctrl, if the CPU has RDT)");
}

/// What the kernel says of the last thing it refused; resctrl.rst, "info/last_cmd_status".
std::string kernels_words(const std::string& group) {
  for (std::string at = group; at.size() > 1; at.resize(at.rfind('/'))) {
    std::optional<std::string> words = read_file_if_exists(at + "/info/last_cmd_status");
    if (!words) continue;
    while (words->ends_with('\n')) words->pop_back();
    return *words == "ok" ? std::string() : sentence(" (", *words, ')');
  }
  return {};
}

void write(const std::string& group, const char* file, const std::string& value) {
  try {
    write_value_at(AT_FDCWD, sentence(group, '/', file), value + "\n");
  } catch (Error& error) {
    error.add_context("/linux/intelRdt: ", value, kernels_words(group));
    throw;
  }
}

/// Writes them back, all lines at once, unless the new ones are kept.
class FormerSchemata {
 public:
  explicit FormerSchemata(std::string file) : file_(std::move(file)), text_(read_file(file_)) {}
  FormerSchemata(const FormerSchemata&) = delete;
  FormerSchemata& operator=(const FormerSchemata&) = delete;
  ~FormerSchemata() {
    if (text_.empty()) return;
    try {
      write_value_at(AT_FDCWD, file_, text_);
    } catch (const Error& error) {
      logging::warning(sentence(error.what(), ", ignoring"));
    }
  }
  void keep_new() { text_.clear(); }

 private:
  std::string file_, text_;
};

}  // namespace

plan::RdtPlace find_resctrl(const plan::RdtPlan& plan) {
  plan::RdtPlace place;
  place.group = mount_point();
  if (!plan.group.empty()) place.group += "/" + plan.group;
  if (!plan.monitoring.empty()) place.monitoring = place.group + kMonitoring + plan.monitoring;
  place.is_own = plan.is_own;
  return place;
}

RdtGroup RdtGroup::create(const plan::RdtPlan& plan, const plan::RdtPlace& place) {
  RdtGroup group;
  const std::string& path = place.group;
  bool existed = ::access(path.c_str(), F_OK) == 0;
  if (!existed && plan.must_exist)
    throw Error(sentence("/linux/intelRdt/closID: there is no class ", path,
                         ", and no schema to make it by"));
  if (!existed && ::mkdir(path.c_str(), 0755) == 0)
    group.made_.push_back(path);
  else if (!existed && errno != EEXIST)
    throw Error(sentence("/linux/intelRdt: make ", path, kernels_words(path)), errno);
  else
    existed = true;
  // config-linux.md, "IntelRdt": a named class that is there has to be as asked, and stays so.
  if (!existed || plan.is_own)
    write_schemata(place, plan.lines, [] {});
  else if (!plan.lines.empty() && !plan::schemata_have(read_file(path + "/schemata"), plan.lines))
    throw Error(sentence("/linux/intelRdt/closID: the class ", path,
                         " is there and has other schemata than asked for"));
  if (place.monitoring.empty()) return group;
  if (::mkdir(place.monitoring.c_str(), 0755) == 0)
    group.made_.push_back(place.monitoring);
  else if (errno != EEXIST)
    throw Error(
        sentence("/linux/intelRdt/enableMonitoring: make ", place.monitoring, kernels_words(path)),
        errno);
  return group;
}

RdtGroup::RdtGroup(RdtGroup&& other) noexcept : made_(std::exchange(other.made_, {})) {}

RdtGroup::~RdtGroup() {
  for (auto one = made_.rbegin(); one != made_.rend(); ++one) ::rmdir(one->c_str());
}

void add_to_resctrl(const plan::RdtPlace& place, pid_t pid) {
  write(place.group, "tasks", std::to_string(pid));
  if (!place.monitoring.empty()) write(place.monitoring, "tasks", std::to_string(pid));
}

void write_schemata(const plan::RdtPlace& place, const std::vector<std::string>& lines,
                    const std::function<void()>& rest) {
  FormerSchemata former(place.group + "/schemata");
  for (const std::string& one : lines) write(place.group, "schemata", one);
  rest();
  former.keep_new();
}

void remove_from_resctrl(const plan::RdtPlace& place) {
  for (const std::string& path : {place.monitoring, place.is_own ? place.group : std::string()})
    if (!path.empty() && ::rmdir(path.c_str()) != 0 && errno != ENOENT)
      check(-1, "remove the resctrl group ", path);
}

}  // namespace kernel
