// SPDX-License-Identifier: Apache-2.0
// Tar entries of one layer → files inside a RootedDir, image-spec "Applying Changesets": whiteouts,
// opaque directories, replaced types, links, devices, owners, modes, xattrs, times. One
// LayerApplier applies one layer. Runs in toyimg.
#pragma once

#include <memory>

#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/layer/layer_options.hpp"
#include "imagetool/layer/tar_reader.hpp"

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
