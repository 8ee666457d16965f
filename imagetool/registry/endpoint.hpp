// SPDX-License-Identifier: Apache-2.0
// One place a repository is fetched from: finds out whether it speaks https or http, answers its
// challenges, follows its redirects without taking the login along. toyimg only; shared by all
// threads.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "imagetool/registry/authorization.hpp"
#include "imagetool/registry/http.hpp"
#include "imagetool/registry/registries_conf.hpp"
#include "imagetool/registry/retries.hpp"

namespace registry {

/// A request below /v2/REPOSITORY/.
struct Ask {
  std::string method = "GET";
  std::string path{};                  // "manifests/latest"
  std::optional<Url> url{};            // instead of `path`: where an upload goes on
  std::vector<std::string> headers{};  // beside Authorization
  std::string body{};                  // what is sent, or
  std::optional<StreamedBody> streamed{};
  bool follow = true;  // redirects; false: they are the answer
  bool may_leave_https =
      false;  // a redirect to http is fine: the content is verified by its digest
  std::size_t body_limit = std::size_t{64} << 10;
};

class Endpoint {
 public:
  struct Setup {
    bool tls_verify = true;
    CredentialSources credentials{};
    RetryLimits limits{};
    std::optional<std::string> scope{};  // of tokens; none: pulling from the repository
    std::string cert_dir{};              // instead of certs.d/HOST
    Observe observe{};
  };
  /// Borrows `http`, which must outlive it.
  Endpoint(Source source, Setup setup, HttpClient& http);

  /// "localhost:5000", as in messages.
  const std::string& host() const { return source_.host; }
  MirrorUse use() const { return source_.use; }
  const RetryLimits& limits() const { return setup_.limits; }
  bool has_login() const { return authorization_.has_login(); }
  Authorization& authorization() { return authorization_; }
  /// True once it has answered anything, or at least cut a connection.
  bool has_answered() const { return has_answered_; }
  /// A mirror that failed once is not asked again.
  void set_aside() { is_set_aside_ = true; }
  bool is_set_aside() const { return is_set_aside_; }

  /// One attempt, login and redirects included. Throws Error for what no retry cures.
  HttpResponse send(const Ask& ask, const OnContent& on_content = {});
  /// A GET of a foreign layer's own URL: no login, whatever it says.
  HttpResponse send_foreign(const Url& url, const Ask& ask, const OnContent& on_content);
  /// The same request as often as it may do better.
  HttpResponse send_patiently(const Ask& ask);
  /// Where a Location or Link header of `response` leads, seen from `from`. Throws Error when the
  /// registry must not send us there: plain http from https, an internal address that is not its
  /// own.
  Url checked_location(std::string_view location, const Url& from);
  /// The address of `path` below /v2/REPOSITORY/; only after the first answer.
  Url url_of(const std::string& path);

 private:
  enum class Scheme { kHttp, kHttps };
  bool verifies() const {
    return setup_.tls_verify && !source_.insecure &&
           !(source_.access && source_.access->skip_verify);
  }
  std::vector<Scheme> schemes() const;
  std::optional<Scheme> known_scheme();
  void learn(Scheme scheme);
  Url base(Scheme scheme, std::string_view path) const;
  std::string address_of(Scheme scheme, std::string_view path) const;
  std::string path_of(const Ask& ask) const;
  bool is_own(const Url& url) const;
  Reach reach_of(const Url& url) const;
  void check_reach(const Url& next, const std::string& by) const;
  HttpResponse send_probing(const Ask& ask, const OnContent& on_content,
                            const std::function<void()>& before_content);
  HttpResponse send_following(const Url& url, const Ask& ask, const std::string& authorization,
                              const OnContent& on_content);
  HttpResponse send_one(const HttpRequest& request, const OnContent& on_content);
  HttpResponse exchange(const HttpRequest& request, const OnContent& on_content);
  HttpResponse send_to_token_server(HttpRequest request);
  std::vector<Challenge> challenges_in(const HttpResponse& response);
  void show_warnings(const HttpResponse& response);

  Source source_;
  Setup setup_;
  HttpClient& http_;
  std::string api_host_;  // where docker.io's API lives
  TlsFiles tls_;
  Authorization authorization_;
  std::mutex first_lock_;
  std::mutex lock_;
  std::optional<Scheme> scheme_;
  std::set<std::string> warned_;
  std::atomic<bool> has_answered_ = false;
  std::atomic<bool> is_on_loopback_ = false;  // its answers come from there, and not by a proxy
  std::atomic<bool> is_set_aside_ = false;
};

}  // namespace registry
