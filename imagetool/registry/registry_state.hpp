// SPDX-License-Identifier: Apache-2.0
// What a Registry holds: the places its repository is at, and in which order they are asked. Only
// for registry*.cpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/registry/endpoint.hpp"
#include "imagetool/registry/registry.hpp"

namespace registry {

inline bool is_digest(std::string_view reference) {
  return reference.find(':') != std::string_view::npos;
}
/// "manifests/latest", "manifests/sha256:…". Throws Error for a malformed digest.
std::string manifest_path(const std::string& reference);
Digest digest_of(std::string_view text, std::string_view algorithm);
/// The digest the server states, if it is one we can compute.
std::optional<std::string> stated_digest(const HttpHead& head);

struct Registry::State {
  State(const ImageReference& wanted, Options given)
      : image(wanted.canonical()), target(wanted), options(std::move(given)), http(options.stop) {
    std::vector<Source> sources;
    for (const Source& place : sources_of(options.conf, wanted.registry, wanted.repository))
      for (Source& source : hosts_for(place))
        if (may_pull(source)) sources.push_back(std::move(source));
    for (const Source& source : sources) {
      Endpoint::Setup setup = setup_for(source);
      if (&source != &sources.back()) setup.limits.retries = std::min(setup.limits.retries, 1);
      endpoints.push_back(std::make_unique<Endpoint>(source, std::move(setup), http));
    }
  }

  /// The mirrors that have not failed yet, then the place itself; only those that may be asked for
  /// this.
  std::vector<Endpoint*> places(const std::string& reference) const {
    const MirrorUse other = is_digest(reference) ? MirrorUse::kTagOnly : MirrorUse::kDigestOnly;
    std::vector<Endpoint*> order;
    for (const auto& endpoint : endpoints) {
      const bool is_last = endpoint == endpoints.back();
      // Who gave the manifest behind a tag has its blobs, too.
      const bool may_ask = endpoint->use() != other || endpoint.get() == giver;
      if (may_ask && (is_last || !endpoint->is_set_aside())) order.push_back(endpoint.get());
    }
    return order;
  }

  /// The registry's own.
  Endpoint& last_place() const {
    if (endpoints.empty())
      throw Error(sentence(image, ": its hosts.toml names no host that may be pulled from"));
    return *endpoints.back();
  }

  /// The first success of `fetch`; a mirror's failure only means the next one's turn unless
  /// `is_final` says otherwise.
  template <typename Fetch, typename IsFinal>
  auto first_of(const std::vector<Endpoint*>& order, const std::string& what, Fetch fetch,
                IsFinal is_final) {
    for (Endpoint* const endpoint : order) {
      try {
        return fetch(*endpoint);
      } catch (Error& error) {
        if (endpoint == order.back() || is_final() || options.stop.stop_requested()) {
          error.add_context(what);
          throw;
        }
        endpoint->set_aside();
        logging::warning(sentence(what, ": ", error.what(), "; trying the next place"));
      }
    }
    throw Error(sentence(what, ": no registry is configured to give it"));
  }

  /// Where pushes go: the registry itself, never a mirror, with tokens that may write.
  Endpoint& push_place() { return own_place(push_endpoint, "pull,push"); }
  Endpoint& delete_place() { return own_place(delete_endpoint, "pull,delete"); }

  std::string image;
  ImageReference target;
  Options options;
  HttpClient http;
  std::vector<std::unique_ptr<Endpoint>> endpoints;
  std::atomic<Endpoint*> giver = nullptr;  // what gave the last manifest

 private:
  /// What hosts.toml lets it do; who must not say which digest a tag has is asked by digest only.
  static bool may_pull(Source& source) {
    if (!source.access) return true;
    const bool resolves = source.access->may_resolve;
    if (!source.access->may_pull || (!resolves && source.use == MirrorUse::kTagOnly)) return false;
    if (!resolves) source.use = MirrorUse::kDigestOnly;
    return true;
  }

  /// --creds and --cert-dir are for the registry the user named, not for its mirrors.
  Endpoint::Setup setup_for(const Source& source) const {
    const bool is_named = source.host == target.registry;
    Endpoint::Setup setup{.tls_verify = options.tls_verify,
                          .credentials = options.credentials,
                          .limits = {.retries = options.retries,
                                     .first_wait = options.first_wait,
                                     .longest_wait = options.longest_wait,
                                     .stop = options.stop},
                          .cert_dir = is_named ? options.cert_dir : "",
                          .observe = options.observe};
    if (!is_named) setup.credentials.given.reset();
    return setup;
  }

  Endpoint& own_place(std::unique_ptr<Endpoint>& place, std::string_view actions) {
    const std::lock_guard guard(lock_);
    if (place) return *place;
    const std::vector<Source> hosts =
        hosts_for(target_of(options.conf, target.registry, target.repository));
    const auto first = std::find_if(hosts.begin(), hosts.end(), [](const Source& source) {
      return !source.access || source.access->may_push;
    });
    if (first == hosts.end())
      throw Error(sentence(image, ": its hosts.toml names no host that may be pushed to"));
    Endpoint::Setup setup = setup_for(*first);
    setup.scope = sentence("repository:", target.repository, ":", actions);
    place = std::make_unique<Endpoint>(*first, std::move(setup), http);
    return *place;
  }

  std::mutex lock_;
  std::unique_ptr<Endpoint> push_endpoint, delete_endpoint;
};

}  // namespace registry
