// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/registry.hpp"

#include <utility>
#include <vector>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/registry/blob_download.hpp"
#include "imagetool/registry/refusal.hpp"
#include "imagetool/registry/registry_state.hpp"

namespace registry {
namespace {

/// All kinds in one header: servers that see fewer convert, or answer 404.
std::string accept_header() {
  return sentence("Accept: ", oci::kOciIndex, ", ", oci::kDockerList, ", ", oci::kOciManifest, ", ",
                  oci::kDockerManifest);
}

Ask manifest_ask(const std::string& method, const std::string& reference) {
  return {.method = method,
          .path = manifest_path(reference),
          .headers = {accept_header()},
          .body_limit = oci::kDocumentLimit};
}

void check_digest(std::string_view body, const std::string& expected, std::string_view what) {
  const Digest asked = Digest::parse(expected);
  const Digest found = digest_of(body, asked.algorithm);
  if (found != asked)
    throw Error(sentence("the content does not match the digest ", what, ": expected ", asked.str(),
                         ", received ", found.str()));
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

Digest digest_of(std::string_view text, std::string_view algorithm) {
  Hasher hasher(algorithm);
  hasher.update(text);
  return hasher.finish();
}

std::string manifest_path(const std::string& reference) {
  return "manifests/" +
         (is_digest(reference) ? Digest::parse(reference).str() : percent_encoded(reference));
}

std::optional<std::string> stated_digest(const HttpHead& head) {
  const std::optional<std::string> stated = head.header("docker-content-digest");
  try {
    return stated ? std::optional(Digest::parse(*stated).str()) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

Options Options::from_environment(const std::optional<std::string>& authfile) {
  Options options{.credentials = CredentialSources::from_environment(authfile),
                  .conf = RegistriesConf::from_environment()};
  options.credentials.helpers = options.conf.credential_helpers;
  return options;
}

Registry::Registry(const ImageReference& image, Options options)
    : state_(std::make_unique<State>(image, std::move(options))) {}
Registry::~Registry() = default;
Registry::Registry(Registry&&) noexcept = default;
Registry& Registry::operator=(Registry&&) noexcept = default;

ManifestResponse Registry::manifest(const std::string& reference) {
  const Ask ask = manifest_ask("GET", reference);
  const auto fetch = [&](Endpoint& endpoint) {
    HttpResponse response = endpoint.send_patiently(ask);
    if (response.transport != Transport::kDone || response.status != 200)
      refuse(response, {endpoint.host(), endpoint.has_login()});
    ManifestResponse manifest = read_manifest_response(std::move(response), reference);
    manifest.host = endpoint.host();
    state_->giver = &endpoint;
    return manifest;
  };
  return state_->first_of(state_->places(reference), state_->image, fetch, [] { return false; });
}

std::optional<std::string> Registry::head_manifest(const std::string& reference) {
  const Ask ask = manifest_ask("HEAD", reference);
  const auto fetch = [&](Endpoint& endpoint) -> std::optional<std::string> {
    const HttpResponse response = endpoint.send_patiently(ask);
    const bool is_done = response.transport == Transport::kDone;
    if (is_done && (response.status == 405 || response.status == 501)) return std::nullopt;
    if (!is_done || response.status != 200)
      refuse(response, {endpoint.host(), endpoint.has_login()});
    return stated_digest(response);
  };
  return state_->first_of(state_->places(reference), state_->image, fetch, [] { return false; });
}

std::string Registry::resolve(const std::string& reference) {
  if (auto digest = head_manifest(reference)) return *digest;
  return manifest(reference).digest;
}

void Registry::blob(const oci::Descriptor& blob, const BlobSink& sink, std::int64_t offset) {
  const std::string what = sentence(state_->image, ": blob ", Digest::parse(blob.digest).str());
  BlobDownload download(blob, sink, offset);
  const auto is_final = [&] { return download.sink_failed(); };
  try {
    state_->first_of(
        state_->places(blob.digest), what, [&](Endpoint& endpoint) { download.fetch(endpoint); },
        is_final);
    return;
  } catch (const Error&) {
    // Registries answer 401, 403 or 404 for what they were not given to keep.
    if (blob.urls.empty() || download.sink_failed() || state_->options.stop.stop_requested()) throw;
  }
  for (const std::string& text : blob.urls) {
    const std::optional<Url> url = Url::parse(text);
    if (!url)
      throw Error(sentence(what, ": its address \"", printable(text), "\" is not an http(s) one"));
    const bool is_last = &text == &blob.urls.back();
    const auto fetch = [&](Endpoint& endpoint) { download.fetch_foreign(endpoint, *url); };
    try {
      return state_->first_of({&state_->last_place()}, what, fetch, is_final);
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
