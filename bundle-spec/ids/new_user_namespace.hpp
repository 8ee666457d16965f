// SPDX-License-Identifier: Apache-2.0
// A user namespace with a map of ids, made by a process that does nothing else, and the programs
// that write maps for ordinary users. Host side of either tool, before it has threads.
#pragma once

#include <sys/types.h>

#include <string_view>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "bundle-spec/oci/runtime_config.hpp"

namespace ids {

/// A process that only holds a new user namespace; it ends when this object, or this process, does.
class NewUserNamespace {
 public:
  /// `what_for`: words for the error.
  explicit NewUserNamespace(std::string_view what_for);
  NewUserNamespace(const NewUserNamespace&) = delete;
  NewUserNamespace& operator=(const NewUserNamespace&) = delete;
  ~NewUserNamespace();
  pid_t pid() const { return pid_; }

 private:
  UniqueFd writer_;
  pid_t pid_ = 0;
};

/// newuidmap(1) and newgidmap(1) from PATH, started with an empty environment, write the maps of
/// the user namespace of `pid`. `remedy` goes behind their own words. Throws Error.
void map_with_programs(pid_t pid, const std::vector<oci::IdMapping>& uids,
                       const std::vector<oci::IdMapping>& gids, std::string_view remedy);

}  // namespace ids
