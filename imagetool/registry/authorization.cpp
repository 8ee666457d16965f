// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/authorization.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/json_view.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/registry/base64.hpp"

namespace registry {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::size_t kTokenLimit = std::size_t{1} << 20;
constexpr seconds kShortestLife{60};  // distribution's token specification
constexpr seconds kRenewEarlier{10};
constexpr int kMostRedirects = 10;
constexpr std::string_view kClient = "toyimg";

void check_bounds(const Url& url, const Url& registry) {
  if (url.scheme != "https" && registry.scheme != "http")
    throw Error(sentence("the registry sends us to the token server ", printable(url.text),
                         ", which is not https"));
  const bool same_place = url.host == registry.host && url.port == registry.port;
  if (!same_place && is_internal(url.host))
    throw Error(sentence("the registry sends us to the token server ", printable(url.text),
                         ", an internal address that is not its own"));
}

/// The first usable challenge of the scheme: a bearer one without realm leads nowhere.
const Challenge* find_scheme(std::span<const Challenge> challenges, std::string_view scheme) {
  const auto found = std::find_if(challenges.begin(), challenges.end(), [&](const Challenge& one) {
    return one.scheme == scheme && (scheme != "bearer" || !one.parameter("realm").empty());
  });
  return found == challenges.end() ? nullptr : &*found;
}

/// The challenge's scopes first: some servers grant only the first one.
std::vector<std::string> merged_scopes(const Challenge& challenge,
                                       const std::vector<std::string>& own) {
  std::vector<std::string> scopes;
  const std::string demanded = challenge.parameter("scope");
  for (std::string_view rest = demanded; !rest.empty();) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (end != 0) scopes.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  for (const std::string& one : own)
    if (std::find(scopes.begin(), scopes.end(), one) == scopes.end()) scopes.push_back(one);
  return scopes;
}

std::string basic(const Login& login) {
  return "Basic " + base64_encode(sentence(login.username, ":", login.password));
}

/// Beside an identity token an empty password is none (docker writes "user:").
bool has_basic(const Login& login) {
  return !login.username.empty() && (login.identity_token.empty() || !login.password.empty());
}

/// A token goes into a header: nothing in it may end a line.
bool is_clean(std::string_view token) {
  return !token.empty() && std::all_of(token.begin(), token.end(),
                                       [](char letter) { return letter > ' ' && letter <= '~'; });
}

/// The server has not heard of that way of asking (containerd falls back for the same).
bool is_not_served(const HttpResponse& response) {
  return response.transport == Transport::kDone &&
         (response.status == 404 || response.status == 405 || response.status == 501);
}

}  // namespace

Url checked_realm(std::string_view realm, const Url& registry) {
  const std::optional<Url> url = registry.resolve(realm);
  if (!url)
    throw Error(sentence("the registry's token server \"", printable(realm),
                         "\" is not an http(s) address"));
  check_bounds(*url, registry);
  return *url;
}

std::string Authorization::header(const Url& registry) {
  const std::lock_guard guard(lock_);
  if (bearer_ && steady_clock::now() >= renewal_) {
    const Challenge again = *bearer_;
    answer_bearer(again, registry);
  }
  return header_;
}

void Authorization::add_scope(const std::string& scope) {
  const std::lock_guard guard(lock_);
  if (std::find(scopes_.begin(), scopes_.end(), scope) == scopes_.end()) scopes_.push_back(scope);
}

void Authorization::drop_scope(const std::string& scope) {
  const std::lock_guard guard(lock_);
  std::erase(scopes_, scope);
}

bool Authorization::has_login() const {
  const std::lock_guard guard(lock_);
  return login_.has_value();
}

void Authorization::ask_for_identity() {
  const std::lock_guard guard(lock_);
  asks_for_identity_ = true;
}

std::string Authorization::identity_token() const {
  const std::lock_guard guard(lock_);
  return identity_token_;
}

bool Authorization::answer(std::span<const Challenge> challenges, const std::string& used,
                           const Url& registry) {
  const std::lock_guard guard(lock_);
  if (used != header_) return true;  // another thread has answered meanwhile
  if (const Challenge* const bearer = find_scheme(challenges, "bearer"))
    return answer_bearer(*bearer, registry);
  return find_scheme(challenges, "basic") != nullptr && used.empty() && answer_basic();
}

const std::optional<Login>& Authorization::login() {
  if (!std::exchange(login_is_known_, true)) login_ = find_();
  return login_;
}

bool Authorization::answer_basic() {
  if (!login() || !has_basic(*login())) return false;
  header_ = basic(*login());
  return true;
}

