// SPDX-License-Identifier: Apache-2.0
// The layers of one image on their way from a registry into the store: a few at once, each hashed
// and written as it arrives, and readable from the first byte on, so that extracting does not wait
// for downloading. toyimg.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "imagetool/oci/byte_source.hpp"
#include "imagetool/oci/manifest.hpp"
#include "imagetool/pull/progress.hpp"
#include "imagetool/registry/registry.hpp"
#include "imagetool/store/blob_store.hpp"

class LayerDownloads {
 public:
  /// Starts at once, lowest layers first. All arguments are borrowed for the lifetime of this
  /// object. When one download fails `stop` is asked to end the others.
  LayerDownloads(registry::Registry& registry, const BlobStore& blobs,
                 const std::vector<oci::Descriptor>& layers, std::stop_source stop,
                 Progress& progress);
  /// Ends what still runs and waits for it.
  ~LayerDownloads();
  LayerDownloads(const LayerDownloads&) = delete;
  LayerDownloads& operator=(const LayerDownloads&) = delete;

  /// The compressed bytes of layers[index], from the first one on; waits until the download has
  /// begun. Throws what the download failed with.
  ByteSource open(std::size_t index);
  /// Waits for all; throws the first failure.
  void finish();
  /// For whoever failed while he used what open() returned: throws what a download failed with
  /// before, which is why; else returns.
  void rethrow_cause();

 private:
  enum class State { kWaiting, kComing, kThere, kFailed };
  struct Slot {
    const oci::Descriptor* layer = nullptr;
    std::size_t progress_index = 0;
    State state = State::kWaiting;
    std::optional<ByteSource> reader;  // of the blob while it comes; taken by the first open()
  };
  void work();
  void download(Slot& slot);
  std::optional<BlobWriter> begin(const oci::Descriptor& layer);
  bool go_on(Slot& slot, BlobWriter& writer);
  void fetch(Slot& slot, BlobWriter& writer);
  void set_state(Slot& slot, State state, std::optional<ByteSource> reader = std::nullopt);
  void rethrow_failure();

  registry::Registry& registry_;
  const BlobStore& blobs_;
  std::stop_source stop_;
  Progress& progress_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Slot> slots_;           // one per digest
  std::vector<std::size_t> slot_of_;  // layer index → slot
  std::size_t next_ = 0;
  std::exception_ptr failure_;
  std::atomic<bool> reader_failed_ = false;
  std::vector<std::thread> threads_;
};
