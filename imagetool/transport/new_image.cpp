// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/new_image.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <ctime>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/layer/archive_stream.hpp"
#include "imagetool/layer/tar_reader.hpp"
#include "imagetool/oci/document_writer.hpp"
#include "imagetool/transport/store_transport.hpp"

namespace transport {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kBufferSize = std::size_t{512} << 10;

void write_bytes(const UniqueFd& file, std::span<const std::byte> bytes) {
  write_all(file.get(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
            "a temporary file");
}

oci::Descriptor blob_of(Compression compression, const Digest& digest, std::uint64_t size) {
  return {.media_type = std::string(compression.layer_type()),
          .digest = digest.str(),
          .size = static_cast<std::int64_t>(size)};
}

}  // namespace

NewLayer write_layer(const LayerWriterOptions& options,
                     const std::function<void(LayerWriter&)>& fill) {
  const auto file = std::make_shared<UniqueFd>(unnamed_file());
  LayerWriter writer([&](std::span<const std::byte> bytes) { write_bytes(*file, bytes); }, options);
  fill(writer);
  const WrittenLayer written = writer.finish();
  return {.blob = blob_of(options.compression, written.digest, written.size),
          .diff_id = written.diff_id.str(),
          .entries = written.entries,
          .file = file};
}

NewLayer pack_tar(const ByteSource& tar, Compression compression) {
  NewLayer layer{.blob = {}, .diff_id = {}, .file = std::make_shared<UniqueFd>(unnamed_file())};
  Hasher plain;
  Hasher packed;
  std::uint64_t size = 0;
  Compressor compressor(compression, [&](std::span<const std::byte> bytes) {
    packed.update(bytes);
    size += bytes.size();
    write_bytes(*layer.file, bytes);
  });
  std::vector<std::byte> buffer(kBufferSize);
  TarReader reader([&] {
    const std::span<const std::byte> some = std::span(buffer).first(tar(buffer));
    plain.update(some);
    compressor.write(some);
    return some;
  });
  for (TarEntry entry; reader.next(entry);) ++layer.entries;
  reader.drain();
  compressor.finish();
  layer.blob = blob_of(compression, packed.finish(), size);
  layer.diff_id = plain.finish().str();
  return layer;
}

std::string with_layer(const std::string& config, const oci::Platform& platform,
                       const std::string& diff_id, const HistoryLine& line) {
  Json json = config.empty() ? Json::object() : Json::parse(config, nullptr, false);
  if (!json.is_object()) throw Error("the image config is not a JSON object");
  json["created"] = line.created;
  if (config.empty()) {
    json["architecture"] = platform.architecture;
    if (!platform.variant.empty()) json["variant"] = platform.variant;
    json["os"] = platform.os;
    json["config"] = Json::object();
  }
  Json& rootfs = json["rootfs"];
  if (!rootfs.is_object()) rootfs = {{"type", "layers"}};
  if (!rootfs["diff_ids"].is_array()) rootfs["diff_ids"] = Json::array();
  if (!diff_id.empty()) rootfs["diff_ids"].push_back(diff_id);
  Json entry = {{"created", line.created}, {"created_by", line.created_by}};
  if (!line.comment.empty()) entry["comment"] = line.comment;
  if (!line.author.empty()) entry["author"] = json["author"] = line.author;
  if (diff_id.empty()) entry["empty_layer"] = true;
  if (!json["history"].is_array()) json["history"] = Json::array();
  json["history"].push_back(std::move(entry));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string store_image(const ImageStore& store, const std::string& name, const oci::Manifest& base,
                        const NewLayer* layer, const std::string& config) {
  const auto destination = store_destination(store, {name});
  std::vector<oci::Descriptor> layers = base.layers;
  for (oci::Descriptor& one : layers) one.media_type = oci::oci_layer_type(one.media_type);
  if (layer != nullptr) {
    put_blob(store.blobs(), layer->blob, [&] { return bytes_of({layer->blob, layer->file}); });
    layers.push_back(layer->blob);
  }
  const oci::Descriptor config_blob{.media_type = std::string(oci::kOciConfig),
                                    .digest = sha256_of(config).str(),
                                    .size = static_cast<std::int64_t>(config.size())};
  store.blobs().put(Digest::parse(config_blob.digest), config);
  const RawManifest manifest =
      raw_manifest(oci::write_manifest(config_blob, layers, base.annotations), "");
  destination->put_manifest(manifest, Role::kNamed);
  destination->finish();
  return manifest.digest;
}

std::string creation_time() {
  const std::time_t now = source_date_epoch().value_or(std::time(nullptr));
  std::tm parts{};
  std::array<char, 32> text{};
  ::gmtime_r(&now, &parts);
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

}  // namespace transport