bool Authorization::answer_bearer(const Challenge& challenge, const Url& registry) {
  if (login() && !login()->registry_token.empty()) {
    const std::string header = "Bearer " + login()->registry_token;
    return is_clean(login()->registry_token) && std::exchange(header_, header) != header;
  }
  const Url realm = checked_realm(challenge.parameter("realm"), registry);
  take_token(ask_token_server(challenge, realm, registry), realm);
  bearer_ = challenge;
  return true;
}

// An identity token can only be sent as a form (distribution's OAuth2), a password either way; all
// servers know the query, some old ones only that, and few only the form.
HttpResponse Authorization::ask_token_server(const Challenge& challenge, const Url& realm,
                                             const Url& registry) {
  const std::optional<Login>& known = login();
  const bool has_identity = known && !known->identity_token.empty();
  const bool has_password = known && has_basic(*known);
  if (has_identity) {
    HttpResponse response = send_(form_request(challenge, realm));
    if (!is_not_served(response) || !has_password) return response;
  }
  HttpRequest request = query_request(challenge, realm);
  HttpResponse response = send_(request);
  for (int hops = 0; response.status >= 300 && response.status < 400; ++hops) {
    const std::optional<Url> next = request.url.resolve(response.header("location").value_or(""));
    if (!next || hops == kMostRedirects)
      throw Error(sentence("the token server ", realm.host, " redirects in vain"));
    check_bounds(*next, registry);
    if (!next->same_origin(request.url)) request.headers.clear();
    request.url = *next;
    response = send_(request);
  }
  if (has_password && !has_identity && is_not_served(response) && request.url.same_origin(realm))
    return send_(form_request(challenge, realm));
  return response;
}

HttpRequest Authorization::form_request(const Challenge& challenge, const Url& realm) {
  const Login& known = *login();
  std::string scope;
  for (const std::string& one : merged_scopes(challenge, scopes_))
    scope += (scope.empty() ? "" : " ") + one;
  const bool has_identity = !known.identity_token.empty();
  const std::string who = has_identity
                              ? sentence("&refresh_token=", percent_encoded(known.identity_token))
                              : sentence("&username=", percent_encoded(known.username),
                                         "&password=", percent_encoded(known.password),
                                         asks_for_identity_ ? "&access_type=offline" : "");
  return {.method = "POST",
          .url = realm,
          .body = sentence("grant_type=", has_identity ? "refresh_token" : "password",
                           "&service=", percent_encoded(challenge.parameter("service")),
                           "&client_id=", kClient, "&scope=", percent_encoded(scope), who),
          .body_limit = kTokenLimit};
}

HttpRequest Authorization::query_request(const Challenge& challenge, const Url& realm) {
  const std::vector<std::string> scopes = merged_scopes(challenge, scopes_);
  const std::optional<Login>& known = login();
  std::string query;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty())
      query += sentence(query.empty() ? "" : "&", name, "=", percent_encoded(value));
  };
  add("service", challenge.parameter("service"));
  if (known) add("account", known->username);
  if (asks_for_identity_) {
    add("offline_token", "true");
    add("client_id", kClient);
  }
  for (const std::string& scope : scopes) add("scope", scope);
  const std::string text =
      sentence(realm.text, realm.text.find('?') == std::string::npos ? "?" : "&", query);
  HttpRequest request{.url = realm, .body_limit = kTokenLimit};
  request.url.text = text;
  if (known && has_basic(*known)) request.headers.push_back("Authorization: " + basic(*known));
  return request;
}

void Authorization::take_token(const HttpResponse& response, const Url& realm) {
  const std::string who = sentence("the token server ", realm.host);
  if (response.transport != Transport::kDone) throw Error(sentence(who, ": ", response.failure));
  if (response.status == 401 || response.status == 403)
    throw Error(
        login_
            ? sentence(who, " refuses the login (", response.status, "): check user and password")
            : sentence(who, " wants a login (", response.status, "); give --creds or log in"));
  if (response.status != 200) throw Error(sentence(who, " answers with status ", response.status));
  if (response.is_cut) throw Error(sentence(who, " sends more than ", kTokenLimit, " bytes"));
  const oci::JsonView answer =
      oci::JsonView::parse(response.body, sentence("the answer of ", who), kTokenLimit);
  std::string token = answer.string("token");
  if (token.empty()) token = answer.string("access_token");
  if (!is_clean(token)) throw Error(sentence(who, " gives no usable token"));
  const seconds life{
      std::clamp(answer.integer("expires_in").value_or(0), kShortestLife.count() * 1L, 86400L)};
  renewal_ = steady_clock::now() + life - kRenewEarlier;
  header_ = "Bearer " + token;
  if (asks_for_identity_) identity_token_ = answer.string("refresh_token");
}

}  // namespace registry
