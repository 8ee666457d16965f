// SPDX-License-Identifier: Apache-2.0
// One HTTP exchange with libcurl: no redirects, no logins, no proxies for loopback, no decoding:
// what came over the wire and nothing else. toyimg only; a client serves several threads, a handle
// each.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "imagetool/oci/byte_source.hpp"
#include "imagetool/registry/url.hpp"

namespace registry {

/// Which certificates are accepted and shown, beside the system's.
struct TlsFiles {
  std::string authorities{};  // PEM text, added to the system's; empty for none
  std::string certificate{};  // path of the client's certificate and key; empty for none
  std::string key{};
};

/// A body that is streamed: opened anew for every attempt.
struct StreamedBody {
  std::function<ByteSource()> open{};
  std::int64_t size = 0;  // bytes the source gives, at least
};

struct HttpRequest {
  std::string method = "GET";  // GET, HEAD, POST, PUT, PATCH or DELETE
  Url url{};
  std::vector<std::string> headers{};      // "Name: value"
  std::string body{};                      // of a POST or PUT
  std::optional<StreamedBody> streamed{};  // of a PUT or PATCH, instead of `body`
  bool verify_tls = true;
  TlsFiles tls{};
  std::size_t body_limit = std::size_t{64} << 10;  // of a body that is collected
  Reach reach = Reach::kAll;  // holds for the address that is connected to, whatever its name
  std::chrono::milliseconds connect_timeout{0};  // 0: as always, 30 s
};

struct HttpHead {
  long status = 0;
  std::vector<std::pair<std::string, std::string>> headers{};  // names in lower case

  /// The header's first value, or nullopt.
  std::optional<std::string> header(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  /// 200 or 206: the body is what was asked for.
  bool is_content() const { return status == 200 || status == 206; }
};

enum class Transport {
  kDone,         // there is a status
  kUnreachable,  // no connection
  kUntrusted,    // the certificate was refused
  kTls,          // no TLS spoken
  kDropped,      // the connection ended or stalled
  kNotHttp,      // what came is not HTTP
  kForbidden,    // the address behind the name is one that the request must not reach
  kStopped,      // by the stop token
};

struct HttpResponse : HttpHead {
  std::string body{};          // collected, at most the request's limit
  bool is_cut = false;         // the body is longer than that
  std::uint64_t received = 0;  // bytes of the body that came
  Transport transport = Transport::kDone;
  std::string failure{};    // libcurl's words when not kDone
  std::string peer{};       // the address that was spoken to; "" when a proxy did it for us
  std::string elsewhere{};  // the host of another origin that a redirect led to
};

/// Takes the bytes of a body as they come.
using BodySink = std::function<void(std::span<const std::byte>)>;
/// Called once for a 200 or 206, before its body; gives the sink. An empty one means: collect it.
/// May throw.
using OnContent = std::function<BodySink(const HttpHead&)>;

class HttpClient {
 public:
  /// `stop` ends exchanges that are under way.
  explicit HttpClient(std::stop_token stop);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Sends and receives; failures of the transport are in the response. Throws what `on_content` or
  /// its sink throws.
  HttpResponse send(const HttpRequest& request, const OnContent& on_content = {});

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace registry
