// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "runtime/plan/cgroup.hpp"
#include "runtime/plan/cgroup_files.hpp"
#include "runtime/plan/paths.hpp"

namespace plan {
namespace {

void enter_below(CgroupDirectory& directory, std::string_view path) {
  refuse_nul(path, "--cgroup");
  const std::string target = clean_path(sentence(directory.path, '/', path));
  // "/box-2" is no sub-cgroup of "/box" (runc compared prefixes only, until 1.5.2).
  if (target != directory.path && !target.starts_with(directory.path + "/"))
    throw Error(sentence("--cgroup: ", path, " is not a sub cgroup path of ", directory.path));
  directory.path = target;
}

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t comma = list.find(',');
    words.push_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return words;
    list.remove_prefix(comma + 1);
  }
}

void enter_controllers(std::vector<CgroupDirectory>& directories,
                       const std::vector<CgroupDirectory>& own, const std::string& asked,
                       std::size_t colon) {
  for (const std::string_view controller : split(std::string_view(asked).substr(0, colon))) {
    const auto found = std::ranges::find_if(own, [&](const CgroupDirectory& one) {
      return has_controller(one.controllers, controller);
    });
    if (found == own.end())
      throw Error(sentence("--cgroup: unknown controller ", controller, " in ", asked));
    CgroupDirectory& directory = directories[static_cast<std::size_t>(found - own.begin())];
    directory.path = found->path;  // cpu and cpuacct may share a hierarchy: the last one counts
    enter_below(directory, std::string_view(asked).substr(colon + 1));
  }
}

}  // namespace

std::vector<CgroupDirectory> sub_cgroups(std::vector<CgroupDirectory> own,
                                         const std::vector<std::string>& asked) {
  std::vector<CgroupDirectory> directories = own;
  for (const std::string& one : asked) {
    const std::size_t colon = one.find(':');
    if (colon != std::string::npos && one.find(':', colon + 1) != std::string::npos)
      throw Error(sentence("invalid --cgroup argument: ", one));
    if (colon != std::string::npos) {
      enter_controllers(directories, own, one, colon);
      continue;
    }
    if (asked.size() != 1)
      throw Error(sentence("invalid --cgroup argument: ", one, " (missing <controller>: prefix)"));
    for (CgroupDirectory& directory : directories) enter_below(directory, one);
  }
  return directories;
}

}  // namespace plan
