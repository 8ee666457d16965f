// SPDX-License-Identifier: Apache-2.0
// Which addresses, ports and devices of this host containers have:
// /run/toyrun-networks/leases.json, which goes with a reboot as the containers do. Host side.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/plan/network_rules.hpp"

namespace network {

/// What a container asks for, and whose it is.
struct Owner {
  std::string record;  // path of its state record
  std::string id;
};

class AddressPool {
 public:
  /// Locked against everybody else until it is destroyed. Throws Error.
  static AddressPool open();
  /// The leases as they are on disk, without waiting for the lock.
  static std::vector<plan::Lease> read();

  const std::vector<plan::Lease>& leases() const { return leases_; }
  const plan::Lease* find(const std::string& record) const;
  /// Leases whose container has no record any more.
  std::vector<plan::Lease> stale() const;

  /// Chooses addresses, devices and ports. Throws Error: an address or port that is taken, in no
  /// subnet, or not to be had. Nothing is written yet.
  plan::Lease take(const plan::NetworkPlan& wish, const std::vector<plan::Network>& networks,
                   const Owner& owner) const;
  /// The lease with one more endpoint, in `network`. Throws Error; nothing is written yet.
  plan::Lease extend(plan::Lease lease, const plan::NetworkPlan& wish,
                     const plan::Network& network) const;
  void add(plan::Lease lease) { leases_.push_back(std::move(lease)); }
  void erase(const std::string& record);
  /// The devices that the host has before its first setting is changed.
  void note_devices(std::vector<int> devices) { devices_before_ = std::move(devices); }
  /// A setting of the host that is about to be changed, and what it is: on disk when this returns,
  /// so that whoever is killed in between leaves it to be put back.
  void note(const std::string& setting, const std::string& before);
  /// What was noted, since the host was last as it had been.
  const std::map<std::string, std::string>& settings_before() const { return settings_before_; }
  const std::vector<int>& devices_before() const { return devices_before_; }
  void forget_settings();
  void save() const;

 private:
  AddressPool() = default;
  UniqueFd lock_;
  std::vector<plan::Lease> leases_;
  std::map<std::string, std::string> settings_before_;
  std::vector<int> devices_before_;
};

}  // namespace network
