// SPDX-License-Identifier: Apache-2.0
// Which step made which layer, as text: the records of the build cache, and the list of them that
// one machine's cache gives another's. Read text is hostile. Pure; toyimg.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "imagetool/oci/manifest.hpp"

namespace build {

/// A layer in the store.
struct Layer {
  oci::Descriptor descriptor{};  // of the blob
  std::string diff_id{};
};

/// What a step made, as the cache remembers it.
struct CachedStep {
  Layer layer{};
  std::string created{};      // RFC 3339
  std::string content_key{};  // of a COPY --from: its key by what is copied; else empty
  bool is_offered = false;    // known from another build's cache, its layer perhaps not here
};

/// A step and its key, 64 hex digits.
struct KnownStep {
  std::string key{};
  CachedStep step{};
};

/// Media type of the list, as the config of a manifest whose layers are the steps'.
inline constexpr std::string_view kStepListType = "application/vnd.toyimg.build.cache.v1+json";

std::string write_step(const CachedStep& step);
/// Throws Error: not such a record, a digest that is none.
CachedStep read_step(std::string_view text);
std::string write_step_list(const std::vector<KnownStep>& steps);
/// Throws Error, also for a key that is none.
std::vector<KnownStep> read_step_list(std::string_view text);

}  // namespace build
