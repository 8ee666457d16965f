// SPDX-License-Identifier: Apache-2.0
// The user namespaces that idmapped mounts take their mappings from, and the call that applies one.
// The namespaces are made on the host, before clone: writing their maps needs the host's
// privileges.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/plan/id_map.hpp"

namespace kernel {

/// One user namespace per mapping, made when first asked for. Host side.
class IdMapNamespaces {
 public:
  /// `joined` is the user namespace the container joins, or -1; borrowed.
  explicit IdMapNamespaces(int joined) : joined_(joined) {}
  /// A descriptor of a namespace with this mapping; borrowed. Throws Error.
  int namespace_for(const plan::IdMap& map);

 private:
  int joined_;
  std::vector<std::pair<plan::IdMap, UniqueFd>> made_;
};

/// mount_setattr(2) with MOUNT_ATTR_IDMAP on a detached mount. Throws Error naming `name`, with the
/// likely reason.
void set_id_map(int mount, int user_namespace, bool recursive, std::string_view name);

}  // namespace kernel
