// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/pages.hpp"

#include <set>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/manifest.hpp"
#include "imagetool/registry/refusal.hpp"

namespace registry {
namespace {

// At a thousand names a page more than any registry has; an endless list has to end somewhere.
constexpr std::size_t kMostPages = 100'000;

bool is_next(std::string_view parameters) {
  for (const std::string_view form : {"rel=\"next\"", "rel=next", "rel='next'"})
    if (parameters.find(form) != std::string_view::npos) return true;
  return false;
}

Url checked_next(Endpoint& endpoint, const std::string& link, const Url& from) {
  const Url next = endpoint.checked_location(link, from);
  if (!next.same_origin(from))
    throw Error(sentence("the registry ", endpoint.host(), " continues its list at another place, ",
                         next.host));
  return next;
}

}  // namespace

std::string next_link(const HttpHead& head) {
  for (const std::string& header : head.all("link")) {
    std::string_view rest = header;
    while (true) {
      const std::size_t open = rest.find('<');
      const std::size_t close = rest.find('>', open == std::string_view::npos ? 0 : open);
      if (open == std::string_view::npos || close == std::string_view::npos) break;
      const std::size_t end = std::min(rest.find('<', close), rest.size());
      if (is_next(rest.substr(close, end - close)))
        return std::string(rest.substr(open + 1, close - open - 1));
      rest.remove_prefix(end);
    }
  }
  return "";
}

HttpResponse for_each_page(Endpoint& endpoint, const std::string& path,
                           const std::vector<std::string>& headers,
                           const std::function<void(const HttpResponse&)>& take) {
  Ask ask{.path = path, .headers = headers, .body_limit = oci::kDocumentLimit};
  std::set<std::string> seen;
  while (true) {
    HttpResponse response = endpoint.send_patiently(ask);
    const bool is_first = seen.empty();
    if (response.transport != Transport::kDone || response.status != 200) {
      if (is_first) return response;
      refuse(response, {endpoint.host(), endpoint.has_login()});
    }
    if (response.is_cut)
      throw Error(sentence("the registry ", endpoint.host(), " lists more than ",
                           oci::kDocumentLimit, " bytes at once"));
    take(response);
    const std::string link = next_link(response);
    if (link.empty()) return response;
    ask.url = checked_next(endpoint, link, ask.url ? *ask.url : endpoint.url_of(path));
    if (!seen.insert(ask.url->text).second || seen.size() > kMostPages)
      throw Error(sentence("the list of the registry ", endpoint.host(), " does not end"));
  }
}

}  // namespace registry
