// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/compress.hpp"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "bundle-spec/error.hpp"

namespace {
constexpr std::size_t kOutputSize = std::size_t{256} << 10;
constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;  // ISA-L counts in 32 bits
constexpr int kZstdLevel = 3;

/// The work space each of ISA-L's levels asks for.
constexpr std::array<std::size_t, 4> kLevelBuffer{ISAL_DEF_LVL0_DEFAULT, ISAL_DEF_LVL1_DEFAULT,
                                                  ISAL_DEF_LVL2_DEFAULT, ISAL_DEF_LVL3_DEFAULT};

int read_level(std::string_view text, std::string_view digits, int least, int most) {
  int level = 0;
  const char* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, level);
  if (read.ec != std::errc() || read.ptr != end || level < least || level > most)
    throw UsageError(
        sentence("compression ", text, ": the level must be from ", least, " to ", most));
  return level;
}
}  // namespace

Compression Compression::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  const bool with_level = colon != std::string_view::npos;
  const std::string_view level = with_level ? text.substr(colon + 1) : std::string_view();
  if (kind == "gzip") return {Kind::kGzip, with_level ? read_level(text, level, 0, 3) : 1};
  if (kind == "zstd")
    return {Kind::kZstd, with_level ? read_level(text, level, 1, 19) : kZstdLevel};
  if (text == "none") return {Kind::kNone, 0};
  throw UsageError(sentence("compression ", text, ": must be gzip[:LEVEL], zstd[:LEVEL] or none"));
}

std::string_view Compression::layer_type() const {
  switch (kind) {
    case Kind::kGzip:
      return "application/vnd.oci.image.layer.v1.tar+gzip";
    case Kind::kZstd:
      return "application/vnd.oci.image.layer.v1.tar+zstd";
    case Kind::kNone:
      break;
  }
  return "application/vnd.oci.image.layer.v1.tar";
}

struct Compressor::Stream {
  Stream(Compression wanted, ByteSink sink) : how(wanted), out(std::move(sink)) {
    if (how.kind == Compression::Kind::kNone) return;
    buffer.resize(kOutputSize);
    if (how.kind == Compression::Kind::kGzip)
      start_gzip();
    else
      start_zstd();
  }
  void start_gzip();
  void start_zstd();
  void write_gzip(std::span<const std::byte> bytes, bool last);
  void write_zstd(std::span<const std::byte> bytes, ZSTD_EndDirective directive);

  Compression how;
  ByteSink out;
  std::vector<std::byte> buffer;
  std::vector<std::uint8_t> level_buffer;
  std::unique_ptr<isal_zstream> gzip;
  struct FreeZstd {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, FreeZstd> zstd;
};

void Compressor::Stream::start_gzip() {
  gzip = std::make_unique<isal_zstream>();
  isal_deflate_init(gzip.get());
  level_buffer.resize(kLevelBuffer.at(static_cast<std::size_t>(how.level)));
  gzip->level = static_cast<std::uint32_t>(how.level);
  gzip->level_buf = level_buffer.data();
  gzip->level_buf_size = static_cast<std::uint32_t>(level_buffer.size());
  gzip->gzip_flag = IGZIP_GZIP;
}

void Compressor::Stream::start_zstd() {
  zstd.reset(ZSTD_createCCtx());
  if (!zstd) throw Error("no memory to compress with zstd");
  ZSTD_CCtx_setParameter(zstd.get(), ZSTD_c_compressionLevel, how.level);
  ZSTD_CCtx_setParameter(zstd.get(), ZSTD_c_checksumFlag, 1);
}

void Compressor::Stream::write_gzip(std::span<const std::byte> bytes, bool last) {
  // ISA-L reads only, though its pointer is not const.
  gzip->next_in = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(bytes.data()));
  gzip->avail_in = static_cast<std::uint32_t>(bytes.size());
  gzip->end_of_stream = last ? 1 : 0;
  do {
    gzip->next_out = reinterpret_cast<std::uint8_t*>(buffer.data());
    gzip->avail_out = static_cast<std::uint32_t>(buffer.size());
    if (isal_deflate(gzip.get()) != COMP_OK) throw Error("compressing with gzip failed");
    const std::size_t made = buffer.size() - gzip->avail_out;
    if (made > 0) out(std::span(buffer).first(made));
  } while (gzip->avail_out == 0 || gzip->avail_in > 0 ||
           (last && gzip->internal_state.state != ZSTATE_END));
}

void Compressor::Stream::write_zstd(std::span<const std::byte> bytes, ZSTD_EndDirective directive) {
  ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
  for (;;) {
    ZSTD_outBuffer output{buffer.data(), buffer.size(), 0};
    const std::size_t left = ZSTD_compressStream2(zstd.get(), &output, &input, directive);
    if (ZSTD_isError(left) != 0)
      throw Error(sentence("compressing with zstd failed: ", ZSTD_getErrorName(left)));
    if (output.pos > 0) out(std::span(buffer).first(output.pos));
    if (directive == ZSTD_e_end ? left == 0 : input.pos == input.size) return;
  }
}

Compressor::Compressor(Compression how, ByteSink out)
    : stream_(std::make_unique<Stream>(how, std::move(out))) {}
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor::~Compressor() = default;

void Compressor::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::span<const std::byte> some = bytes.first(std::min(bytes.size(), kMostAtOnce));
    bytes = bytes.subspan(some.size());
    if (stream_->gzip)
      stream_->write_gzip(some, false);
    else if (stream_->zstd)
      stream_->write_zstd(some, ZSTD_e_continue);
    else
      stream_->out(some);
  }
}

void Compressor::finish() {
  if (stream_->gzip) stream_->write_gzip({}, true);
  if (stream_->zstd) stream_->write_zstd({}, ZSTD_e_end);
}
