// SPDX-License-Identifier: Apache-2.0
// containers-registries.conf(5), version 2: where a registry's content is fetched from (mirrors,
// another location, plain http) and what is blocked. toyimg only; a file's text in, plain values
// out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace registry {

enum class MirrorUse { kAll, kDigestOnly, kTagOnly };

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
  std::vector<std::string>
      unqualified_search_registries{};  // read and checked; toyimg resolves names as Docker does
  std::vector<RegistryRule> rules{};

  /// Adds what `text` says; a rule with the same prefix replaces the earlier one (drop-in files).
  /// Throws Error
  /// "<name>:<line>: …".
  void add(std::string_view text, const std::string& name);
  /// CONTAINERS_REGISTRIES_CONF, else the user's file, else /etc/containers/registries.conf, and
  /// the drop-in directories.
  static RegistriesConf from_environment();

  /// The rule with the longest prefix that matches "registry/repository", or null.
  const RegistryRule* find(std::string_view name) const;
};

/// One place to fetch from. `host` is as in references ("docker.io" is not yet its API host).
struct Source {
  std::string host{};
  std::string repository{};
  bool insecure = false;
  MirrorUse use = MirrorUse::kAll;
  bool operator==(const Source&) const = default;
};

/// Where to fetch `host`/`repository` from, in order: the mirrors, then the place itself. Throws
/// Error when blocked.
std::vector<Source> sources_of(const RegistriesConf& conf, const std::string& host,
                               const std::string& repository);
/// Where `host`/`repository` itself is: what is pushed or deleted goes there, whatever mirrors and
/// locations are configured. Throws Error when blocked.
Source target_of(const RegistriesConf& conf, const std::string& host,
                 const std::string& repository);

}  // namespace registry
