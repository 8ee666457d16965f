// SPDX-License-Identifier: Apache-2.0
// Stored logins: podman's auth.json, docker's config.json, and the credential helper programs they
// name. Read only when a registry asks for a login. toyimg only; secrets never reach a log line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace registry {

struct Login {
  std::string username{};
  std::string password{};
  std::string identity_token{};  // an OAuth2 refresh token: only for the token server's POST form
  std::string registry_token{};  // used as bearer as it is
  bool operator==(const Login&) const = default;
};

/// Where logins are looked for; from_environment() is what toyimg uses, tests fill their own.
struct CredentialSources {
  std::optional<Login> given{};  // --creds: before everything else
  std::vector<std::string>
      files{};  // auth.json or config.json, first match wins; missing ones are skipped
  std::optional<std::string> inline_config{};  // DOCKER_AUTH_CONFIG: the text of a config.json
  bool explicit_file = false;  // files[0] was named by the user: missing is an Error
  /// credential-helpers of registries.conf, in order; RegistriesConf::kAuthFiles stands for the
  /// files, which are all when it is empty.
  std::vector<std::string> helpers{};

  /// --authfile or REGISTRY_AUTH_FILE, else the containers' and docker's files in their order
  /// (containers-auth.json(5)).
  static CredentialSources from_environment(const std::optional<std::string>& authfile);
};

/// "USER:PASSWORD" of --creds. Throws UsageError without naming the secret.
Login parse_creds(std::string_view text);

/// The login for `host` ("docker.io", "localhost:5000") and `repository`: entries for
/// host/repository, then for its parents, then for the host. May run docker-credential-NAME.
/// nullopt: anonymous. Throws Error naming file or helper.
std::optional<Login> find_login(const CredentialSources& sources, std::string_view host,
                                std::string_view repository);

/// What a login is kept under: "docker.io", "localhost:5000", "host/team/app"; "https://" in front
/// and "/" behind are forgiven. Throws UsageError for what cannot be a registry.
std::string login_key(std::string_view words);
/// Keeps the login for `key` with the first of sources.helpers, or in sources.files[0], or with the
/// credential helper which that file names for it; the file is replaced as a whole, mode 0600, and
/// all else in it stays. Returns where. Throws Error.
std::string save_login(const CredentialSources& sources, const std::string& key,
                       const Login& login);
/// Forgets the login that is kept under `key` there, no other. False when there is none.
bool forget_login(const CredentialSources& sources, const std::string& key);

}  // namespace registry
