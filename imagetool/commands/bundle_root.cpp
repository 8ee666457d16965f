// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/bundle_root.hpp"

#include <unistd.h>

#include <ranges>
#include <string_view>

#include "bundle-spec/bundle.hpp"
#include "bundle-spec/error.hpp"
#include "imagetool/owners/owners.hpp"
#include "imagetool/owners/subordinate_ids.hpp"

namespace {

/// Who made the bundle decides: in one of a single id all files are the user's, whatever map there
/// is now.
bool has_owners(const Bundle& bundle, const oci::Linux& config) {
  const IdMaps maps{config.uid_mappings, config.gid_mappings};
  const bool is_mapped = last_mapped(maps.uids) > 0 || last_mapped(maps.gids) > 0;
  const IdMaps* const mine = entered_maps();
  if (mine == nullptr && ::geteuid() == 0) return true;
  if (!is_mapped || (mine != nullptr && maps == *mine)) return is_mapped;
  throw Error(sentence(bundle.config_file(),
                       " /linux/uidMappings, gidMappings: the bundle has files of other ids than ",
                       mine == nullptr ? "your own: toyimg info says why yours have no map"
                                       : "/etc/subuid and /etc/subgid give you now"));
}

}  // namespace

BundleRoot open_bundle_root(const std::string& directory) {
  const Bundle bundle = Bundle::open(directory);
  BundleRoot root{.config = bundle.runtime_config(), .rootfs = {}, .upper = {}, .layers = {}};
  root.has_owners = has_owners(bundle, root.config.linux_);
  const auto layers = root.config.annotations.find("org.toyrun.rootfs.layers");
  if (layers != root.config.annotations.end()) {
    root.upper = RootedDir::open(bundle.directory() + "/overlay/upper");
    for (const auto name : std::views::split(layers->second, ':'))
      root.layers.push_back(
          sentence(bundle.directory(), "/overlay/", std::string_view(name.begin(), name.end())));
    return root;
  }
  if (!root.config.root) throw Error(sentence(bundle.config_file(), " has no /root/path"));
  const std::string& path = root.config.root->path;
  root.rootfs = RootedDir::open(path.starts_with('/') ? path : bundle.directory() + '/' + path);
  return root;
}
