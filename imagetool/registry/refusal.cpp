// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/refusal.hpp"

#include <chrono>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/json_view.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/registry/retries.hpp"

namespace registry {
namespace {

constexpr std::size_t kBodyLimit = std::size_t{64} << 10;

/// ": MANIFEST_UNKNOWN, manifest unknown" from the distribution-spec's error document; "" when the
/// body is something else.
std::string server_words(const HttpResponse& response) {
  try {
    for (const oci::JsonView& error :
         oci::JsonView::parse(response.body, "answer", kBodyLimit).objects("errors")) {
      const std::string code = error.string("code");
      const std::string message = error.string("message");
      const std::string both =
          code.empty() || message.empty() ? code + message : code + ", " + message;
      return both.empty() ? "" : ": " + printable(both);
    }
  } catch (const Error&) {  // a body of HTML or nothing says no more than the status
  }
  return "";
}

/// Who said no. Where a redirect led elsewhere, the registry and its login are not to blame.
std::string name_of(const HttpResponse& response, const Refused& by) {
  return response.elsewhere.empty()
             ? "the registry " + by.host
             : sentence(printable(response.elsewhere), ", to which ", by.host, " redirects,");
}

[[noreturn]] void refuse_transport(const HttpResponse& response, const Refused& by) {
  const std::string words = printable(response.failure), who = name_of(response, by);
  switch (response.transport) {
    case Transport::kUnreachable:
      throw Error(sentence("cannot reach ", who, ": ", words));
    case Transport::kUntrusted:
      throw Error(sentence("the certificate of ", who, " is not trusted: ", words,
                           "; add its authority to /etc/containers/certs.d/", by.host,
                           "/ or give --tls-verify=false"));
    case Transport::kTls:
      throw Error(sentence("no TLS connection to ", who, ": ", words,
                           "; for one that speaks plain http give --tls-verify=false"));
    case Transport::kNotHttp:
      throw Error(sentence(who, " does not answer in HTTP: ", words));
    case Transport::kStopped:
      throw Error("stopped");
    default:
      throw Error(sentence("the connection to ", who, " broke: ", words));
  }
}

/// Docker Hub's "ratelimit-limit: 100;w=21600": so many pulls in so many seconds.
std::string stated_limit(const HttpResponse& response) {
  const std::string limit = response.header("ratelimit-limit").value_or("");
  const std::size_t window = limit.find(";w=");
  const auto is_number = [](std::string_view text) {
    return !text.empty() && text.size() < 10 &&
           text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  const std::string count = limit.substr(0, window);
  const std::string seconds = window == std::string::npos ? "" : limit.substr(window + 3);
  if (!is_number(count)) return "";
  return is_number(seconds) ? sentence(": it allows ", count, " in ", seconds, " seconds")
                            : sentence(": it allows ", count);
}

std::string asked_wait(const HttpResponse& response) {
  const auto header = response.header("retry-after");
  const auto wait =
      header ? parse_retry_after(*header, std::chrono::system_clock::now()) : std::nullopt;
  return wait ? sentence("; it asks to wait ", wait->count(), " seconds") : "";
}

[[noreturn]] void refuse_unauthorized(const std::string& words, const std::string& who,
                                      const HttpResponse& response, const Refused& by) {
  if (!response.elsewhere.empty())
    throw Error(sentence(who, " wants a login of its own (401", words, "), which nobody gets"));
  throw Error(by.had_login
                  ? sentence(who, " refuses the login (401", words, "): not found or no access")
                  : sentence("not found, or ", who, " wants a login (401", words,
                             "); give --creds or log in"));
}

}  // namespace

void refuse(const HttpResponse& response, const Refused& by) {
  if (response.transport != Transport::kDone) refuse_transport(response, by);
  const std::string words = server_words(response), who = name_of(response, by);
  switch (response.status) {
    case 404:
      throw NotFound(sentence("not found in ", who, words));
    case 401:
      refuse_unauthorized(words, who, response, by);
    case 403:
      throw Error(sentence(who, " denies access (403", words, ")"));
    case 413:
      throw Error(sentence(who, " takes no request of this size (413", words,
                           "); a smaller --chunk-size may help"));
    case 429:
      throw Error(sentence(who, " has reached its request limit for us (429", words, ")",
                           stated_limit(response), asked_wait(response),
                           by.had_login ? "" : "; a login may raise the limit"));
    default:
      break;
  }
  if (response.status >= 500)
    throw Error(sentence(who, " is failing (", response.status, words, ")", asked_wait(response)));
  throw Error(sentence(who, " answers with status ", response.status, words));
}

}  // namespace registry
