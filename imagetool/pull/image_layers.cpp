// SPDX-License-Identifier: Apache-2.0
#include "imagetool/pull/image_layers.hpp"

#include <fcntl.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/pull/extract.hpp"
#include "imagetool/pull/pull.hpp"
#include "imagetool/store/layer_image.hpp"

namespace {

constexpr std::size_t kMostSpread = 2;  // each has buffers of 6 MiB

std::shared_ptr<const ErofsReader> open_image(const std::string& path) {
  return std::make_shared<const ErofsReader>(open_at(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW), path);
}

/// The workers take the layers in order, lowest first: whoever waits for the layers below waits for
/// somebody who works.
class Making {
 public:
  Making(const LayerStore& store, const StoredImage& image, const std::stop_token& stop,
         Progress& progress, const ImageLayers::OpenLayer& open_layer, ApplyLayerOptions options)
      : store_(store),
        image_(image),
        stop_(stop),
        progress_(progress),
        open_layer_(open_layer),
        options_(std::move(options)),
        names_(layer_names(image.config, options_.layer)),
        made_(names_.size()) {}

  std::vector<StoredLayer> run() {
    std::size_t missing = 0;
    for (std::size_t index = 0; index < names_.size(); ++index) {
      made_[index] = store_.find(names_[index]);
      if (made_[index]) progress_.set_phase(index, LayerPhase::kDone);
      missing += made_[index] ? 0 : 1;
    }
    const std::size_t cores = std::max(2U, std::thread::hardware_concurrency());
    const std::size_t workers = std::min(missing, cores);
    left_ = missing;
    spread_ = std::min(missing % cores, kMostSpread);
    {
      std::vector<std::jthread> threads;
      for (std::size_t count = 1; count < workers; ++count) threads.emplace_back([&] { work(); });
      work();
    }
    publishing_.clear();
    if (failure_) std::rethrow_exception(failure_);
    if (missing > 0) store_.sync();
    std::vector<StoredLayer> layers;
    for (std::optional<StoredLayer>& layer : made_) layers.push_back(std::move(*layer));
    return layers;
  }

 private:
  void work() {
    for (;;) {
      std::size_t index = 0;
      ApplyLayerOptions options = options_;
      {
        const std::scoped_lock lock(mutex_);
        while (next_ < made_.size() && made_[next_]) ++next_;
        if (next_ == made_.size() || failure_) return;
        index = next_++;
        options.threads = left_-- <= spread_ ? ApplyLayerOptions::Threads::kThree
                                             : ApplyLayerOptions::Threads::kOne;
      }
      try {
        make(index, std::move(options));
      } catch (...) {
        fail(std::current_exception());
      }
    }
  }

  void fail(std::exception_ptr failure) {
    const std::scoped_lock lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
    changed_.notify_all();
  }

  void publish(std::size_t index, LayerDraft draft, bool depends_on_lower) try {
    StoredLayer layer = store_.publish(std::move(draft), names_[index], depends_on_lower);
    progress_.set_phase(index, LayerPhase::kDone);
    const std::scoped_lock lock(mutex_);
    made_[index] = std::move(layer);
    changed_.notify_all();
  } catch (Error& error) {
    name_layer(error, index);
    fail(std::current_exception());
  } catch (...) {
    fail(std::current_exception());
  }

  void name_layer(Error& error, std::size_t index) const {
    error.add_context("layer ", index + 1, " (", image_.manifest.layers[index].digest, ")");
  }

  /// An image is only waited for, until the disk has it, and a worker has better things to do; a
  /// directory is work.
  void publish_later(std::size_t index, LayerDraft draft, bool depends_on_lower) {
    if (store_.form() == LayerForm::kDirectories)
      return publish(index, std::move(draft), depends_on_lower);
    const std::scoped_lock lock(mutex_);
    publishing_.emplace_back([this, index, draft = std::move(draft), depends_on_lower]() mutable {
      publish(index, std::move(draft), depends_on_lower);
    });
  }

  void make(std::size_t index, ApplyLayerOptions options) try {
    const std::string& diff_id = image_.config.diff_ids[index];
    options.hash = Digest::parse(diff_id).algorithm;
    ByteSource compressed = open_layer_(index);
    progress_.set_phase(index, LayerPhase::kExtracting);
    LayerDraft draft = store_.begin();
    std::unique_ptr<LowerLayers> lower;
    LayerImage::Below below;
    if (index > 0)
      below = [&]() -> const LowerLayers& {
        if (!lower) lower = std::make_unique<LowerLayers>(wait_for_below(index));
        return *lower;
      };
    LayerImage image(draft.file(), options.layer, below);
    LayerImage::Result made;
    const LayerResult read = read_layer(
        std::move(compressed), options, [&](TarReader& reader) { made = image.write(reader); },
        [&](std::uint64_t bytes) {
          if (stop_.stop_requested() || has_failed()) throw Error("stopped");
          progress_.set_bytes(index, LayerPhase::kExtracting, bytes);
        });
    check_diff_id(read.diff_id, diff_id);
    note_counts(progress_, index, made.counts);
    publish_later(index, std::move(draft), made.depends_on_lower);
  } catch (Error& error) {
    name_layer(error, index);
    throw;
  }

  bool has_failed() {
    const std::scoped_lock lock(mutex_);
    return failure_ != nullptr;
  }

  LowerLayers wait_for_below(std::size_t index) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      return failure_ != nullptr ||
             std::all_of(made_.begin(), made_.begin() + static_cast<std::ptrdiff_t>(index),
                         [](const auto& layer) { return layer.has_value(); });
    });
    if (failure_) throw Error("stopped");
    std::vector<std::shared_ptr<const ErofsReader>> images;
    for (std::size_t below = 0; below < index; ++below)
      images.push_back(open_image(made_[below]->image));
    return LowerLayers(std::move(images));
  }

  const LayerStore& store_;
  const StoredImage& image_;
  const std::stop_token& stop_;
  Progress& progress_;
  const ImageLayers::OpenLayer& open_layer_;
  ApplyLayerOptions options_;
  std::vector<LayerName> names_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::optional<StoredLayer>> made_;
  std::size_t next_ = 0;
  std::size_t left_ = 0;    // not yet taken by a worker
  std::size_t spread_ = 0;  // so many of the last ones have cores to spare: threads of their own
  std::exception_ptr failure_;
  std::vector<std::jthread> publishing_;
};

}  // namespace

std::vector<LayerName> layer_names(const oci::ImageConfig& config, const LayerOptions& options) {
  const std::string variant =
      sentence(options.set_id ? "" : "-no-setuid", options.devices ? "" : "-no-devices");
  const std::vector<Digest> chain = chain_ids(config.diff_ids);
  std::vector<LayerName> names;
  for (std::size_t index = 0; index < chain.size(); ++index)
    names.push_back({Digest::parse(config.diff_ids[index]), chain[index], variant});
  return names;
}

LowerLayers merged_layers(const std::vector<StoredLayer>& layers) {
  std::vector<std::shared_ptr<const ErofsReader>> images;
  for (const StoredLayer& layer : layers) images.push_back(open_image(layer.image));
  return LowerLayers(std::move(images));
}

void ImageLayers::make(const OpenLayer& open_layer, const ApplyLayerOptions& options) {
  layers_ = Making(store_, image_, stop_, progress_, open_layer, options).run();
}

LowerLayers ImageLayers::merged() const { return merged_layers(layers_); }
