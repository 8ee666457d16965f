// SPDX-License-Identifier: Apache-2.0
#include "imagetool/bundle/user_namespace.hpp"

#include <string>

#include "bundle-spec/error.hpp"
#include "imagetool/owners/subordinate_ids.hpp"

void give_user_namespace(oci::RuntimeConfig& config, const IdMaps& maps) {
  if (config.process) {
    const oci::User& user = config.process->user;
    refuse_unmapped(maps, user.uid, user.gid, "the image's user");
    for (const std::uint32_t gid : user.additional_gids)
      refuse_unmapped(maps, user.uid, gid, "the image's user");
  }
  config.linux_.namespaces.push_back({.type = "user", .path = {}});
  config.linux_.uid_mappings = maps.uids;
  config.linux_.gid_mappings = maps.gids;
  // Device rules take a cgroup of one's own, which not every user has; a user namespace makes no
  // devices anyway.
  config.linux_.resources.reset();
  // The kernel takes mapped groups only.
  config.linux_.sysctl["net.ipv4.ping_group_range"] = sentence("0 ", last_mapped(maps.gids));
  if (is_mapped(maps.gids, 5)) return;
  for (oci::Mount& mount : config.mounts) std::erase(mount.options, "gid=5");
}
