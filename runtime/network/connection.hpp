// SPDX-License-Identifier: Apache-2.0
// A container's connection to networks: a lease, a device in each, published ports. Host side, once
// init has its network namespace and before any hook.
#pragma once

#include <string>

#include "runtime/network/address_pool.hpp"
#include "runtime/plan/network.hpp"

namespace network {

/// The container's, open.
struct Namespaces {
  int network = -1;
  int user = -1;  // for pasta
};

/// Connected; on destruction all of it is undone unless keep() was called.
class Connection {
 public:
  /// First it clears away what dead containers left. Throws Error; then nothing is left.
  Connection(const plan::NetworkPlan& wish, const Owner& owner, const Namespaces& namespaces);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();
  void keep() { record_.clear(); }

 private:
  std::string record_;  // of what must be undone; empty for nothing
};

/// Undoes what a container has here; nothing is fine. Its record must still be there, so that this
/// can be tried again. Throws Error.
void disconnect(const std::string& record);

/// Connects a container that is in networks already to `wish.names.front()`, too. Throws Error;
/// then all is as before.
void join(const plan::NetworkPlan& wish, const Owner& owner, int network_namespace);
/// Takes a container out of one of its networks; its default route then leads through the next.
/// Throws Error.
void leave(const std::string& name, const Owner& owner, int network_namespace);

/// Clears away what containers left whose record is gone. Throws Error.
void clear_stale();

}  // namespace network
