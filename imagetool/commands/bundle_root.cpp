// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/bundle_root.hpp"

#include <ranges>
#include <string_view>

#include "bundle-spec/bundle.hpp"
#include "bundle-spec/error.hpp"

BundleRoot open_bundle_root(const std::string& directory) {
  const Bundle bundle = Bundle::open(directory);
  BundleRoot root{.config = bundle.runtime_config(), .rootfs = {}, .upper = {}, .layers = {}};
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
