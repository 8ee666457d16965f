// SPDX-License-Identifier: Apache-2.0
// The Authorization header for one repository on one host: answers challenges with a bearer token
// from the token server or with the login itself. toyimg only; shared by all threads, one token
// request at a time.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/registry/challenge.hpp"
#include "imagetool/registry/credentials.hpp"
#include "imagetool/registry/http.hpp"

namespace registry {

class Authorization {
 public:
  /// Sends a request to the token server, with retries.
  using Send = std::function<HttpResponse(const HttpRequest&)>;

  /// Tokens are asked for with `scope` ("repository:team/app:pull"; "" for none). `find` looks the
  /// login up, once, when it is first needed.
  Authorization(const std::string& scope, std::function<std::optional<Login>()> find, Send send)
      : find_(std::move(find)), send_(std::move(send)) {
    if (!scope.empty()) scopes_.push_back(scope);
  }

  /// Asks for this scope as well from now on (what a mount reads from); a token that is there stays
  /// in use until it is refused.
  void add_scope(const std::string& scope);
  void drop_scope(const std::string& scope);

  /// The header's value for the next request to `registry`, "" for none; a token about to expire is
  /// renewed first.
  std::string header(const Url& registry);
  /// Answers a 401 of `registry` to a request that carried `used`. False when there is nothing
  /// better to offer. Throws Error when the token server is out of bounds, out of order or refuses
  /// the login.
  bool answer(std::span<const Challenge> challenges, const std::string& used, const Url& registry);
  /// True when a login was found and offered.
  bool has_login() const;
  /// From now on the token server is asked for an identity token as well (login).
  void ask_for_identity();
  /// What it gave; "" for none.
  std::string identity_token() const;

 private:
  bool answer_bearer(const Challenge& challenge, const Url& registry);
  bool answer_basic();
  const std::optional<Login>& login();
  HttpResponse ask_token_server(const Challenge& challenge, const Url& realm, const Url& registry);
  HttpRequest query_request(const Challenge& challenge, const Url& realm);
  HttpRequest form_request(const Challenge& challenge, const Url& realm);
  void take_token(const HttpResponse& response, const Url& realm);

  std::vector<std::string> scopes_;
  std::function<std::optional<Login>()> find_;
  Send send_;

  mutable std::mutex lock_;
  std::string header_;
  std::optional<Challenge> bearer_;  // how the token was got: how it is renewed
  std::chrono::steady_clock::time_point renewal_{};
  bool asks_for_identity_ = false;
  std::string identity_token_;
  bool login_is_known_ = false;
  std::optional<Login> login_;
};

/// The token server named by a challenge of `registry`. Throws Error when the registry must not
/// send us there: plain http from https, an address inside this machine or network other than the
/// registry's own.
Url checked_realm(std::string_view realm, const Url& registry);

}  // namespace registry
