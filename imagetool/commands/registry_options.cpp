// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/registry_options.hpp"

#include <utility>

#include "bundle-spec/error.hpp"

namespace {

constexpr std::uint64_t kMostRetries = 1000;

}  // namespace

bool read_switch(const cli::Parsed& options, const std::string& name) {
  const std::string text = options.value_or(name, "true");
  if (text.empty() || text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  throw UsageError(sentence("--", name, "=", text, ": must be true or false"));
}

registry::Options place_options(const cli::Parsed& options) {
  registry::Options result = registry::Options::from_environment();
  result.tls_verify = read_switch(options, "tls-verify");
  result.cert_dir = options.value_or("cert-dir", "");
  // skopeo's word for it is hidden, where it is known at all.
  if (const auto retries = options.value(options.has("retry-times") ? "retry-times" : "retry"))
    result.retries = static_cast<int>(cli::parse_number(*retries, kMostRetries, "--retry"));
  return result;
}

registry::Options registry_options(const cli::Parsed& options) {
  registry::Options result = place_options(options);
  std::vector<std::string> helpers = std::move(result.credentials.helpers);
  result.credentials = registry::CredentialSources::from_environment(options.value("authfile"));
  result.credentials.helpers = std::move(helpers);
  if (const auto creds = options.value("creds"))
    result.credentials.given = registry::parse_creds(*creds);
  return result;
}
