// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/endpoint.hpp"

#include <algorithm>
#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/registry/tls_files.hpp"

namespace registry {
namespace {

constexpr int kMostRedirects = 10;
constexpr std::size_t kLongestWarning = 4096;

bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// What sends something is only repeated elsewhere when the status says to repeat it (RFC 9110,
/// 15.4).
bool may_follow(long status, const Ask& ask) {
  const bool only_asks = ask.method == "GET" || ask.method == "HEAD";
  return ask.follow && is_redirect(status) && (only_asks || status >= 307);
}

bool contains(std::string_view text, std::string_view word) {
  return text.find(word) != std::string_view::npos;
}

/// What https servers say when they are asked in plain http (Go, nginx, Apache), or nothing at all.
bool wants_https(const HttpResponse& response, const std::string& method) {
  if (response.status == 0)
    return response.transport == Transport::kDropped || response.transport == Transport::kNotHttp;
  return response.status == 400 &&
         (method == "HEAD" || contains(response.body, "HTTPS") || contains(response.body, "SSL"));
}

bool wants_http(const HttpResponse& response) {
  return response.transport == Transport::kTls || response.transport == Transport::kUnreachable ||
         (response.transport == Transport::kDropped && response.status == 0);
}

/// The second scheme's failure is worth telling only if that scheme is spoken at all.
bool is_telling(const HttpResponse& response) {
  return response.transport == Transport::kDone || response.transport == Transport::kUntrusted;
}

bool lacks_scope(const std::vector<Challenge>& challenges) {
  for (const Challenge& challenge : challenges)
    if (challenge.parameter("error") == "insufficient_scope") return true;
  return false;
}

TlsFiles tls_of(const Source& source, const std::string& cert_dir, const std::string& api_host) {
  if (!cert_dir.empty()) return tls_files_in(cert_dir);
  if (source.access && source.access->has_own_tls) return source.access->tls;
  return tls_files_for(api_host);
}

}  // namespace

Endpoint::Endpoint(Source source, Setup setup, HttpClient& http)
    : source_(std::move(source)),
      setup_(std::move(setup)),
      http_(http),
      api_host_(source_.host == "docker.io" ? "registry-1.docker.io" : source_.host),
      tls_(tls_of(source_, setup_.cert_dir, api_host_)),
      authorization_(
          setup_.scope.value_or(sentence("repository:", source_.repository, ":pull")),
          [this] { return find_login(setup_.credentials, source_.host, source_.repository); },
          [this](const HttpRequest& request) { return send_to_token_server(request); }) {}

/// Loopback may speak http, as docker allows it; https there is verified like anywhere else.
/// Elsewhere http is tried only where the user allowed it, and after https.
std::vector<Endpoint::Scheme> Endpoint::schemes() const {
  if (source_.access && !source_.access->root.empty())
    return {source_.access->root.starts_with("http:") ? Scheme::kHttp : Scheme::kHttps};
  if (is_loopback(host_of(api_host_))) return {Scheme::kHttp, Scheme::kHttps};
  if (!verifies()) return {Scheme::kHttps, Scheme::kHttp};
  return {Scheme::kHttps};
}

std::optional<Endpoint::Scheme> Endpoint::known_scheme() {
  const std::lock_guard guard(lock_);
  return scheme_;
}

void Endpoint::learn(Scheme scheme) {
  const std::lock_guard guard(lock_);
  scheme_ = scheme;
}

// containerd's mirrors are told by "ns" whose content is meant.
std::string Endpoint::address_of(Scheme scheme, std::string_view path) const {
  const std::string scheme_and_host =
      sentence(scheme == Scheme::kHttp ? "http" : "https", "://", api_host_, "/v2");
  if (!source_.access) return sentence(scheme_and_host, '/', path);
  const std::string& root = source_.access->root;
  const std::string address = sentence(root.empty() ? scheme_and_host : root, '/', path);
  if (source_.access->name_space.empty()) return address;
  return sentence(address, path.find('?') == std::string_view::npos ? "?ns=" : "&ns=",
                  percent_encoded(source_.access->name_space));
}

Url Endpoint::base(Scheme scheme, std::string_view path) const {
  const std::optional<Url> url = Url::parse(address_of(scheme, path));
  if (!url) throw Error(sentence("\"", printable(source_.host), "\" is not a host to fetch from"));
  return *url;
}

std::string Endpoint::path_of(const Ask& ask) const {
  return source_.repository.empty() ? ask.path : source_.repository + "/" + ask.path;
}

Url Endpoint::url_of(const std::string& path) {
  return base(known_scheme().value_or(schemes().front()), path_of({.path = path}));
}

Url Endpoint::checked_location(std::string_view location, const Url& from) {
  const std::optional<Url> next = location.empty() ? std::nullopt : from.resolve(location);
  if (!next)
    throw Error(sentence("the registry ", source_.host, " sends us on to \"", printable(location),
                         "\", which is not an http(s) address"));
  if (from.scheme == "https" && next->scheme == "http")
    throw Error(sentence("the registry ", source_.host,
                         " sends us on from https to plain http, to ", next->host));
  const Url own = base(known_scheme().value_or(schemes().front()), "");
  const bool same_place = next->host == own.host && next->port == own.port;
  if (!same_place && is_internal(next->host))
    throw Error(sentence("the registry ", source_.host, " sends us on to ", printable(next->host),
                         ", an internal address that is not its own"));
  return *next;
}

bool Endpoint::is_own(const Url& url) const {
  const std::vector<Scheme> spoken = schemes();
  return std::any_of(spoken.begin(), spoken.end(),
                     [&](Scheme scheme) { return base(scheme, "").same_origin(url); });
}

/// Storage may be anywhere, but what lies on our own machine is not the registry's to show us,
/// unless it lies there itself.
Reach Endpoint::reach_of(const Url& url) const {
  if (is_own(url)) return Reach::kAll;
  return is_on_loopback_ ? Reach::kLoopback : Reach::kNothingLocal;
}

/// What a name leads to is seen when it is connected to.
void Endpoint::check_reach(const Url& next, const std::string& by) const {
  if (!is_within(reach_of(next), next.host))
    throw Error(
        sentence(by, " leads to ", next.host, ", an address of this machine or its own network"));
}

HttpResponse Endpoint::send_patiently(const Ask& ask) {
  Retries retries(limits());
  HttpResponse response;
  do {
    response = send(ask);
  } while (retries.again(response, has_answered()));
  return response;
}

// The first request finds out which scheme is spoken and which login is wanted: until then all
// others wait, so that not each of them is refused.
HttpResponse Endpoint::send(const Ask& ask, const OnContent& on_content) {
  std::unique_lock alone(first_lock_, std::defer_lock);
  if (!ask.url && !known_scheme()) alone.lock();
  for (int answers = 0;; ++answers) {
    const std::optional<Scheme> scheme = known_scheme();
    // What lies elsewhere has no claim on our login.
    if (ask.url && (!scheme || !ask.url->same_origin(base(*scheme, ""))))
      return send_following(*ask.url, ask, "", on_content);
    const std::string used = scheme ? authorization_.header(base(*scheme, "")) : "";
    const auto url = [&] { return ask.url ? *ask.url : base(*scheme, path_of(ask)); };
    HttpResponse response =
        scheme ? send_following(url(), ask, used, on_content) : send_probing(ask, on_content, [&] {
          if (alone) alone.unlock();
        });
    if (response.transport != Transport::kDone || response.status != 401 ||
        !response.elsewhere.empty())
      return response;
    const std::vector<Challenge> challenges = challenges_in(response);
    // A fresh token that is refused gets one more chance, and only when it was too narrow.
    if (answers > 1 || (answers == 1 && !lacks_scope(challenges))) return response;
    if (!authorization_.answer(challenges, used, base(*known_scheme(), ""))) return response;
    if (alone) alone.unlock();
  }
}

HttpResponse Endpoint::send_foreign(const Url& url, const Ask& ask, const OnContent& on_content) {
  check_reach(url, "the manifest");
  return send_following(url, ask, "", on_content);
}

HttpResponse Endpoint::send_probing(const Ask& ask, const OnContent& on_content,
                                    const std::function<void()>& before_content) {
  const std::vector<Scheme> candidates = schemes();
  HttpResponse first;
  for (const Scheme scheme : candidates) {
    const OnContent learning = [&](const HttpHead& head) {
      learn(scheme);
      before_content();
      return on_content(head);
    };
    HttpResponse response =
        send_following(base(scheme, path_of(ask)), ask, "", on_content ? learning : OnContent());
    const bool is_last = scheme == candidates.back();
    const bool is_other =
        scheme == Scheme::kHttp ? wants_https(response, ask.method) : wants_http(response);
    if (!is_last && is_other) {
      first = std::move(response);
      continue;
    }
    if (is_last && candidates.size() > 1 && !is_telling(response) &&
        response.transport != Transport::kStopped)
      return first;
    if (response.status != 0) learn(scheme);
    return response;
  }
  return first;
}

HttpResponse Endpoint::send_following(const Url& url, const Ask& ask,
                                      const std::string& authorization,
                                      const OnContent& on_content) {
  HttpRequest request{.method = ask.method,
                      .url = url,
                      .headers = ask.headers,
                      .body = ask.body,
                      .streamed = ask.streamed,
                      .verify_tls = verifies(),
                      .tls = tls_,
                      .body_limit = ask.body_limit};
  // A foreign layer's or an upload's place gets no more of what is for the registry than a
  // redirect.
  const bool own = is_own(url);
  if (!own) request.tls.certificate.clear();
  if (source_.access) {
    request.connect_timeout = source_.access->connect_timeout;
    if (own)
      request.headers.insert(request.headers.end(), source_.access->headers.begin(),
                             source_.access->headers.end());
  }
  if (!authorization.empty()) request.headers.push_back("Authorization: " + authorization);
  std::string elsewhere;
  for (int hops = 0;; ++hops) {
    request.reach = reach_of(request.url);
    HttpResponse response = send_one(request, on_content);
    response.elsewhere = elsewhere;
    if (response.transport != Transport::kDone || !may_follow(response.status, ask))
      return response;
    const std::string location = response.header("location").value_or("");
    const std::optional<Url> next = location.empty() ? std::nullopt : request.url.resolve(location);
    if (!next)
      throw Error(sentence(request.url.host, " redirects to nowhere a registry may redirect to"));
    if (hops == kMostRedirects)
      throw Error(sentence(url.host, " redirects more than ", kMostRedirects, " times"));
    if (request.url.scheme == "https" && next->scheme == "http" && !ask.may_leave_https)
      throw Error(
          sentence(request.url.host, " redirects from https to plain http, to ", next->host));
    check_reach(*next, request.url.host);
    // Neither the login nor the certificate is for anybody else, not even on the way back.
    if (!next->same_origin(request.url)) {
      request.headers = ask.headers;
      request.tls.certificate.clear();
      elsewhere = next->host + ":" + next->port;
    }
    request.url = *next;
  }
}

HttpResponse Endpoint::exchange(const HttpRequest& request, const OnContent& on_content) {
  const auto begin = std::chrono::steady_clock::now();
  HttpResponse response = http_.send(request, on_content);
  if (response.transport == Transport::kForbidden)
    throw Error(sentence("the registry ", source_.host, " sends us on to ", request.url.host,
                         ", which is ", response.peer,
                         ", an address of this machine or its own network"));
  if (is_loopback(response.peer) && is_own(request.url)) is_on_loopback_ = true;
  if (!setup_.observe) return response;
  const std::string& text = request.url.text;
  const std::size_t path = text.find('/', text.find("://") + 3);
  setup_.observe(
      {.method = request.method,
       .host = request.url.host + ":" + request.url.port,
       .path = path == std::string::npos ? "/" : text.substr(path, text.find('?') - path),
       .status = response.status,
       .received = response.received,
       .begin = begin,
       .end = std::chrono::steady_clock::now()});
  return response;
}

HttpResponse Endpoint::send_one(const HttpRequest& request, const OnContent& on_content) {
  const Url& url = request.url;
  // Without the query: a signed one is a secret.
  logging::debug(sentence(request.method, " ", url.text.substr(0, url.text.find('?'))));
  const OnContent checked = [&](const HttpHead& head) {
    if (head.header("content-encoding").value_or("identity") != "identity")
      throw Error(sentence(url.host, " sends its content encoded, which was not asked for"));
    return on_content ? on_content(head) : BodySink();
  };
  HttpResponse response = exchange(request, checked);
  // A connection that was cut was one: what cannot be reached behind it may come back.
  if (response.status != 0 || response.transport == Transport::kDropped) has_answered_ = true;
  show_warnings(response);
  return response;
}

HttpResponse Endpoint::send_to_token_server(HttpRequest request) {
  const Url own = base(*known_scheme(), "");
  request.verify_tls = verifies();
  request.tls.authorities = tls_.authorities;
  // A token server beside the registry, https beside http, is as good as its own.
  const bool is_beside = request.url.host == own.host && request.url.port == own.port;
  request.reach = is_beside ? Reach::kAll : reach_of(request.url);
  Retries retries(setup_.limits);
  HttpResponse response;
  do {
    logging::debug(sentence(request.method, " a token from ", request.url.host));
    response = exchange(request, {});
  } while (retries.again(response, false));
  return response;
}

/// One large registry challenges only at /v2/ (containers/image pings for that reason).
std::vector<Challenge> Endpoint::challenges_in(const HttpResponse& response) {
  std::vector<Challenge> challenges = parse_challenges(response.all("www-authenticate"));
  for (const Challenge& challenge : challenges)
    if (challenge.scheme == "bearer" || challenge.scheme == "basic") return challenges;
  const HttpResponse ping = send_following(base(*known_scheme(), ""), {}, "", {});
  if (ping.status != 401 || !ping.elsewhere.empty()) return {};
  return parse_challenges(ping.all("www-authenticate"));
}

void Endpoint::show_warnings(const HttpResponse& response) {
  for (const std::string& warning : response.all("warning")) {
    if (!warning.starts_with("299 ")) continue;
    const std::lock_guard guard(lock_);
    if (warned_.insert(warning).second)
      logging::warning(
          sentence(source_.host, " says: ", printable(warning.substr(4), kLongestWarning)));
  }
}

}  // namespace registry
