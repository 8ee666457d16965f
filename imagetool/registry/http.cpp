// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/http.hpp"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <exception>
#include <mutex>
#include <type_traits>

#include "bundle-spec/error.hpp"
#include "imagetool/registry/proxies.hpp"

namespace registry {
namespace {

constexpr long kReceiveBuffer = 512L << 10;
constexpr long kSendBuffer = 256L << 10;
constexpr long kConnectSeconds = 30;
constexpr long kStallBytesPerSecond = 1024;
constexpr long kStallSeconds = 30;
// A registry answers the last byte of an upload when its storage has it: copying may take minutes.
constexpr long kUploadStallSeconds = 300;
constexpr std::size_t kHeaderLimit = std::size_t{256} << 10;

struct FreeEasy {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;
using List = std::unique_ptr<curl_slist, FreeList>;

/// What the callbacks of one exchange write to.
struct Exchange {
  const HttpRequest& request;
  const OnContent& on_content;
  const std::stop_token& stop;
  HttpResponse response{};
  std::size_t header_bytes = 0;
  bool body_begun = false;
  BodySink sink{};
  ByteSource source{};
  std::int64_t unsent = 0;
  bool is_forbidden = false;
  std::exception_ptr thrown{};

  void begin_body() {
    if (std::exchange(body_begun, true) || !response.is_content() || !on_content) return;
    sink = on_content(response);
  }
  /// False: no more of it.
  bool take_body(std::span<const std::byte> bytes) {
    begin_body();
    response.received += bytes.size();
    if (sink) {
      sink(bytes);
      return true;
    }
    const std::size_t room = request.body_limit - response.body.size();
    response.is_cut = bytes.size() > room;
    response.body.append(reinterpret_cast<const char*>(bytes.data()), std::min(room, bytes.size()));
    return !response.is_cut;
  }
};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& letter : result)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return result;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

int status_in(std::string_view line) {
  const std::size_t space = line.find(' ');
  int status = 0;
  for (std::size_t at = space + 1;
       space != std::string_view::npos && at < line.size() && status < 1000; ++at) {
    if (line[at] < '0' || line[at] > '9') break;
    status = status * 10 + (line[at] - '0');
  }
  return status;
}

std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* context) {
  Exchange& exchange = *static_cast<Exchange*>(context);
  const std::string_view line(bytes, size * count);
  exchange.header_bytes += line.size();
  if (exchange.header_bytes > kHeaderLimit) return 0;
  if (line.starts_with("HTTP/")) {  // the first line, or a second one behind a 1xx
    exchange.response.headers.clear();
    exchange.response.status = status_in(line);
    return line.size();
  }
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos)
    exchange.response.headers.emplace_back(lower(line.substr(0, colon)),
                                           trimmed(line.substr(colon + 1)));
  return line.size();
}

std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* context) {
  Exchange& exchange = *static_cast<Exchange*>(context);
  const std::size_t length = size * count;
  try {
    return exchange.take_body(std::as_bytes(std::span(bytes, length))) ? length : 0;
  } catch (...) {
    exchange.thrown = std::current_exception();
    return 0;
  }
}

std::size_t on_upload(char* buffer, std::size_t size, std::size_t count, void* context) {
  Exchange& exchange = *static_cast<Exchange*>(context);
  const auto room =
      std::min<std::int64_t>(static_cast<std::int64_t>(size * count), exchange.unsent);
  if (room == 0) return 0;
  try {
    const std::size_t got =
        exchange.source(std::as_writable_bytes(std::span(buffer, static_cast<std::size_t>(room))));
    if (got == 0) throw Error("what is to be sent ends too early");
    exchange.unsent -= static_cast<std::int64_t>(got);
    return got;
  } catch (...) {
    exchange.thrown = std::current_exception();
    return CURL_READFUNC_ABORT;
  }
}

