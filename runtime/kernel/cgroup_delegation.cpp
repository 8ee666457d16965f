// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/cgroup_delegation.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace kernel {
namespace {

constexpr gid_t kSameGroup = static_cast<gid_t>(-1);

/// The list for kernels that do not publish theirs is the specification's.
std::string delegated_files() {
  return read_file_if_exists("/sys/kernel/cgroup/delegate")
      .value_or("cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n");
}

}  // namespace

void delegate_cgroup(int cgroup, const std::string& name, uid_t owner) {
  check(::fchownat(cgroup, "", owner, kSameGroup, AT_EMPTY_PATH), "give away the cgroup ", name);
  const std::string files = delegated_files();
  std::string_view left = files;
  while (!left.empty()) {
    const std::size_t end = std::min(left.find('\n'), left.size());
    const std::string file(left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
    if (file.empty()) continue;
    if (::fchownat(cgroup, file.c_str(), owner, kSameGroup, AT_SYMLINK_NOFOLLOW) == 0) continue;
    // Files of controllers that this cgroup does not have.
    if (errno != ENOENT) throw Error(sentence("give away ", name, "/", file), errno);
  }
}

}  // namespace kernel
