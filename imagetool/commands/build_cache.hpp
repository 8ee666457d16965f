// SPDX-License-Identifier: Apache-2.0
// The build cache in a registry or a directory, for other machines: a manifest whose config lists
// steps by key, and whose layers are theirs. Only the list is fetched at once. toyimg.
#pragma once

#include <stop_token>
#include <vector>

#include "imagetool/build/build_progress.hpp"
#include "imagetool/build/build_runner.hpp"
#include "imagetool/commands/build_options.hpp"
#include "imagetool/transport/open.hpp"

/// The caches of --cache-from, open as long as their layers may be wanted.
class OfferedCaches {
 public:
  /// Borrows the store.
  OfferedCaches(build::BuildStore& builds, transport::Places places)
      : builds_(builds), places_(std::move(places)) {}

  /// Offers the steps of a cache to the build. One that cannot be read is only warned of.
  void open(const CachePlace& cache, build::BuildProgress& progress);

 private:
  build::BuildStore& builds_;
  transport::Places places_;
  std::vector<transport::OpenSource> sources_{};
};

/// The annotation of a manifest with the steps whose layers the image has: --cache-to type=inline.
inline constexpr const char* kInlineCache = "org.toyrun.build.cache";
/// Its text.
std::string inline_cache(const std::vector<build::KnownStep>& steps,
                         const std::vector<build::Layer>& layers);

/// Writes the steps of a build, and their layers, to the place of --cache-to; `result` are the
/// layers of its images. Throws Error.
void export_cache(build::BuildStore& builds, const std::vector<build::KnownStep>& steps,
                  const std::vector<build::Layer>& result, const CachePlace& cache,
                  const transport::Places& places, const std::stop_source& stop);
