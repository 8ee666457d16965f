// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/recompress.hpp"

#include <unistd.h>

#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/layer/archive_stream.hpp"
#include "imagetool/layer/inflate.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/transport/transport.hpp"

namespace transport {
namespace {

constexpr std::size_t kBufferSize = std::size_t{512} << 10;

Compression::Kind kind_of(std::string_view media_type) {
  if (media_type.ends_with("gzip")) return Compression::Kind::kGzip;
  if (media_type.ends_with("zstd")) return Compression::Kind::kZstd;
  return Compression::Kind::kNone;
}

std::string docker_type(Compression::Kind kind) {
  const std::string plain = "application/vnd.docker.image.rootfs.diff.tar";
  if (kind == Compression::Kind::kNone) return plain;
  return plain + (kind == Compression::Kind::kGzip ? ".gzip" : ".zstd");
}

}  // namespace

std::optional<Recompressed> recompress(const oci::Descriptor& layer, const ByteSource& source,
                                       const std::string& diff_id, const LayerForm& form,
                                       bool docker) {
  const Compression::Kind now = kind_of(layer.media_type);
  if (now == form.compression.kind || (form.only_plain && now != Compression::Kind::kNone))
    return std::nullopt;
  Recompressed result{.layer = layer, .file = std::make_shared<UniqueFd>(unnamed_file())};
  Hasher compressed;
  Hasher plain(Digest::parse(diff_id).algorithm);
  std::int64_t size = 0;
  Compressor compressor(form.compression, [&](std::span<const std::byte> bytes) {
    compressed.update(bytes);
    size += static_cast<std::int64_t>(bytes.size());
    write_all(result.file->get(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
              "a temporary file");
  });
  Inflate inflate(verified(source, layer));
  std::vector<std::byte> buffer(kBufferSize);
  while (const std::size_t count = inflate.read(buffer)) {
    plain.update(std::span(buffer).first(count));
    compressor.write(std::span(buffer).first(count));
  }
  compressor.finish();
  if (const std::string found = plain.finish().str(); found != diff_id)
    throw Error(sentence("layer ", layer.digest, ": its content has the digest ", found,
                         ", but the image config says ", diff_id));
  result.layer.media_type =
      docker ? docker_type(form.compression.kind) : std::string(form.compression.layer_type());
  result.layer.digest = compressed.finish().str();
  result.layer.size = size;
  return result;
}

ByteSource bytes_of(const Recompressed& layer) {
  check(::lseek(layer.file->get(), 0, SEEK_SET), "rewind a temporary file");
  return source_of_file(layer.file);
}

}  // namespace transport
