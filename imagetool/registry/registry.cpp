// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/registry.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/registry/blob_download.hpp"
#include "imagetool/registry/endpoint.hpp"
#include "imagetool/registry/refusal.hpp"

namespace registry {
namespace {

/// All kinds in one header: servers that see fewer convert, or answer 404.
std::string accept_header() {
  return sentence("Accept: ", oci::kOciIndex, ", ", oci::kDockerList, ", ", oci::kOciManifest, ", ",
                  oci::kDockerManifest);
}

bool is_digest(std::string_view reference) { return reference.find(':') != std::string_view::npos; }

Ask manifest_ask(const std::string& method, const std::string& reference) {
  return {.method = method,
          .path = "manifests/" + (is_digest(reference) ? Digest::parse(reference).str()
                                                       : percent_encoded(reference)),
          .headers = {accept_header()},
          .body_limit = oci::kDocumentLimit};
}

Digest digest_of(std::string_view text, std::string_view algorithm) {
  Hasher hasher(algorithm);
  hasher.update(text);
  return hasher.finish();
}

void check_digest(std::string_view body, const std::string& expected, std::string_view what) {
  const Digest asked = Digest::parse(expected);
  const Digest found = digest_of(body, asked.algorithm);
  if (found != asked)
    throw Error(sentence("the content does not match the digest ", what, ": expected ", asked.str(),
                         ", received ", found.str()));
}

/// The digest the server states, if it is one we can compute.
std::optional<std::string> stated_digest(const HttpHead& head) {
  const std::optional<std::string> stated = head.header("docker-content-digest");
  try {
    return stated ? std::optional(Digest::parse(*stated).str()) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// Repeats until there is an answer that stays.
HttpResponse send_patiently(Endpoint& endpoint, const Ask& ask) {
  Retries retries(endpoint.limits());
  HttpResponse response;
  do {
    response = endpoint.send(ask);
  } while (retries.again(response, endpoint.has_answered()));
  return response;
}

ManifestResponse read_manifest_response(HttpResponse response, const std::string& reference) {
  if (response.is_cut)
    throw Error(sentence("the manifest is larger than ", oci::kDocumentLimit, " bytes"));
  ManifestResponse manifest{.body = std::move(response.body)};
  if (is_digest(reference)) {
    check_digest(manifest.body, reference, "asked for");
    manifest.digest = reference;
  } else {
    if (const auto stated = stated_digest(response))
      check_digest(manifest.body, *stated, "the registry states");
    manifest.digest = sha256_of(manifest.body).str();
  }
  manifest.media_type =
      oci::document_media_type(manifest.body, response.header("content-type").value_or(""));
  return manifest;
}

}  // namespace

struct Registry::State {
  State(const ImageReference& reference, Options given)
      : image(reference.canonical()), options(std::move(given)), http(options.stop) {
    const auto sources = sources_of(options.conf, reference.registry, reference.repository);
    for (const Source& source : sources) {
      const bool is_last = &source == &sources.back();
      Endpoint::Setup setup{
          .tls_verify = options.tls_verify,
          .credentials = options.credentials,
          .limits = {.retries = is_last ? options.retries : std::min(options.retries, 1),
                     .first_wait = options.first_wait,
                     .longest_wait = options.longest_wait,
                     .stop = options.stop}};
      // --creds is for the registry the user named, not for its mirrors.
      if (source.host != reference.registry) setup.credentials.given.reset();
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
      if (is_last || (endpoint->use() != other && !endpoint->is_set_aside()))
        order.push_back(endpoint.get());
    }
    return order;
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
    throw Error(sentence(what, ": there is no place to fetch it from"));
  }

  std::string image;
  Options options;
  HttpClient http;
  std::vector<std::unique_ptr<Endpoint>> endpoints;
};

Options Options::from_environment(const std::optional<std::string>& authfile) {
  return {.credentials = CredentialSources::from_environment(authfile),
          .conf = RegistriesConf::from_environment()};
}

Registry::Registry(const ImageReference& image, Options options)
    : state_(std::make_unique<State>(image, std::move(options))) {}
Registry::~Registry() = default;
Registry::Registry(Registry&&) noexcept = default;
Registry& Registry::operator=(Registry&&) noexcept = default;

ManifestResponse Registry::manifest(const std::string& reference) {
  const Ask ask = manifest_ask("GET", reference);
  const auto fetch = [&](Endpoint& endpoint) {
    HttpResponse response = send_patiently(endpoint, ask);
    if (response.transport != Transport::kDone || response.status != 200)
      refuse(response, {endpoint.host(), endpoint.has_login()});
    return read_manifest_response(std::move(response), reference);
  };
  return state_->first_of(state_->places(reference), state_->image, fetch, [] { return false; });
}

std::optional<std::string> Registry::head_manifest(const std::string& reference) {
  const Ask ask = manifest_ask("HEAD", reference);
  const auto fetch = [&](Endpoint& endpoint) -> std::optional<std::string> {
    const HttpResponse response = send_patiently(endpoint, ask);
    const bool is_done = response.transport == Transport::kDone;
    if (is_done && (response.status == 405 || response.status == 501)) return std::nullopt;
    if (!is_done || response.status != 200)
      refuse(response, {endpoint.host(), endpoint.has_login()});
    return stated_digest(response);
  };
  return state_->first_of(state_->places(reference), state_->image, fetch, [] { return false; });
}

void Registry::blob(const oci::Descriptor& blob, const BlobSink& sink) {
  const std::string what = sentence(state_->image, ": blob ", Digest::parse(blob.digest).str());
  BlobDownload download(blob, sink);
  const auto is_final = [&] { return download.sink_failed(); };
  try {
    state_->first_of(
        state_->places(blob.digest), what, [&](Endpoint& endpoint) { download.fetch(endpoint); },
        is_final);
    return;
  } catch (const NotFound&) {
    if (blob.urls.empty()) throw;
  }
  for (const std::string& text : blob.urls) {
    const std::optional<Url> url = Url::parse(text);
    if (!url)
      throw Error(sentence(what, ": its address \"", printable(text), "\" is not an http(s) one"));
    const bool is_last = &text == &blob.urls.back();
    const auto fetch = [&](Endpoint& endpoint) { download.fetch_foreign(endpoint, *url); };
    try {
      return state_->first_of({state_->endpoints.back().get()}, what, fetch, is_final);
    } catch (const Error&) {
      if (is_last || download.sink_failed()) throw;
    }
  }
}

std::string Registry::small_blob(const oci::Descriptor& descriptor) {
  const std::string what = sentence(state_->image, ": blob ", descriptor.digest);
  if (descriptor.size < 0 || static_cast<std::size_t>(descriptor.size) > oci::kDocumentLimit)
    throw Error(sentence(what, ": is larger than ", oci::kDocumentLimit, " bytes"));
  std::string content;
  blob(descriptor, [&](std::span<const std::byte> bytes) {
    content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  try {
    check_digest(content, descriptor.digest, "in the manifest");
  } catch (Error& error) {
    error.add_context(what);
    throw;
  }
  return content;
}

}  // namespace registry
