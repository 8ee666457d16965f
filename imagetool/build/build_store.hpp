// SPDX-License-Identifier: Apache-2.0
// What builds keep beside the images, below STORE/build: which step made which layer, layers ready
// to be mounted, cache mounts, and a work directory per build that goes with it, kill -9 or not.
// toyimg.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "imagetool/build/step_record.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/oci/image_config.hpp"
#include "imagetool/oci/manifest.hpp"
#include "imagetool/store/erofs_writer.hpp"
#include "imagetool/store/image_store.hpp"
#include "imagetool/store/layer_store.hpp"

namespace build {

/// What a step's key is made of, by name: "command", "file src/main.c". In order.
using Inputs = std::vector<std::pair<std::string, std::string>>;
/// The key: sha256 over names and values, each with its length.
std::string key_of(const Inputs& inputs);

/// Puts the blob of a layer into the store. Throws Error.
using FetchLayer = std::function<void(const Layer&)>;

/// Layers of the store's own as it can mount them, lowest first, and what their root directory is.
struct MountableLayers {
  std::vector<StoredLayer> layers{};
  InodeAttributes root{};
};
/// Makes layers (lowest first) mountable. Throws Error.
using PrepareLayers = std::function<MountableLayers(const std::vector<Layer>&)>;

class BuildStore {
 public:
  /// Makes the directories when missing and removes what dead builds and earlier boots left. Throws
  /// Error.
  explicit BuildStore(const ImageStore& images);
  ~BuildStore();
  BuildStore(const BuildStore&) = delete;
  BuildStore& operator=(const BuildStore&) = delete;

  const ImageStore& images() const { return images_; }
  /// This build's own directory (0700), removed at the end.
  const std::string& work() const { return work_; }
  /// A new empty directory in it.
  std::string make_work(std::string_view name);

  /// The remembered step with this key whose layer is still there, or one that is offered.
  std::optional<CachedStep> find(const std::string& key) const;
  /// Remembers it, and its layer's blob as one that is needed though no image has it.
  void remember(const std::string& key, const CachedStep& step) const;
  /// Takes the steps of another build's cache for known. Not while stages run.
  void offer(const std::vector<KnownStep>& steps, const FetchLayer& fetch);
  /// Fetches the blobs of these layers that are offered and not in the store yet. Throws Error.
  void fetch_offered(const std::vector<Layer>& layers);
  /// The inputs the step at this place had in its last build, and their replacement.
  std::optional<Inputs> last_inputs(const std::string& place) const;
  void remember_inputs(const std::string& place, const Inputs& inputs) const;

  /// Directories to mount as overlay's lower ones, topmost first, so that the layers (lowest first)
  /// are seen: kept upper directories and images as far down as there are any, below them the
  /// store's layers, mounted as long as this object lives, or one tree with the rest extracted. The
  /// calling thread must have entered private mounts.
  std::vector<std::string> lower_directories(const std::vector<Layer>& layers);
  /// Keeps an upper directory of the work directory as what that layer is when mounted.
  void keep_upper(const std::string& upper, const Layer& layer);
  /// The same with an image (LayerImage) in the work directory, where mounts_images().
  void keep_image(const std::string& image, const Layer& layer);
  /// Whether the kernel mounts images from their files.
  bool mounts_images();

  /// Where the cache mount of this id is; the id is hashed, whatever is in it (CVE-2024-9675).
  std::string cache_mount(std::string_view id) const;
  /// Where ContentDigests of a context are.
  std::string digest_file(std::string_view context) const;
  /// How layers that no build has made here become mountable; without it they are extracted.
  void prepare_with(PrepareLayers prepare) { prepare_ = std::move(prepare); }
  /// Removes all that is remembered and kept; returns the bytes of files freed.
  static std::uint64_t remove_all(const std::string& store_directory);
  /// Removes records of steps that cannot be read; returns their keys.
  static std::vector<std::string> remove_damaged(const std::string& store_directory);

 private:
  void remove_stale() const;
  bool has_blob(const Layer& layer) const;
  std::string extract_flat(const std::vector<Layer>& layers);
  std::vector<std::string> mount_layers(const std::vector<Layer>& layers);
  std::optional<std::string> mount_one(const StoredLayer& layer);
  std::optional<std::string> mount_kept(const Layer& layer);
  void add_root(std::vector<std::string>& lowers);
  const ImageStore& images_;
  std::string directory_;  // STORE/build
  std::string boot_;       // of this boot: nothing in it was synced to disk
  std::string work_;
  UniqueFd lock_;  // flock(2) on the work directory as long as its build lives
  std::atomic<int> made_ = 0;
  std::mutex mutex_;  // of what lower_directories() makes
  PrepareLayers prepare_{};
  std::optional<bool> mounts_images_{};
  std::map<std::string, std::string> mounted_{};  // path of an image → where it is mounted
  std::map<std::string, CachedStep> offered_{};   // by key
  std::map<std::string, FetchLayer> fetches_{};   // by digest
  std::mutex fetching_;
};

/// A chain of layers by one name, as image-spec's ChainID.
std::string chain_of(const std::vector<Layer>& layers);

}  // namespace build
