// SPDX-License-Identifier: Apache-2.0
// One compressed layer → tar entries for whoever makes something of them, with the diffID worked
// out on the way. Inflating, hashing and consuming run on three threads around a bounded ring of
// buffers (6 MB), so that one large layer keeps two cores busy; or on the caller's, where several
// layers are read at once.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/layer/inflate.hpp"
#include "imagetool/layer/layer_applier.hpp"
#include "imagetool/oci/byte_source.hpp"
#include "imagetool/oci/digest.hpp"

struct LayerResult {
  Digest diff_id;  // of the whole uncompressed stream, what follows the tar's end included
  std::uint64_t compressed_bytes = 0;
  std::uint64_t tar_bytes = 0;
  LayerCounts counts;
};

struct ApplyLayerOptions {
  LayerOptions layer{};
  InflateLimits inflate{};
  TarLimits tar{};
  std::string hash = "sha256";  // of the diff_id: sha256 or sha512
  enum class Threads { kThree, kOne } threads = Threads::kThree;
};

/// Called on the calling thread with the tar bytes extracted so far, every few hundred KiB.
using LayerProgress = std::function<void(std::uint64_t tar_bytes)>;

/// Hands one layer's entries to `consume`, and reads `compressed` to its end. The caller compares
/// diff_id; counts are left to it, too. Throws Error; no helper thread is left then, provided that
/// `compressed` returns or throws.
LayerResult read_layer(ByteSource compressed, const ApplyLayerOptions& options,
                       const std::function<void(TarReader&)>& consume,
                       const LayerProgress& progress = {});

/// Applies one layer and reads `compressed` to its end. The caller compares diff_id and drops the
/// root if it differs. Throws Error; both helper threads have ended then, provided that
/// `compressed` returns or throws.
LayerResult apply_layer(ByteSource compressed, const RootedDir& root,
                        const ApplyLayerOptions& options = {}, const LayerProgress& progress = {});
