// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>

#include "imagetool/oci/json_view.hpp"
#include "imagetool/registry/pages.hpp"
#include "imagetool/registry/referrers_tag.hpp"
#include "imagetool/registry/refusal.hpp"
#include "imagetool/registry/registry_state.hpp"

namespace registry {
namespace {

using Json = nlohmann::ordered_json;

bool is_index_answer(const HttpResponse& response) {
  return response.header("content-type").value_or("").starts_with(oci::kOciIndex);
}

/// An index as bytes, or nothing when there is no such tag.
std::optional<std::string> tagged_index(Endpoint& endpoint, const std::string& tag) {
  const HttpResponse response =
      endpoint.send_patiently({.path = manifest_path(tag),
                               .headers = {sentence("Accept: ", oci::kOciIndex)},
                               .body_limit = oci::kDocumentLimit});
  if (response.transport == Transport::kDone && response.status == 404) return std::nullopt;
  if (response.transport != Transport::kDone || response.status != 200)
    refuse(response, {endpoint.host(), endpoint.has_login()});
  return response.body;
}

/// The descriptor a referrers list has for this manifest (distribution-spec, "Pushing Manifests
/// with Subject").
Json descriptor_of(const Json& manifest, std::string_view body, const std::string& digest) {
  const auto text = [](const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  Json entry = {
      {"mediaType", text(manifest, "mediaType")}, {"digest", digest}, {"size", body.size()}};
  std::string artifact = text(manifest, "artifactType");
  if (artifact.empty() && manifest.contains("config") && manifest["config"].is_object())
    artifact = text(manifest["config"], "mediaType");
  if (!artifact.empty()) entry["artifactType"] = artifact;
  if (manifest.contains("annotations")) entry["annotations"] = manifest["annotations"];
  return entry;
}

}  // namespace

std::string referrers_tag(const Digest& digest) {
  std::string tag = digest.algorithm.substr(0, 32) + "-" + digest.hex.substr(0, 64);
  for (char& letter : tag)
    if (std::string_view("+.:").find(letter) != std::string_view::npos) letter = '-';
  return tag;
}

void add_to_referrers_tag(Endpoint& endpoint, std::string_view body, const std::string& digest) {
  const Json manifest = Json::parse(body, nullptr, false);
  if (!manifest.is_object() || !manifest.contains("subject") || !manifest["subject"].is_object())
    return;
  const auto subject = manifest["subject"].find("digest");
  if (subject == manifest["subject"].end() || !subject->is_string()) return;
  const std::string tag = referrers_tag(Digest::parse(subject->get<std::string>()));
  Json index = {{"schemaVersion", 2},
                {"mediaType", std::string(oci::kOciIndex)},
                {"manifests", Json::array()}};
  if (const auto text = tagged_index(endpoint, tag)) {
    Json there = Json::parse(*text, nullptr, false);
    if (there.is_object() && there.contains("manifests") && there["manifests"].is_array())
      index = std::move(there);
  }
  for (const Json& entry : index["manifests"])
    if (entry.is_object() && entry.value("digest", Json()) == digest) return;
  index["manifests"].push_back(descriptor_of(manifest, body, digest));
  const HttpResponse response =
      endpoint.send_patiently({.method = "PUT",
                               .path = manifest_path(tag),
                               .headers = {sentence("Content-Type: ", oci::kOciIndex)},
                               .body = index.dump()});
  if (response.transport != Transport::kDone || response.status != 201)
    refuse(response, {endpoint.host(), endpoint.has_login()});
}

void Registry::tags(const std::function<void(const std::string&)>& each) {
  Endpoint& endpoint = state_->last_place();
  try {
    const HttpResponse first =
        for_each_page(endpoint, "tags/list?n=1000", {}, [&](const HttpResponse& page) {
          const oci::JsonView answer =
              oci::JsonView::parse(page.body, "tag list", oci::kDocumentLimit);
          for (const std::string& tag : answer.strings("tags")) each(tag);
        });
    if (first.transport != Transport::kDone || first.status != 200)
      refuse(first, {endpoint.host(), endpoint.has_login()});
  } catch (Error& error) {
    error.add_context(state_->target.name());
    throw;
  }
}

std::vector<oci::Descriptor> Registry::referrers(const std::string& digest,
                                                 const std::string& artifact_type) {
  Endpoint& endpoint = state_->last_place();
  const Digest subject = Digest::parse(digest);
  std::vector<oci::Descriptor> found;
  const auto add = [&](const std::string& text) {
    std::vector<oci::Descriptor> listed = oci::read_index(text).manifests;
    std::move(listed.begin(), listed.end(), std::back_inserter(found));
  };
  try {
    std::string path = "referrers/" + subject.str();
    if (!artifact_type.empty()) path += "?artifactType=" + percent_encoded(artifact_type);
    bool is_supported = false;
    const HttpResponse first = for_each_page(endpoint, path, {sentence("Accept: ", oci::kOciIndex)},
                                             [&](const HttpResponse& page) {
                                               if (!is_index_answer(page)) return;
                                               is_supported = true;
                                               add(page.body);
                                             });
    const bool is_missing = first.status == 200 || first.status == 404 || first.status == 400 ||
                            first.status == 405 || first.status == 406;
    if (first.transport != Transport::kDone || (!is_supported && !is_missing))
      refuse(first, {endpoint.host(), endpoint.has_login()});
    if (!is_supported)
      if (const auto text = tagged_index(endpoint, referrers_tag(subject))) add(*text);
  } catch (Error& error) {
    error.add_context(state_->image, ": referrers");
    throw;
  }
  // Whether the registry has filtered or not: what it did is at most left to do.
  if (!artifact_type.empty())
    std::erase_if(found,
                  [&](const oci::Descriptor& one) { return one.artifact_type != artifact_type; });
  return found;
}

}  // namespace registry
