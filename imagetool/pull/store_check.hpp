// SPDX-License-Identifier: Apache-2.0
// The whole store looked through: every blob hashed again, every image's parts there, every layer
// made once more from its blob and compared with the one that is there. What can be put right is.
// toyimg.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "imagetool/pull/image_layers.hpp"
#include "imagetool/pull/progress.hpp"
#include "imagetool/store/image_store.hpp"

struct StoreReport {
  std::uint64_t blobs = 0, layers = 0;  // looked at
  std::vector<std::string> repaired;    // layers that were made again
  std::vector<std::string> removed;     // damaged blobs and layers that are no more
  std::vector<std::string> incomplete;  // images that have to be pulled again, with the reason
  bool is_sound() const { return repaired.empty() && removed.empty() && incomplete.empty(); }
};

/// Holds the store, so nothing is collected meanwhile; others may pull. Throws Error.
StoreReport check_store(const ImageStore& store, const std::stop_token& stop, Progress& progress);

/// `files` stand for an image's layers in a bundle, lowest first: the numbers of those that are not
/// what the layer's blob gives. The store has the layers; whoever calls holds it. Throws Error.
std::vector<std::size_t> damaged_layers(const ImageStore& store, const StoredImage& image,
                                        const std::vector<UniqueFd>& files,
                                        const std::stop_token& stop);
