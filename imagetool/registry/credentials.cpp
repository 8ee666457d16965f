// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/credentials.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/oci/json_view.hpp"
#include "imagetool/owners/owners.hpp"
#include "imagetool/registry/base64.hpp"
#include "imagetool/registry/credential_helper.hpp"
#include "imagetool/registry/registries_conf.hpp"

namespace registry {
namespace {

constexpr std::string_view kHub = "docker.io";
constexpr const char* kHubKey = "https://index.docker.io/v1/";
constexpr std::size_t kFileLimit = std::size_t{4} << 20;

std::string environment(const char* name) {
  const char* const value = ::getenv(name);
  return value == nullptr ? "" : value;
}

/// "https://index.docker.io/v1/" → "docker.io": what a key of `auths` means as host and path.
std::string plain_key(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"})
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  while (key.ends_with('/')) key.remove_suffix(1);
  for (const std::string_view version : {"/v1", "/v2"})
    if (key.ends_with(version)) key.remove_suffix(version.size());
  const std::string_view host = key.substr(0, key.find('/'));
  if (host == "index.docker.io" || host == "registry-1.docker.io")
    return sentence(kHub, key.substr(host.size()));
  return std::string(key);
}

/// host/a/b, host/a, host: the most specific first.
std::vector<std::string> scopes_of(std::string_view host, std::string_view repository) {
  std::vector<std::string> scopes;
  std::string scope = sentence(host, "/", repository);
  for (std::size_t slash = scope.rfind('/'); slash != std::string::npos; slash = scope.rfind('/')) {
    scopes.push_back(scope);
    scope.resize(slash);
  }
  scopes.push_back(scope);
  return scopes;
}

/// The key among `keys` that fits best.
std::optional<std::string> best_key(const std::vector<std::string>& keys,
                                    const std::vector<std::string>& scopes) {
  for (const std::string& scope : scopes) {
    for (const std::string& key : keys)
      if (key == scope) return key;
    for (const std::string& key : keys)
      if (plain_key(key) == scope) return key;
  }
  return std::nullopt;
}

std::optional<Login> read_entry(const oci::JsonView& entry) {
  Login login{.username = entry.string("username"),
              .password = entry.string("password"),
              .identity_token = entry.string("identitytoken"),
              .registry_token = entry.string("registrytoken")};
  if (const std::string encoded = entry.string("auth"); !encoded.empty()) {
    const std::optional<std::string> decoded = base64_decode(encoded);
    const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos) entry.refuse("auth", "is not base64 of USER:PASSWORD");
    login.username = decoded->substr(0, colon);
    login.password = decoded->substr(colon + 1);
    while (login.password.ends_with('\0')) login.password.pop_back();
  }
  if (login == Login{}) return std::nullopt;  // {}: docker keeps the login in its store
  return login;
}

/// The words docker's helpers know a registry by.
std::string helper_key(std::string_view host) { return host == kHub ? kHubKey : std::string(host); }

std::optional<Login> ask_named_helper(const std::string& name, std::string_view host,
                                      const std::string& file) {
  try {
    return ask_helper(name, helper_key(host));
  } catch (const Error& error) {
    throw Error(sentence(file, ": credHelpers: ", error.what()));
  }
}

/// A global store that is missing or fails must not break public pulls; a helper named for this
/// registry must.
std::optional<Login> ask_store(const std::string& name, std::string_view host,
                               const std::string& where) {
  try {
    return ask_helper(name, helper_key(host));
  } catch (const Error& error) {
    logging::warning(sentence(where, ": ", error.what(), ", ignoring"));
    return std::nullopt;
  }
}

std::optional<Login> find_in(const oci::JsonView& config, const std::string& file,
                             std::string_view host, std::string_view repository) {
  const std::vector<std::string> scopes = scopes_of(host, repository);
  if (const auto helpers = config.object("credHelpers"))
    if (const auto key = best_key(helpers->names(), scopes))
      return ask_named_helper(helpers->string(*key), host, file);
  if (const std::string store = config.string("credsStore"); !store.empty())
    if (auto login = ask_store(store, host, file + ": credsStore")) return login;
  const bool is_legacy = file.ends_with("/.dockercfg");
  const std::optional<oci::JsonView> auths = is_legacy ? config : config.object("auths");
  if (!auths) return std::nullopt;
  const std::optional<std::string> key = best_key(auths->names(), scopes);
  const std::optional<oci::JsonView> entry = key ? auths->object(*key) : std::nullopt;
  return entry ? read_entry(*entry) : std::nullopt;
}

std::optional<Login> find_in_files(const CredentialSources& sources, std::string_view host,
                                   std::string_view repository) {
  const auto look_in = [&](std::string_view text, const std::string& name) {
    return find_in(oci::JsonView::parse(text, name, kFileLimit), name, host, repository);
  };
  if (sources.inline_config)
    if (auto login = look_in(*sources.inline_config, "DOCKER_AUTH_CONFIG")) return login;
  for (const std::string& file : sources.files) {
    const std::optional<std::string> text =
        sources.explicit_file ? read_file(file, kFileLimit) : read_file_if_exists(file);
    if (!text) continue;
    if (auto login = look_in(*text, file)) return login;
  }
  return std::nullopt;
}

}  // namespace

CredentialSources CredentialSources::from_environment(const std::optional<std::string>& authfile) {
  CredentialSources sources;
  const std::string named = authfile ? *authfile : environment("REGISTRY_AUTH_FILE");
  if (!named.empty()) {
    sources.files.push_back(named);
    sources.explicit_file = authfile.has_value();
    return sources;
  }
  const std::string home = environment("HOME");
  const std::string runtime = environment("XDG_RUNTIME_DIR");
  sources.files.push_back(runtime.empty() ? sentence("/run/containers/", own_uid(), "/auth.json")
                                          : runtime + "/containers/auth.json");
  std::string config = environment("XDG_CONFIG_HOME");
  if (config.empty() && !home.empty()) config = home + "/.config";
  if (!config.empty()) sources.files.push_back(config + "/containers/auth.json");
  if (const std::string text = environment("DOCKER_AUTH_CONFIG"); !text.empty())
    sources.inline_config = text;
  const std::string docker = environment("DOCKER_CONFIG");
  if (!docker.empty())
    sources.files.push_back(docker + "/config.json");
  else if (!home.empty())
    sources.files.push_back(home + "/.docker/config.json");
  if (!home.empty()) sources.files.push_back(home + "/.dockercfg");
  return sources;
}

Login parse_creds(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0)
    throw UsageError("--creds takes USER:PASSWORD");
  return {.username = std::string(text.substr(0, colon)),
          .password = std::string(text.substr(colon + 1))};
}

std::optional<Login> find_login(const CredentialSources& sources, std::string_view host,
                                std::string_view repository) {
  if (sources.given) return sources.given;
  if (sources.helpers.empty()) return find_in_files(sources, host, repository);
  for (const std::string& helper : sources.helpers)
    if (auto login = helper == RegistriesConf::kAuthFiles
                         ? find_in_files(sources, host, repository)
                         : ask_store(helper, host, "registries.conf: credential-helpers"))
      return login;
  return std::nullopt;
}

}  // namespace registry
