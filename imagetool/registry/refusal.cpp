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

[[noreturn]] void refuse_transport(const HttpResponse& response, const std::string& host) {
  const std::string words = printable(response.failure);
  switch (response.transport) {
    case Transport::kUnreachable:
      throw Error(sentence("cannot reach the registry ", host, ": ", words));
    case Transport::kUntrusted:
      throw Error(sentence("the certificate of the registry ", host, " is not trusted: ", words,
                           "; add its authority to /etc/containers/certs.d/", host,
                           "/ or give --tls-verify=false"));
    case Transport::kTls:
      throw Error(sentence("no TLS connection to the registry ", host, ": ", words,
                           "; for one that speaks plain http give --tls-verify=false"));
    case Transport::kNotHttp:
      throw Error(sentence("the registry ", host, " does not answer in HTTP: ", words));
    case Transport::kStopped:
      throw Error("stopped");
    default:
      throw Error(sentence("the connection to the registry ", host, " broke: ", words));
  }
}

std::string asked_wait(const HttpResponse& response) {
  const auto header = response.header("retry-after");
  const auto wait =
      header ? parse_retry_after(*header, std::chrono::system_clock::now()) : std::nullopt;
  return wait ? sentence("; it asks to wait ", wait->count(), " seconds") : "";
}

}  // namespace

void refuse(const HttpResponse& response, const Refused& by) {
  if (response.transport != Transport::kDone) refuse_transport(response, by.host);
  const std::string words = server_words(response);
  if (response.status == 404)
    throw NotFound(sentence("not found in the registry ", by.host, words));
  if (response.status == 401)
    throw Error(by.had_login ? sentence("the registry ", by.host, " refuses the login (401", words,
                                        "): not found or no access")
                             : sentence("not found, or the registry ", by.host,
                                        " wants a login (401", words, "); give --creds or log in"));
  if (response.status == 403)
    throw Error(sentence("the registry ", by.host, " denies access (403", words, ")"));
  if (response.status == 429)
    throw Error(sentence("the registry ", by.host, " has reached its request limit for us (429",
                         words, ")", asked_wait(response),
                         by.had_login ? "" : "; a login may raise the limit"));
  if (response.status == 413)
    throw Error(sentence("the registry ", by.host, " takes no request of this size (413", words,
                         "); a smaller --chunk-size may help"));
  if (response.status >= 500)
    throw Error(sentence("the registry ", by.host, " is failing (", response.status, words, ")",
                         asked_wait(response)));
  throw Error(sentence("the registry ", by.host, " answers with status ", response.status, words));
}

}  // namespace registry
