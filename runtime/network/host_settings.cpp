// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/host_settings.hpp"

#include <dirent.h>

#include <memory>
#include <optional>
#include <string>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace network {
namespace {

constexpr const char* kSettings = "/proc/sys/net/";

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

/// What it was, or nullopt when it has that value already.
std::optional<std::string> set(const std::string& setting, const std::string& value) {
  const std::string path = kSettings + setting;
  std::string before = read_file(path);
  while (!before.empty() && before.back() == '\n') before.pop_back();
  if (before == value) return std::nullopt;
  write_value_at(AT_FDCWD, path, value);
  logging::debug(sentence("wrote ", value, " to ", path, ", which was ", before));
  return before;
}

void set_for_host(const std::string& setting, const std::string& value, AddressPool& pool) {
  if (const std::optional<std::string> before = set(setting, value)) pool.note(setting, *before);
}

/// A host that forwards takes no router's advertisements unless told so (ip-sysctl, accept_ra), and
/// would lose its own IPv6 routes.
void keep_router_advertisements(AddressPool& pool) {
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir("/proc/sys/net/ipv6/conf"));
  while (const dirent* entry = directory == nullptr ? nullptr : ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name.starts_with('.') || name == "all") continue;
    const std::string setting = sentence("ipv6/conf/", name, "/accept_ra");
    const auto value = read_file_if_exists(kSettings + setting);
    if (value && value->starts_with('1')) set_for_host(setting, "2", pool);
  }
}

void forward_v6(AddressPool& pool) {
  const std::string setting = "ipv6/conf/all/forwarding";
  const auto now = read_file_if_exists(kSettings + setting);
  if (!now) throw Error("this host's kernel has no IPv6; use a network without an IPv6 subnet");
  if (now->starts_with('0')) keep_router_advertisements(pool);
  set_for_host(setting, "1", pool);
}

}  // namespace

void apply_settings(const plan::Network& network, AddressPool& pool) {
  for (const plan::Subnet& subnet : network.subnets) {
    const bool v6 = subnet.prefix.address.is_v6;
    if (v6) {
      set(sentence("ipv6/conf/", network.bridge, "/disable_ipv6"), "0");
      set(sentence("ipv6/conf/", network.bridge, "/accept_ra"), "0");
    } else {
      // For 127.0.0.1:PORT. A program of ours that listens there and passes on would be a process
      // for each port, and hide who calls; what route_localnet opens, the rules close ("spoofed").
      set(sentence("ipv4/conf/", network.bridge, "/route_localnet"), "1");
    }
    if (network.is_internal) continue;
    if (v6) {
      forward_v6(pool);
    } else {
      set_for_host("ipv4/ip_forward", "1", pool);
    }
  }
}

}  // namespace network
