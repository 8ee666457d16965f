// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/id_map.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/ids/new_user_namespace.hpp"
#include "runtime/kernel/namespaces.hpp"
#include "runtime/kernel/procfs.hpp"

namespace kernel {
namespace {

UniqueFd make_namespace(const plan::IdMap& map) {
  const ids::NewUserNamespace made("for an idmapped mount");
  plan::NamespacePlan maps;
  maps.uid_mappings = map.uids;
  maps.gid_mappings = map.gids;
  write_id_maps(made.pid(), maps);
  const Procfs procfs = Procfs::open();
  return open_at(procfs.fd(), sentence(made.pid(), "/ns/user"), O_RDONLY);
}

const char* hint(int number) {
  if (number == EINVAL) return " (its file system may not support that)";
  if (number == EPERM)
    return " (needs CAP_SYS_ADMIN over its file system, and a mount without a mapping yet)";
  return "";
}

}  // namespace

int IdMapNamespaces::namespace_for(const plan::IdMap& map) {
  if (map.of_joined_namespace) return joined_;
  for (const auto& [known, descriptor] : made_)
    if (known.uids == map.uids && known.gids == map.gids) return descriptor.get();
  made_.emplace_back(map, make_namespace(map));
  return made_.back().second.get();
}

void set_id_map(int mount, int user_namespace, bool recursive, std::string_view name) {
  mount_attr change{};
  change.attr_set = MOUNT_ATTR_IDMAP;
  change.userns_fd = static_cast<std::uint64_t>(user_namespace);
  const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U);
  if (::mount_setattr(mount, "", flags, &change, sizeof change) == 0) return;
  const int number = errno;
  throw Error(sentence("map the ids of the mount of ", name, hint(number)), number);
}

}  // namespace kernel
