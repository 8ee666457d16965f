// SPDX-License-Identifier: Apache-2.0
// containers-registries.conf(5), version 2: where a registry's content is fetched from (mirrors,
// another location, plain http) and what is blocked. toyimg only; a file's text in, plain values
// out.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/registry/hosts_toml.hpp"

namespace registry {

namespace toml {
struct Table;
}

enum class MirrorUse { kAll, kDigestOnly, kTagOnly };

/// short-name-mode. toyimg never asks back, so that "permissive" and "disabled" are one.
enum class ShortNames { kPermissive, kEnforcing };

struct Mirror {
  std::string location{};  // "localhost:5000", "mirror.example/hub"
  bool insecure = false;
  MirrorUse use = MirrorUse::kAll;
};

/// One [[registry]] table.
struct RegistryRule {
  std::string prefix{};    // "docker.io", "example.com/ns", "*.example.com"
  std::string location{};  // empty with a wildcard prefix: nothing is rewritten
  bool insecure = false;
  bool blocked = false;
  bool mirror_by_digest_only = false;
  std::vector<Mirror> mirrors{};
};

struct RegistriesConf {
  std::vector<std::string> unqualified_search_registries{};  // "docker.io", "localhost:5000"
  std::vector<RegistryRule> rules{};
  std::map<std::string, std::string> aliases{};  // "ubi9" → "registry.example/ubi9"
  ShortNames short_names = ShortNames::kPermissive;
  std::vector<std::string> credential_helpers{};  // kAuthFiles or docker-credential-NAME, in order

  /// In credential_helpers: the files, and what they name.
  static constexpr const char* kAuthFiles = "containers-auth.json";

  /// Adds what `text` says; a rule with the same prefix replaces the earlier one (drop-in files).
  /// Throws Error
  /// "<name>:<line>: …".
  void add(std::string_view text, const std::string& name);
  /// CONTAINERS_REGISTRIES_CONF, else the user's file, else /etc/containers/registries.conf, and
  /// the drop-in directories; then the aliases that podman keeps of what its user chose.
  static RegistriesConf from_environment();

  /// The rule with the longest prefix that matches "registry/repository", or null.
  const RegistryRule* find(std::string_view name) const;

  /// `text` with the alias in front of its tag or digest replaced.
  std::string without_alias(std::string_view text) const;

 private:
  void add_aliases(const toml::Table& root, const std::string& name);
};

/// One place to fetch from. `host` is as in references ("docker.io" is not yet its API host).
struct Source {
  std::string host{};
  std::string repository{};
  bool insecure = false;
  MirrorUse use = MirrorUse::kAll;
  std::optional<HostAccess> access{};  // how it is spoken to, where a hosts.toml says so
};

/// Where to fetch `host`/`repository` from, in order: the mirrors, then the place itself. Throws
/// Error when blocked.
std::vector<Source> sources_of(const RegistriesConf& conf, const std::string& host,
                               const std::string& repository);
/// The place, or the hosts which its hosts.toml names for it, in order, the registry's own last.
/// Throws Error.
std::vector<Source> hosts_for(const Source& place);
/// Where `host`/`repository` itself is: what is pushed or deleted goes there, whatever mirrors and
/// locations are configured. Throws Error when blocked.
Source target_of(const RegistriesConf& conf, const std::string& host,
                 const std::string& repository);

}  // namespace registry
