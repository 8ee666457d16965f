// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/registries_conf.hpp"

#include <dirent.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/image_reference.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/owners/owners.hpp"
#include "imagetool/registry/toml.hpp"

namespace registry {
namespace {

constexpr std::string_view kWildcard = "*.";
constexpr const char* kSystemFile = "/etc/containers/registries.conf";

using toml::Place;

/// A host with an optional path, without scheme; "" when missing.
std::string location_in(const Place& place, const std::string& key) {
  std::string text = place.string(key);
  while (text.ends_with('/')) text.pop_back();
  if (text.find("://") != std::string::npos)
    place.refuse(place.line_of(key),
                 sentence(key, " must not begin with a scheme such as https://"));
  const bool plain = std::all_of(text.begin(), text.end(), [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') ||
           std::string_view("*.-_:/[]").find(letter) != std::string_view::npos;
  });
  if (!plain)
    place.refuse(place.line_of(key),
                 sentence(key, " \"", printable(text), "\" is not a host with a path"));
  return text;
}

std::vector<std::string> search_registries_in(const Place& place) {
  const std::string key = "unqualified-search-registries";
  std::vector<std::string> hosts = place.strings(key);
  for (const std::string& host : hosts) {
    bool is_host = ImageReference::names_registry(host + "/x");
    try {
      ImageReference::parse_exact(host + "/x:x");
    } catch (const Error&) {
      is_host = false;
    }
    if (!is_host || host.find('/') != std::string::npos)
      place.refuse(place.line_of(key),
                   sentence(key, ": \"", printable(host), "\" is no host with an optional port"));
  }
  return hosts;
}

Mirror read_mirror(const Place& place) {
  Mirror mirror{.location = location_in(place, "location"), .insecure = place.boolean("insecure")};
  if (mirror.location.empty()) place.refuse("a mirror needs a location");
  const std::string use = place.string("pull-from-mirror");
  if (use == "digest-only")
    mirror.use = MirrorUse::kDigestOnly;
  else if (use == "tag-only")
    mirror.use = MirrorUse::kTagOnly;
  else if (!use.empty() && use != "all")
    place.refuse("pull-from-mirror is none of all, digest-only and tag-only");
  return mirror;
}

RegistryRule read_rule(const toml::Table& table, const std::string& file) {
  const Place place(table, file);
  RegistryRule rule{.prefix = location_in(place, "prefix"),
                    .location = location_in(place, "location"),
                    .insecure = place.boolean("insecure"),
                    .blocked = place.boolean("blocked"),
                    .mirror_by_digest_only = place.boolean("mirror-by-digest-only")};
  if (place.has("pull-from-mirror"))
    place.refuse("pull-from-mirror belongs into a [[registry.mirror]]");
  if (rule.prefix.empty()) rule.prefix = rule.location;
  if (rule.prefix.empty()) place.refuse("a [[registry]] needs a prefix or a location");
  const bool wildcard = rule.prefix.starts_with(kWildcard);
  if (rule.prefix.find('*', wildcard ? 1 : 0) != std::string::npos ||
      rule.location.starts_with('*'))
    place.refuse("a wildcard is only allowed as \"*.\" at the start of a prefix");
  if (wildcard && rule.prefix.find('/') != std::string::npos)
    place.refuse("a wildcard prefix has no path");
  if (!wildcard && rule.location.empty()) rule.location = rule.prefix;
  if (const auto mirrors = table.arrays.find("mirror"); mirrors != table.arrays.end()) {
    for (const toml::Table& mirror : mirrors->second) {
      rule.mirrors.push_back(read_mirror(Place(mirror, file)));
      if (rule.mirror_by_digest_only && mirror.values.contains("pull-from-mirror"))
        Place(mirror, file).refuse("pull-from-mirror and mirror-by-digest-only exclude each other");
      if (rule.mirror_by_digest_only) rule.mirrors.back().use = MirrorUse::kDigestOnly;
    }
  }
  return rule;
}

/// Bytes of `name` that the prefix covers; 0 when it does not match.
std::size_t matched_length(std::string_view prefix, std::string_view name) {
  if (prefix.starts_with(kWildcard)) {
    const std::string_view host = name.substr(0, name.find('/'));
    const std::string_view without_port = host.substr(0, host.rfind(':'));
    const std::string_view suffix = prefix.substr(1);
    if (host.ends_with(suffix) && host.size() > suffix.size()) return host.size();
    return without_port.ends_with(suffix) && without_port.size() > suffix.size()
               ? without_port.size()
               : 0;
  }
  if (!name.starts_with(prefix)) return 0;
  // "example.com" covers example.com:5000/a as well (containers-registries.conf(5)).
  const bool ends =
      name.size() == prefix.size() || name[prefix.size()] == '/' || name[prefix.size()] == ':';
  return ends ? prefix.size() : 0;
}

Source source_at(std::string_view location, std::string_view name, std::size_t covered,
                 bool insecure) {
  const std::string moved =
      location.empty() ? std::string(name) : sentence(location, name.substr(covered));
  const std::size_t slash = moved.find('/');
  if (slash == std::string::npos || slash + 1 == moved.size())
    throw Error(
        sentence("registries.conf: the location ", location, " leaves no repository of ", name));
  return {
      .host = moved.substr(0, slash), .repository = moved.substr(slash + 1), .insecure = insecure};
}

std::string environment(const char* name) {
  const char* const value = ::getenv(name);
  return value == nullptr ? "" : value;
}

/// The directory that the variable names, or one below HOME; "" when there is neither.
std::string home_for(const char* variable, const char* below) {
  const std::string named = environment(variable), home = environment("HOME");
  if (!named.empty()) return named;
  return home.empty() ? "" : home + below;
}

void add_file(RegistriesConf& conf, const std::string& path) {
  if (const auto text = read_file_if_exists(path)) conf.add(*text, path);
}

void add_drop_ins(RegistriesConf& conf, const std::string& directory) {
  struct Close {
    void operator()(DIR* open) const { ::closedir(open); }
  };
  const std::unique_ptr<DIR, Close> open(::opendir(directory.c_str()));
  if (!open) {
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return;
    throw Error(sentence("open ", directory), errno);
  }
  std::set<std::string> names;
  while (const dirent* const entry = ::readdir(open.get()))
    if (std::string_view(entry->d_name).ends_with(".conf")) names.insert(entry->d_name);
  for (const std::string& name : names) add_file(conf, directory + "/" + name);
}

}  // namespace

void RegistriesConf::add(std::string_view text, const std::string& name) {
  const toml::Table root = toml::parse(text, name);
  const Place place(root, name);
  if (const auto old = root.tables.find("registries"); old != root.tables.end())
    place.refuse(std::max(old->second.line, 1),
                 "the file is in the old version 1 format; use [[registry]] tables");
  if (place.has("unqualified-search-registries"))
    unqualified_search_registries = search_registries_in(place);
  if (place.has("credential-helpers")) credential_helpers = place.strings("credential-helpers");
  if (const std::string mode = place.string("short-name-mode"); !mode.empty()) {
    if (mode != "enforcing" && mode != "permissive" && mode != "disabled")
      place.refuse(place.line_of("short-name-mode"),
                   "short-name-mode is none of enforcing, permissive and disabled");
    short_names = mode == "enforcing" ? ShortNames::kEnforcing : ShortNames::kPermissive;
  }
  add_aliases(root, name);
  const auto tables = root.arrays.find("registry");
  if (tables == root.arrays.end()) return;
  std::set<std::string> seen;
  for (const toml::Table& table : tables->second) {
    RegistryRule rule = read_rule(table, name);
    if (!seen.insert(rule.prefix).second)
      place.refuse(table.line, sentence("the prefix ", rule.prefix, " occurs twice"));
    std::erase_if(rules,
                  [&](const RegistryRule& earlier) { return earlier.prefix == rule.prefix; });
    rules.push_back(std::move(rule));
  }
}

// An empty value takes the alias of an earlier file away (containers-registries.conf(5)).
void RegistriesConf::add_aliases(const toml::Table& root, const std::string& name) {
  const auto table = root.tables.find("aliases");
  if (table == root.tables.end()) return;
  const Place place(table->second, name);
  for (const auto& [alias, value] : place.all_strings()) {
    if (value.empty()) {
      aliases.erase(alias);
      continue;
    }
    const std::string what = sentence("the alias ", printable(alias));
    ImageReference meant;
    try {
      meant = ImageReference::parse_exact(value);
    } catch (const Error& error) {
      place.refuse(place.line_of(alias), sentence(what, ": ", error.what()));
    }
    if (meant.tag || meant.digest || !value.starts_with(meant.registry + "/"))
      place.refuse(place.line_of(alias),
                   sentence(what, " must be for a registry and a repository, without tag"));
    aliases[alias] = value;
  }
}

std::string RegistriesConf::without_alias(std::string_view text) const {
  const std::string_view before_digest = text.substr(0, text.find('@'));
  const std::size_t slash = before_digest.rfind('/');
  const std::size_t colon = before_digest.find(':', slash == std::string_view::npos ? 0 : slash);
  const std::string_view name = before_digest.substr(0, colon);
  const auto alias = aliases.find(std::string(name));
  if (alias == aliases.end()) return std::string(text);
  return sentence(alias->second, text.substr(name.size()));
}

RegistriesConf RegistriesConf::from_environment() {
  RegistriesConf conf;
  if (const std::string named = environment("CONTAINERS_REGISTRIES_CONF"); !named.empty()) {
    conf.add(read_file(named), named);
    add_drop_ins(conf, named + ".d");
  } else {
    const std::string home = home_for("XDG_CONFIG_HOME", "/.config");
    const std::string users = home.empty() ? "" : home + "/containers/registries.conf";
    const auto text = users.empty() ? std::nullopt : read_file_if_exists(users);
    if (text)
      conf.add(*text, users);
    else
      add_file(conf, kSystemFile);
    add_drop_ins(conf, sentence(kSystemFile, ".d"));
    if (!users.empty()) add_drop_ins(conf, users + ".d");
  }
  const std::string cache = own_uid() == 0 ? "/var/cache" : home_for("XDG_CACHE_HOME", "/.cache");
  if (!cache.empty()) add_file(conf, cache + "/containers/short-name-aliases.conf");
  return conf;
}

const RegistryRule* RegistriesConf::find(std::string_view name) const {
  const RegistryRule* best = nullptr;
  for (const RegistryRule& rule : rules)
    if (matched_length(rule.prefix, name) != 0 &&
        (best == nullptr || rule.prefix.size() > best->prefix.size()))
      best = &rule;
  return best;
}

Source target_of(const RegistriesConf& conf, const std::string& host,
                 const std::string& repository) {
  const std::string name = repository.empty() ? host : host + "/" + repository;
  const RegistryRule* const rule = conf.find(name);
  if (rule != nullptr && rule->blocked)
    throw Error(sentence(name, ": registries.conf blocks ", rule->prefix));
  return {.host = host, .repository = repository, .insecure = rule != nullptr && rule->insecure};
}

std::vector<Source> sources_of(const RegistriesConf& conf, const std::string& host,
                               const std::string& repository) {
  const std::string name = host + "/" + repository;
  const Source target = target_of(conf, host, repository);
  const RegistryRule* const rule = conf.find(name);
  if (rule == nullptr) return {target};
  const std::size_t covered = matched_length(rule->prefix, name);
  std::vector<Source> sources;
  for (const Mirror& mirror : rule->mirrors) {
    sources.push_back(source_at(mirror.location, name, covered, mirror.insecure));
    sources.back().use = mirror.use;
  }
  sources.push_back(source_at(rule->location, name, covered, rule->insecure));
  return sources;
}

std::vector<Source> hosts_for(const Source& place) {
  std::vector<HostAccess> hosts = hosts_of(place.host);
  if (hosts.empty()) return {place};
  std::vector<Source> sources;
  for (HostAccess& access : hosts) {
    Source source = place;
    source.host = access.host;
    source.access = std::move(access);
    sources.push_back(std::move(source));
  }
  return sources;
}

}  // namespace registry
