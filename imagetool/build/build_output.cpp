// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/build_output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/build/copy_files.hpp"
#include "imagetool/build/image_document.hpp"
#include "imagetool/build/tree_mount.hpp"
#include "imagetool/layer/file_tree.hpp"
#include "imagetool/layer/tree_layer.hpp"

namespace build {
namespace {

oci::Descriptor put(const BlobStore& blobs, std::string_view type, const std::string& text) {
  return {.media_type = std::string(type),
          .digest = blobs.put(text).str(),
          .size = static_cast<std::int64_t>(text.size())};
}

ByteSink into_file(int file, const std::string& path) {
  return [file, path](std::span<const std::byte> bytes) {
    write_all(file, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
  };
}

/// The files of some layers, mounted as long as the value lives.
std::unique_ptr<TreeMount> mount_layers(BuildStore& store, const std::vector<Layer>& layers) {
  std::vector<std::string> lowers = store.lower_directories(layers);
  if (lowers.empty()) lowers.push_back(store.make_work("empty"));
  return std::make_unique<TreeMount>(store.make_work("result"), lowers);
}

}  // namespace

StoredBuild store_build(const ImageStore& store, const BuiltImage& image,
                        const oci::Annotations& annotations) {
  const std::string base = image.base_config.empty()
                               ? std::string()
                               : store.blobs().read_all(Digest::parse(image.base_config));
  StoredBuild stored{
      .config = put(store.blobs(), oci::kOciConfig, write_image_config(image.config, base))};
  oci::Manifest manifest{.media_type = std::string(oci::kOciManifest),
                         .config = stored.config,
                         .annotations = annotations};
  for (const Layer& layer : image.layers) {
    manifest.layers.push_back(layer.descriptor);
    manifest.layers.back().media_type = oci::oci_layer_type(layer.descriptor.media_type);
  }
  stored.manifest = put(store.blobs(), oci::kOciManifest, write_manifest(manifest));
  stored.manifest.platform = image.config.platform();
  return stored;
}

Layer store_layer(BuildStore& store, const Options& options,
                  const std::function<void(LayerWriter&)>& fill,
                  std::function<void(TarReader&)> consume) {
  const std::string path = store.make_work("layer") + "/blob";
  const UniqueFd file = open_at(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0600);
  LayerWriter writer(into_file(file.get(), path), {.compression = options.compression,
                                                   .latest_time = options.epoch,
                                                   .consume = std::move(consume)});
  fill(writer);
  const WrittenLayer written = writer.finish();
  const BlobStore& blobs = store.images().blobs();
  if (auto blob = blobs.begin(written.digest, written.size, options.stop)) {
    check(::lseek(file.get(), 0, SEEK_SET), "seek in ", path);
    std::array<std::byte, std::size_t{256} << 10> buffer{};
    while (const ssize_t count =
               check(::read(file.get(), buffer.data(), buffer.size()), "read ", path))
      blob->write(std::span(buffer).first(static_cast<std::size_t>(count)));
    blob->commit();
  }
  check(::unlink(path.c_str()), "remove ", path);
  return {.descriptor = {.media_type = std::string(options.compression.layer_type()),
                         .digest = written.digest.str(),
                         .size = static_cast<std::int64_t>(written.size)},
          .diff_id = written.diff_id.str()};
}

void write_directory(BuildStore& store, const BuiltImage& image, const std::string& directory) {
  make_directories(directory, 0755);
  const std::unique_ptr<TreeMount> tree = mount_layers(store, image.layers);
  const IgnoreRules nothing;
  const SourceTree source{
      .root = tree->root(), .ignored = nothing, .name = "the image", .local = false};
  const CopyAction all{.sources = {"."}};
  copy_matches(source, find_sources(source, all), RootedDir::open(directory), "/", false, {});
}

void write_tar(BuildStore& store, const BuiltImage& image, const ByteSink& sink,
               std::optional<std::int64_t> epoch) {
  const std::unique_ptr<TreeMount> tree = mount_layers(store, image.layers);
  LayerWriter writer(sink,
                     {.compression = {.kind = Compression::Kind::kNone}, .latest_time = epoch});
  add_tree(writer, tree->root(), {.layer = false});
  static_cast<void>(writer.finish());
}

void squash(BuildStore& store, BuiltImage& image, const Options& options) {
  if (image.layers.size() <= image.base_layers + 1) return;
  const std::vector<Layer> base(
      image.layers.begin(), image.layers.begin() + static_cast<std::ptrdiff_t>(image.base_layers));
  const std::unique_ptr<TreeMount> before = mount_layers(store, base);
  const std::unique_ptr<TreeMount> after = mount_layers(store, image.layers);
  const FileTree known = FileTree::read(before->root());
  Layer layer = store_layer(
      store, options, [&](LayerWriter& writer) { add_changes(writer, known, after->root()); });
  // As Docker's --squash writes it: the steps stay in the history, one entry has the layer.
  std::size_t kept = 0;
  for (oci::HistoryEntry& entry : image.config.history)
    if (!entry.empty_layer && ++kept > image.base_layers) entry.empty_layer = true;
  image.config.history.push_back(
      {.created = image.config.created,
       .comment = sentence("squash of ", image.layers.size() - base.size(), " layers")});
  image.layers = base;
  image.layers.push_back(std::move(layer));
  image.config.diff_ids.clear();
  for (const Layer& one : image.layers) image.config.diff_ids.push_back(one.diff_id);
}

}  // namespace build
