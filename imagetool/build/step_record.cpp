// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/step_record.hpp"

#include <nlohmann/json.hpp>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/oci/json_view.hpp"

namespace build {
namespace {

nlohmann::ordered_json as_json(const CachedStep& step) {
  nlohmann::ordered_json record = {{"created", step.created},
                                   {"diffId", step.layer.diff_id},
                                   {"mediaType", step.layer.descriptor.media_type},
                                   {"digest", step.layer.descriptor.digest},
                                   {"size", step.layer.descriptor.size}};
  if (!step.content_key.empty()) record["contentKey"] = step.content_key;
  return record;
}

/// Keys are file names.
std::string read_key(const oci::JsonView& record, std::string_view name) {
  std::string key = record.string(name);
  if (key.size() != 64 || key.find_first_not_of("0123456789abcdef") != std::string::npos)
    record.refuse(name, "must be 64 hex digits");
  return key;
}

std::string read_digest(const oci::JsonView& record, std::string_view name) {
  return Digest::parse(record.required_string(name)).str();
}

CachedStep as_step(const oci::JsonView& record) {
  CachedStep step{.created = record.string("created")};
  step.layer.descriptor = {.media_type = record.required_string("mediaType"),
                           .digest = read_digest(record, "digest"),
                           .size = record.integer("size").value_or(-1)};
  if (step.layer.descriptor.size < 0) record.refuse("size", "must be a number of bytes");
  step.layer.diff_id = read_digest(record, "diffId");
  if (record.has("contentKey")) step.content_key = read_key(record, "contentKey");
  return step;
}

}  // namespace

std::string write_step(const CachedStep& step) { return as_json(step).dump(); }

CachedStep read_step(std::string_view text) {
  return as_step(oci::JsonView::parse(text, "build step", oci::kDocumentLimit));
}

std::string write_step_list(const std::vector<KnownStep>& steps) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const KnownStep& known : steps) {
    nlohmann::ordered_json record = {{"key", known.key}};
    record.update(as_json(known.step));
    list.push_back(std::move(record));
  }
  return nlohmann::ordered_json{{"steps", std::move(list)}}.dump();
}

std::vector<KnownStep> read_step_list(std::string_view text) {
  std::vector<KnownStep> steps;
  const oci::JsonView document = oci::JsonView::parse(text, "build cache", oci::kDocumentLimit);
  for (const oci::JsonView& record : document.objects("steps"))
    steps.push_back({read_key(record, "key"), as_step(record)});
  return steps;
}

}  // namespace build
