// SPDX-License-Identifier: Apache-2.0
// certs.d/HOST/hosts.toml of containerd, nerdctl and BuildKit (containerd's docs/hosts.md): which
// hosts serve a registry's content, in which order, for what, and how each is spoken to. toyimg
// only.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/registry/http.hpp"

namespace registry {

/// One host that serves a registry's content.
struct HostAccess {
  std::string host{};  // "mirror.example:5000"; "docker.io" for its own API host
  std::string root{};  // where the API is: "https://mirror.example:5000/v2"
  std::string
      name_space{};  // what it serves, for a host that serves several: "docker.io"; "" for itself
  bool may_pull = true, may_resolve = true, may_push = true;
  bool skip_verify = false;
  bool has_own_tls = false;  // `tls` is said; otherwise certs.d/HOST
  TlsFiles tls{};
  std::vector<std::string> headers{};            // "Name: value"
  std::chrono::milliseconds connect_timeout{0};  // 0: as always
};

/// The hosts of a hosts.toml in `directory` for the registry `name`: those of its [host] tables in
/// the file's order, then the server. Throws Error "<file>:<line>: …".
std::vector<HostAccess> parse_hosts(std::string_view text, const std::string& directory,
                                    const std::string& name);

/// The same of the first hosts.toml that certs.d/HOST, certs.d/HOST_PORT_ or certs.d/_default has
/// for the registry; empty when there is none.
std::vector<HostAccess> hosts_of(const std::string& name);

}  // namespace registry
