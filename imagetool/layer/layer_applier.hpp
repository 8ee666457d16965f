// SPDX-License-Identifier: Apache-2.0
// Tar entries of one layer → files inside a RootedDir, image-spec "Applying Changesets": whiteouts,
// opaque directories, replaced types, links, devices, owners, modes, xattrs, times. One
// LayerApplier applies one layer. Runs in toyimg.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/layer/tar_reader.hpp"

struct LayerOptions {
  std::uint64_t entries = 10'000'000;     // most entries in one layer
  std::uint64_t file_bytes = UINT64_MAX;  // most bytes of all its files, holes included
  bool devices = true;                    // false: device nodes are skipped and counted
};

struct LayerCounts {
  std::uint64_t entries = 0;
  std::uint64_t file_bytes = 0;
  /// What could not be applied and was left out, with how often: "device nodes skipped" → 3. For
  /// one warning each.
  std::map<std::string, std::uint64_t> skipped;
};

class LayerApplier {
 public:
  /// Borrows the root for its lifetime. As root, owners are set; as another user they stay the
  /// caller's (one-id squash).
  explicit LayerApplier(const RootedDir& root, LayerOptions options = {});
  LayerApplier(LayerApplier&&) noexcept;
  ~LayerApplier();

  /// Applies every entry, then the directories' modes and times. Throws Error naming the entry;
  /// what was written by then stays in the root for the caller to remove.
  void apply(TarReader& reader);
  const LayerCounts& counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};
