// SPDX-License-Identifier: Apache-2.0
// Idmapped mounts: which ids the files of a mount show. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/plan/mount_options.hpp"
#include "runtime/plan/namespaces.hpp"

namespace plan {

/// MOUNT_ATTR_IDMAP of one mount. The mappings are those of a user namespace: an id N of the file
/// system shows as the host id that N has as container id.
struct IdMap {
  std::vector<oci::IdMapping> uids = {}, gids = {};
  bool of_joined_namespace = false;  // the maps of the user namespace joined by path, instead
  bool recursive = false;            // ridmap: the mounts below as well
  bool operator==(const IdMap&) const = default;
};

/// From the mount's own mappings, the words idmap and ridmap (the container's mapping), or crun's
/// word idmap=uids=C-H-N#…;gids=…. `pointer` is the mount's, for messages. Throws Error.
std::optional<IdMap> plan_id_map(const oci::Mount& mount, const MountOptions& options,
                                 const NamespacePlan& namespaces, std::string_view pointer);
/// "user ids 0-9 to 5000-5009, group ids …".
std::string describe(const IdMap& map);

}  // namespace plan
