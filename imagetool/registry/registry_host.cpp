// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/registry_host.hpp"

#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/json_view.hpp"
#include "imagetool/registry/pages.hpp"
#include "imagetool/registry/refusal.hpp"

namespace registry {

struct RegistryHost::State {
  State(std::string host, Options given) : options(std::move(given)), http(options.stop) {
    source = hosts_for(target_of(options.conf, host, "")).back();
  }

  Endpoint endpoint(std::string scope) {
    return {source,
            {.tls_verify = options.tls_verify,
             .credentials = options.credentials,
             .limits = {.retries = options.retries,
                        .first_wait = options.first_wait,
                        .longest_wait = options.longest_wait,
                        .stop = options.stop},
             .scope = std::move(scope),
             .cert_dir = options.cert_dir},
            http};
  }

  Options options;
  HttpClient http;
  Source source;
};

RegistryHost::RegistryHost(std::string host, Options options)
    : state_(std::make_unique<State>(std::move(host), std::move(options))) {}
RegistryHost::~RegistryHost() = default;

RegistryHost::LoginCheck RegistryHost::check_login() {
  Endpoint endpoint = state_->endpoint("");
  endpoint.authorization().ask_for_identity();
  const HttpResponse response = endpoint.send_patiently({});
  if (response.transport != Transport::kDone || response.status != 200)
    refuse(response, {endpoint.host(), endpoint.has_login()});
  return {.was_needed = endpoint.has_login(),
          .identity_token = endpoint.authorization().identity_token()};
}

void RegistryHost::catalog(const std::function<void(const std::string&)>& each) {
  Endpoint endpoint = state_->endpoint("registry:catalog:*");
  const HttpResponse first =
      for_each_page(endpoint, "_catalog?n=1000", {}, [&](const HttpResponse& page) {
        const oci::JsonView answer =
            oci::JsonView::parse(page.body, "catalog", oci::kDocumentLimit);
        for (const std::string& name : answer.strings("repositories")) each(name);
      });
  if (first.status != 200) refuse(first, {endpoint.host(), endpoint.has_login()});
}

}  // namespace registry
