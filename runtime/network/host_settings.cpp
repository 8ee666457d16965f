// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/host_settings.hpp"

#include <dirent.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/links.hpp"

namespace network {
namespace {

constexpr const char* kSettings = "/proc/sys/net/";

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

/// What the pool notes is put back by restore_settings, if it is still what we wrote.
constexpr const char* kForwardV4 = "ipv4/ip_forward";
constexpr const char* kForwardV6 = "ipv6/conf/all/forwarding";
std::string_view value_of_ours(std::string_view setting) {
  return setting.ends_with("/accept_ra") ? "2" : "1";
}

std::optional<std::string> value_now(const std::string& setting) {
  std::optional<std::string> value = read_file_if_exists(kSettings + setting);
  while (value && value->ends_with('\n')) value->pop_back();
  return value;
}

void write(const std::string& setting, std::string_view value) {
  write_value_at(AT_FDCWD, kSettings + setting, std::string(value));
  logging::debug(sentence("wrote ", value, " to ", kSettings, setting));
}

void set(const std::string& setting, std::string_view value) {
  if (value_now(setting) != value) write(setting, value);
}

class HostSettings {
 public:
  HostSettings(AddressPool& pool, kernel::NetlinkSocket& host) : pool_(pool), host_(host) {}

  void forward_v4() { set_noted(kForwardV4); }

  void forward_v6() {
    const auto now = value_now(kForwardV6);
    if (!now) throw Error("this host's kernel has no IPv6; use a network without an IPv6 subnet");
    if (*now == "0") keep_router_advertisements();
    set_noted(kForwardV6);
  }

 private:
  void set_noted(const std::string& setting) {
    const std::optional<std::string> before = value_now(setting);
    if (!before || *before == value_of_ours(setting)) return;
    if (pool_.settings_before().empty()) pool_.note_devices(kernel::foreign_links(host_));
    pool_.note(setting, *before);
    write(setting, value_of_ours(setting));
  }

  /// A host that forwards takes no router's advertisements unless told so (ip-sysctl, accept_ra),
  /// and would lose its own IPv6 routes.
  void keep_router_advertisements() {
    const std::unique_ptr<DIR, CloseDirectory> directory(::opendir("/proc/sys/net/ipv6/conf"));
    while (const dirent* entry = directory == nullptr ? nullptr : ::readdir(directory.get())) {
      const std::string name = entry->d_name;
      if (name.starts_with('.') || name == "all") continue;
      const std::string setting = sentence("ipv6/conf/", name, "/accept_ra");
      if (value_now(setting) == "1") set_noted(setting);
    }
  }

  AddressPool& pool_;
  kernel::NetlinkSocket& host_;
};

}  // namespace

void restrict_device(const plan::Network& network, const std::string& device) {
  const std::string settings = sentence("ipv6/conf/", device);
  if (!value_now(settings + "/accept_ra")) return;  // a kernel without IPv6
  const bool has_v6 = std::ranges::any_of(
      network.subnets, [](const plan::Subnet& one) { return one.prefix.address.is_v6; });
  set(settings + "/accept_ra", "0");
  set(settings + "/disable_ipv6", has_v6 ? "0" : "1");
}

void apply_settings(const plan::Network& network, AddressPool& pool, kernel::NetlinkSocket& host) {
  HostSettings settings(pool, host);
  restrict_device(network, network.bridge);
  for (const plan::Subnet& subnet : network.subnets) {
    const bool v6 = subnet.prefix.address.is_v6;
    // For 127.0.0.1:PORT. A program of ours that listens there and passes on would be a process
    // for each port, and hide who calls; what route_localnet opens, the rules close ("spoofed").
    if (!v6) set(sentence("ipv4/conf/", network.bridge, "/route_localnet"), "1");
    if (network.is_internal) continue;
    v6 ? settings.forward_v6() : settings.forward_v4();
  }
}

void restore_settings(AddressPool& pool, kernel::NetlinkSocket& host) {
  if (!pool.leases().empty() || pool.settings_before().empty()) return;
  if (kernel::foreign_links(host) != pool.devices_before()) return;
  for (const auto& [setting, before] : pool.settings_before())
    if (value_now(setting) == value_of_ours(setting)) write(setting, before);
  pool.forget_settings();
}

plan::UnforwardedBefore unforwarded_before(const AddressPool& pool) {
  const auto was_off = [&](const char* setting) {
    const auto found = pool.settings_before().find(setting);
    return found != pool.settings_before().end() && found->second == "0";
  };
  return {.v4 = was_off(kForwardV4), .v6 = was_off(kForwardV6), .devices = pool.devices_before()};
}

}  // namespace network
