// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/cgroup_controllers.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/cgroup_files.hpp"

namespace kernel {
namespace {

bool has_word(std::string_view text, std::string_view word) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    if (text.substr(0, end) == word) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

/// Those of the wanted controllers that the cgroup does not have yet.
std::vector<std::string> missing_controllers(int cgroup, const std::vector<std::string>& wanted) {
  const std::string available = read_cgroup_file(cgroup, "cgroup.controllers").value_or("");
  std::vector<std::string> missing;
  for (const std::string& one : wanted) {
    if (!has_word(available, one)) missing.push_back(one);
  }
  return missing;
}

/// The errno of the last refusal, 0 if there was none.
int enable_in(int root, const std::string& ancestor, const std::vector<std::string>& wanted) {
  const std::string file = ancestor + "/cgroup.subtree_control";
  std::string all;
  for (const std::string& one : wanted) all += sentence(all.empty() ? "+" : " +", one);
  int number = write_cgroup_file(root, file, all);
  // EBUSY: there are processes in it. Alone, cpu or pids could be enabled even so, but that turns
  // it into a threaded domain, below which no cgroup takes a container (cgroups(7), "Thread mode").
  if (number == 0 || number == EBUSY) return number;
  number = 0;
  for (const std::string& one : wanted) {
    if (const int refused = write_cgroup_file(root, file, "+" + one); refused != 0)
      number = refused;
  }
  return number;
}

/// A limit that cannot be enforced must not be silently left out; "memory.max" needs "memory".
void require_for_writes(const plan::CgroupDirectory& directory, int cgroup,
                        const std::vector<std::string>& missing, int number) {
  for (const std::string& one : missing) {
    const auto needs = [&](const plan::FileWrite& write) {
      return !write.optional && write.file.starts_with(one + ".");
    };
    if (std::ranges::none_of(directory.writes, needs)) continue;
    std::string type = read_cgroup_file(cgroup, "cgroup.type").value_or("");
    if (type.ends_with('\n')) type.pop_back();
    const std::string where = cgroup_name(directory);
    const std::string kind =
        type.empty() || type == "domain" ? "" : sentence(", a ", type, " cgroup");
    throw Error(sentence("the cgroup controller ", one, " cannot be enabled for ", where, kind,
                         " (is it delegated to this user, and free of processes above?)"),
                number);
  }
}

/// Gives `path` its parent's value and returns it; parents that are empty get theirs first.
std::string inherit(int root, const std::string& path, const std::string& file) {
  const std::string parent = path.substr(0, path.rfind('/'));
  std::string value = read_cgroup_file(root, parent + "/" + file).value_or("");
  const bool is_empty = value.find_first_not_of(" \n") == std::string::npos;
  if (is_empty && !parent.empty()) value = inherit(root, parent, file);
  const int number = write_cgroup_file(root, path + "/" + file, value);
  if (number != 0) throw Error(sentence("fill ", path, "/", file, " from its parent"), number);
  return value;
}

}  // namespace

void enable_controllers(int root, int cgroup, const plan::CgroupDirectory& directory) {
  if (directory.controllers.empty()) return;
  // Usually an engine or an earlier container has enabled them all: one read says so.
  std::vector<std::string> missing = missing_controllers(cgroup, directory.controllers);
  if (missing.empty()) return;
  int number = 0;
  for (std::size_t end = 0; end != std::string::npos; end = directory.path.find('/', end + 1)) {
    if (const int refused = enable_in(root, directory.path.substr(0, end), missing); refused != 0) {
      number = refused;
    }
  }
  missing = missing_controllers(cgroup, directory.controllers);
  require_for_writes(directory, cgroup, missing, number);
}

void fill_cpuset(int root, const plan::CgroupDirectory& directory, CgroupAge age) {
  for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
    if (age == CgroupAge::kExisting) {
      const std::string value = read_cgroup_file(root, directory.path + "/" + file).value_or("");
      if (value.find_first_not_of(" \n") != std::string::npos) continue;
    }
    inherit(root, directory.path, file);
  }
}

}  // namespace kernel