/// Called for every request, also on a connection that was there already.
int on_connected(void* context, char* address, char*, int port, int) {
  Exchange& exchange = *static_cast<Exchange*>(context);
  const HttpRequest& request = exchange.request;
  const std::string proxy = is_loopback(request.url.host) ? "" : proxy_for(request.url.scheme);
  if (!proxy.empty() && may_be_proxy(proxy, address, port)) return CURL_PREREQFUNC_OK;
  exchange.response.peer = address;
  exchange.is_forbidden = !is_within(request.reach, address);
  return exchange.is_forbidden ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

int on_progress(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Exchange*>(context)->stop.stop_requested() ? 1 : 0;
}

template <typename Value>
void set(CURL* handle, CURLoption option, Value value) {
  if (curl_easy_setopt(handle, option, value) != CURLE_OK)
    throw Error(sentence("libcurl refuses option ", static_cast<int>(option)));
}

List headers_of(const HttpRequest& request) {
  List list;
  const auto add = [&](const char* header) {
    curl_slist* const longer = curl_slist_append(list.get(), header);
    if (longer == nullptr) throw Error("out of memory");
    (void)list.release();
    list.reset(longer);
  };
  for (const std::string& header : request.headers) add(header.c_str());
  add("Expect:");  // not a round trip of waiting before each body
  return list;
}

void set_tls(CURL* handle, const HttpRequest& request) {
  set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(handle, CURLOPT_SSL_VERIFYPEER, request.verify_tls ? 1L : 0L);
  set(handle, CURLOPT_SSL_VERIFYHOST, request.verify_tls ? 2L : 0L);
  // Parsing the system's bundle costs more than a handshake: not when nothing is checked.
  if (!request.verify_tls || !request.tls.authorities.empty()) {
    set(handle, CURLOPT_CAINFO, static_cast<const char*>(nullptr));
    set(handle, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  if (request.verify_tls && !request.tls.authorities.empty()) {
    curl_blob authorities{.data = const_cast<char*>(request.tls.authorities.data()),
                          .len = request.tls.authorities.size(),
                          .flags = CURL_BLOB_COPY};
    set(handle, CURLOPT_CAINFO_BLOB, &authorities);
  } else if (request.verify_tls) {
    if (const char* const file = ::getenv("SSL_CERT_FILE")) set(handle, CURLOPT_CAINFO, file);
    if (const char* const directory = ::getenv("SSL_CERT_DIR"))
      set(handle, CURLOPT_CAPATH, directory);
  }
  if (request.tls.certificate.empty()) return;
  set(handle, CURLOPT_SSLCERT, request.tls.certificate.c_str());
  set(handle, CURLOPT_SSLKEY, request.tls.key.c_str());
}

/// The method and what it sends.
void set_body(CURL* handle, const HttpRequest& request) {
  if (request.method == "GET") return;
  if (request.method == "HEAD") return set(handle, CURLOPT_NOBODY, 1L);
  if (request.streamed) {
    set(handle, CURLOPT_UPLOAD, 1L);
    set(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.streamed->size));
    set(handle, CURLOPT_READFUNCTION, &on_upload);
    set(handle, CURLOPT_UPLOAD_BUFFERSIZE, kSendBuffer);
  } else if (request.method != "DELETE") {
    set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(handle, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  set(handle, CURLOPT_LOW_SPEED_TIME, kUploadStallSeconds);
}

void set_request(CURL* handle, const HttpRequest& request, const List& headers) {
  set(handle, CURLOPT_URL, request.url.text.c_str());
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(handle, CURLOPT_USERAGENT, "toyimg/" TOYRUN_VERSION);
  set(handle, CURLOPT_HTTPHEADER, headers.get());
  set(handle, CURLOPT_PATH_AS_IS, 1L);
  set(handle, CURLOPT_NOSIGNAL, 1L);
  set(handle, CURLOPT_FOLLOWLOCATION, 0L);
  set(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(handle, CURLOPT_UNRESTRICTED_AUTH, 0L);
  set(handle, CURLOPT_BUFFERSIZE, kReceiveBuffer);
  if (request.connect_timeout.count() > 0)
    set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
  else
    set(handle, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  set(handle, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
  set(handle, CURLOPT_LOW_SPEED_TIME, kStallSeconds);
  set(handle, CURLOPT_PROXY, proxy_for(request.url.scheme).c_str());
  // As with Go: a proxy is never asked for the machine itself.
  set(handle, CURLOPT_NOPROXY,
      is_loopback(request.url.host) ? "*" : proxy_exceptions_for(request.url.port).c_str());
  set_body(handle, request);
  set_tls(handle, request);
}

Transport transport_of(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return Transport::kDone;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
      return Transport::kUnreachable;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return Transport::kUntrusted;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
      return Transport::kTls;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      return Transport::kNotHttp;
    case CURLE_ABORTED_BY_CALLBACK:
      return Transport::kStopped;
    default:
      return Transport::kDropped;
  }
}

bool is_connected(CURL* handle) {
  curl_off_t microseconds = 0;
  return curl_easy_getinfo(handle, CURLINFO_CONNECT_TIME_T, &microseconds) == CURLE_OK &&
         microseconds > 0;
}

/// libcurl's words, but the system's own for a connection that was not made: "Connection refused".
std::string failure_of(CURL* handle, CURLcode code, const char* words) {
  long number = 0;
  if (code == CURLE_COULDNT_CONNECT &&
      curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &number) == CURLE_OK && number != 0)
    if (const char* const text = ::strerrordesc_np(static_cast<int>(number))) return text;
  return *words != '\0' ? words : curl_easy_strerror(code);
}

}  // namespace

std::optional<std::string> HttpHead::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return std::nullopt;
}

std::vector<std::string> HttpHead::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : headers)
    if (key == name) values.push_back(value);
  return values;
}

/// Idle handles keep their connections; names and TLS sessions are shared among all of them.
struct HttpClient::Shared {
  std::stop_token stop;
  std::array<std::mutex, CURL_LOCK_DATA_LAST> locks{};
  CURLSH* share = nullptr;
  std::mutex idle_lock{};
  std::vector<Easy> idle{};

  explicit Shared(std::stop_token token) : stop(std::move(token)) {}
  ~Shared() {
    idle.clear();
    if (share != nullptr) curl_share_cleanup(share);
  }

  static void lock(CURL*, curl_lock_data which, curl_lock_access, void* self) {
    static_cast<Shared*>(self)->locks[which].lock();
  }
  static void unlock(CURL*, curl_lock_data which, void* self) {
    static_cast<Shared*>(self)->locks[which].unlock();
  }

  void set_up() {
    static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (started != CURLE_OK) throw Error("libcurl does not start");
    share = curl_share_init();
    if (share == nullptr) throw Error("libcurl does not start");
    curl_share_setopt(share, CURLSHOPT_USERDATA, this);
    curl_share_setopt(share, CURLSHOPT_LOCKFUNC, &Shared::lock);
    curl_share_setopt(share, CURLSHOPT_UNLOCKFUNC, &Shared::unlock);
    curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  }

  Easy take() {
    const std::lock_guard guard(idle_lock);
    if (share == nullptr) set_up();
    if (idle.empty()) {
      Easy made(curl_easy_init());
      if (!made) throw Error("libcurl gives no handle");
      return made;
    }
    Easy handle = std::move(idle.back());
    idle.pop_back();
    return handle;
  }
  void give_back(Easy handle) {
    curl_easy_reset(handle.get());
    const std::lock_guard guard(idle_lock);
    idle.push_back(std::move(handle));
  }
};

HttpClient::HttpClient(std::stop_token stop) : shared_(std::make_unique<Shared>(std::move(stop))) {}
HttpClient::~HttpClient() = default;

HttpResponse HttpClient::send(const HttpRequest& request, const OnContent& on_content) {
  Easy handle = shared_->take();
  Exchange exchange{.request = request, .on_content = on_content, .stop = shared_->stop};
  const List headers = headers_of(request);
  std::array<char, CURL_ERROR_SIZE> words{};
  CURL* const easy = handle.get();
  set_request(easy, request, headers);
  set(easy, CURLOPT_SHARE, shared_->share);
  set(easy, CURLOPT_ERRORBUFFER, words.data());
  set(easy, CURLOPT_HEADERFUNCTION, &on_header);
  set(easy, CURLOPT_HEADERDATA, &exchange);
  set(easy, CURLOPT_WRITEFUNCTION, &on_body);
  set(easy, CURLOPT_WRITEDATA, &exchange);
  set(easy, CURLOPT_PREREQFUNCTION, &on_connected);
  set(easy, CURLOPT_PREREQDATA, &exchange);
  set(easy, CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(easy, CURLOPT_XFERINFODATA, &exchange);
  set(easy, CURLOPT_NOPROGRESS, 0L);
  if (request.streamed) {
    exchange.source = request.streamed->open();
    exchange.unsent = request.streamed->size;
    set(easy, CURLOPT_READDATA, &exchange);
  }
  const CURLcode code = curl_easy_perform(easy);
  HttpResponse& response = exchange.response;
  if (code != CURLE_OK) {
    const bool is_late = code == CURLE_OPERATION_TIMEDOUT && !is_connected(easy);
    response.transport = exchange.is_forbidden ? Transport::kForbidden
                         : is_late             ? Transport::kUnreachable
                                               : transport_of(code);
    response.failure = failure_of(easy, code, words.data());
  }
  // One that failed may still be busy (an unfinished name lookup): not for the next request.
  if (code == CURLE_OK) shared_->give_back(std::move(handle));
  if (exchange.thrown) std::rethrow_exception(exchange.thrown);
  if (code == CURLE_OK && request.method != "HEAD") exchange.begin_body();
  // A body that was cut on purpose is a complete exchange.
  if (response.is_cut) response.transport = Transport::kDone;
  return std::move(response);
}

}  // namespace registry
