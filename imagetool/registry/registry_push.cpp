// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "imagetool/oci/digest.hpp"
#include "imagetool/registry/blob_upload.hpp"
#include "imagetool/registry/referrers_tag.hpp"
#include "imagetool/registry/refusal.hpp"
#include "imagetool/registry/registry_state.hpp"

namespace registry {
namespace {

constexpr int kLagRetries = 3;

/// Right after an upload the part of a registry that takes manifests may not know the blob yet.
bool is_lag(const HttpResponse& response) {
  return (response.status == 400 || response.status == 404) &&
         response.body.find("BLOB_UNKNOWN") != std::string::npos;
}

HttpResponse put_manifest(Endpoint& endpoint, const Ask& ask) {
  RetryLimits limits = endpoint.limits();
  limits.retries = std::min(limits.retries, kLagRetries);
  Retries retries(limits);
  for (;;) {
    HttpResponse response = endpoint.send_patiently(ask);
    if (!is_lag(response)) return response;
    HttpResponse judged = response;
    judged.transport = Transport::kDropped;
    judged.failure = "the registry does not know its blobs yet";
    if (!retries.again(judged, true)) return response;
  }
}

}  // namespace

bool Registry::has_blob(const oci::Descriptor& blob) {
  try {
    return BlobUpload(state_->push_place(), blob, {}, 0).is_there();
  } catch (Error& error) {
    error.add_context(state_->image, ": blob ", blob.digest);
    throw;
  }
}

Pushed Registry::push_blob(const oci::Descriptor& blob, const OpenBlob& open,
                           const std::optional<std::string>& mount_from) {
  BlobUpload upload(state_->push_place(), blob, open, state_->options.chunk_size);
  try {
    if (upload.is_there()) return Pushed::kPresent;
    const bool may_mount = mount_from && *mount_from != state_->target.repository;
    if (may_mount && upload.mount(*mount_from)) return Pushed::kMounted;
    upload.send();
  } catch (Error& error) {
    error.add_context(state_->image, ": push blob ", blob.digest);
    throw;
  }
  return Pushed::kSent;
}

std::string Registry::push_manifest(std::string_view body, const std::string& media_type,
                                    const std::string& reference) {
  const Digest digest =
      digest_of(body, is_digest(reference) ? Digest::parse(reference).algorithm : "sha256");
  if (is_digest(reference) && reference != digest.str())
    throw Error(sentence(state_->image, ": the manifest to push has the digest ", digest.str(),
                         ", not ", reference));
  Endpoint& endpoint = state_->push_place();
  try {
    const HttpResponse response =
        put_manifest(endpoint, {.method = "PUT",
                                .path = manifest_path(reference),
                                .headers = {"Content-Type: " + media_type},
                                .body = std::string(body)});
    if (response.transport != Transport::kDone || response.status < 200 || response.status > 299)
      refuse(response, {endpoint.host(), endpoint.has_login()});
    const std::optional<std::string> stated = stated_digest(response);
    if (stated && stated->starts_with(digest.algorithm) && *stated != digest.str())
      throw Error(sentence("the registry has received another manifest: ", *stated, ", not ",
                           digest.str()));
    if (!response.header("oci-subject")) add_to_referrers_tag(endpoint, body, digest.str());
  } catch (Error& error) {
    error.add_context(state_->image, ": push manifest ", reference);
    throw;
  }
  return digest.str();
}

void Registry::delete_manifest(const std::string& reference) {
  Endpoint& endpoint = state_->delete_place();
  try {
    const HttpResponse response =
        endpoint.send_patiently({.method = "DELETE", .path = manifest_path(reference)});
    // docker-registry 2 takes a tag for a malformed digest.
    const bool is_unsupported =
        !is_digest(reference) || response.body.find("UNSUPPORTED") != std::string::npos;
    if (response.status == 405 || (response.status == 400 && is_unsupported))
      throw Unsupported(sentence("the registry ", endpoint.host(), " does not delete ",
                                 is_digest(reference) ? "manifests" : "tags"));
    if (response.transport != Transport::kDone || response.status < 200 || response.status > 299)
      refuse(response, {endpoint.host(), endpoint.has_login()});
  } catch (Error& error) {
    error.add_context(state_->image, ": delete");
    throw;
  }
}

}  // namespace registry
