// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/proxies.hpp"

#include <curl/curl.h>
#include <stdlib.h>

#include <algorithm>
#include <memory>

#include "imagetool/registry/url.hpp"

namespace registry {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string environment(const char* name) {
  const char* const value = ::getenv(name);
  return value == nullptr ? "" : value;
}

std::string part(CURLU* url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, 0) != CURLUE_OK) return "";
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, &curl_free);
  return text;
}

}  // namespace

// As libcurl has it, but HTTP_PROXY counts, as with Go, and docker with it: not in a CGI, where a
// client can set it.
std::string proxy_for(std::string_view scheme) {
  const bool is_http = scheme == "http";
  for (const char* const name :
       {is_http ? "http_proxy" : "https_proxy", is_http ? "HTTP_PROXY" : "HTTPS_PROXY", "all_proxy",
        "ALL_PROXY"}) {
    if (std::string_view(name) == "HTTP_PROXY" && ::getenv("REQUEST_METHOD") != nullptr) continue;
    if (std::string proxy = environment(name); !proxy.empty()) return proxy;
  }
  return "";
}

// Go, and so docker and skopeo, take "host:port" and a "*" among others; libcurl does neither.
std::string proxy_exceptions_for(std::string_view port) {
  std::string text = environment("no_proxy");
  if (text.empty()) text = environment("NO_PROXY");
  std::string kept;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find_first_of(", \t"), rest.size());
    std::string_view entry = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (entry == "*") return "*";
    const std::size_t colon = entry.rfind(':');
    const bool has_port = colon != std::string_view::npos &&
                          (entry.find(':') == colon || entry.substr(0, colon).ends_with(']'));
    if (has_port && entry.substr(colon + 1) != port) continue;
    if (has_port) entry = entry.substr(0, colon);
    if (!entry.empty()) kept += (kept.empty() ? "" : ",") + std::string(entry);
  }
  return kept;
}

bool may_be_proxy(const std::string& proxy, std::string_view address, int port) {
  const std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  // curl_easy's own default for a proxy.
  constexpr const char* kPort = "1080";
  if (!url || curl_url_set(url.get(), CURLUPART_URL, proxy.c_str(),
                           CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
    return false;
  const std::string host = part(url.get(), CURLUPART_HOST);
  std::string own_port = part(url.get(), CURLUPART_PORT);
  if (own_port.empty()) own_port = part(url.get(), CURLUPART_SCHEME) == "https" ? "443" : kPort;
  if (own_port != std::to_string(port)) return false;
  return same_address(host, address) || !same_address(host, host);
}

}  // namespace registry
