// SPDX-License-Identifier: Apache-2.0
// Layers ready to be mounted, in the directory layers/ of the store: an EROFS image per layer, and
// a plain directory beside it where images cannot be mounted (no EROFS, or not root). Made from
// the blobs, and made again from them when one is missing. A layer is named by its diffID; one that
// would be another above other layers, by its chainID. toyimg.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/store/erofs_reader.hpp"

/// How this host mounts layers that lie in `directory`.
enum class LayerForm { kImages, kDirectories };
struct LayerSupport {
  LayerForm form = LayerForm::kImages;
  std::string why;  // "EROFS images, mounted from the file"
  bool from_file = false;
};
/// Asks the kernel, by mounting an empty image where nobody sees it.
LayerSupport layer_support(const std::string& directory);

/// chainIDs (image-spec, config "Layer ChainID") of an image's layers, lowest first.
std::vector<Digest> chain_ids(const std::vector<std::string>& diff_ids);

/// The name of a layer in the store.
struct LayerName {
  Digest diff_id, chain_id;
  std::string variant{};  // "-no-setuid" and the like: what was left out of it
};

struct StoredLayer {
  std::string image;      // path of the EROFS image
  std::string directory;  // path of the plain directory; empty where images are mounted
  /// What a bundle uses.
  const std::string& path() const { return directory.empty() ? image : directory; }
};

/// A layer that is being written: gone with this object, or with the process, unless published.
class LayerDraft {
 public:
  LayerDraft(UniqueFd file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  LayerDraft(LayerDraft&& other) noexcept;
  LayerDraft& operator=(LayerDraft&&) = delete;
  ~LayerDraft();
  /// The empty file for the image; borrowed.
  int file() const { return file_.get(); }

 private:
  friend class LayerStore;
  UniqueFd file_;  // locked as long as its writer lives
  std::string path_;
};

class LayerStore {
 public:
  /// `store` is the store's directory, which is there. Removes what dead writers left.
  static LayerStore open(const std::string& store);
  /// For who only lists and removes: the kernel is not asked, for that writes, and the disk may be
  /// full.
  static LayerStore open_to_remove(const std::string& store);

  LayerForm form() const { return form_; }
  const std::string& directory() const { return directory_; }
  /// The layer, if it is there in the form that this host mounts.
  std::optional<StoredLayer> find(const LayerName& name) const;
  LayerDraft begin() const;
  /// Puts a finished image on disk, and in place for all to see; makes the directory of it where
  /// that is needed. `depends_on_lower` as LayerImage says. Throws Error.
  StoredLayer publish(LayerDraft draft, const LayerName& name, bool depends_on_lower) const;
  /// Makes the layer's directory once more from its image, and puts it in place where the one that
  /// is there differs; true when it did not. Throws Error.
  bool remake_directory(const StoredLayer& layer) const;
  /// Returns when names of published layers are on disk.
  void sync() const;

  /// Notes that the bundle `directory` needs these layers, until it is gone.
  void lease(const std::string& directory, const std::vector<StoredLayer>& layers) const;
  /// The same for a bundle that may have been moved since: of the paths, its layers, those that are
  /// symlinks into this store count. True when that was not noted yet.
  bool lease_again(const std::string& directory, const std::vector<std::string>& paths) const;
  /// Keys that bundles need; notes of bundles that are gone are removed.
  std::set<std::string> leased() const;

  struct Entry {
    std::string key;  // without its ending
    std::uint64_t bytes = 0;
  };
  /// Everything that is there.
  std::vector<Entry> list() const;
  /// Keys that a layer may have.
  static std::vector<std::string> keys(const LayerName& name);
  /// A key without the variant.
  static std::string plain_key(const std::string& key);
  /// Removes a layer in all its forms; missing is fine. Returns the bytes freed.
  std::uint64_t remove(const std::string& key) const;

 private:
  LayerStore(const std::string& store, LayerForm form)
      : directory_(store + "/layers"), leases_(store + "/bundles"), form_(form) {}
  std::string image_path(const std::string& key) const;
  std::string tree_path(const std::string& key) const;
  bool note(const std::string& directory, const std::vector<std::string>& keys) const;
  void remove_stale_drafts() const;
  std::string make_directory(const std::string& key) const;
  using PutInPlace = std::function<void(const std::string& draft)>;
  void make_tree(const std::string& image, const PutInPlace& put) const;
  std::string directory_;  // layers/ of the store
  std::string leases_;     // bundles/ of the store
  LayerForm form_;
};
