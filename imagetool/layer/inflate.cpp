// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/inflate.hpp"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"

namespace {
constexpr std::size_t kInputSize = std::size_t{256} << 10;
constexpr int kWindowLog =
    27;  // 128 MiB: zstd's own default for decoders, more would be a memory bomb

enum class Format { kPlain, kGzip, kZstd };

bool starts_with(std::span<const std::byte> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

Format format_of(std::span<const std::byte> start) {
  using namespace std::string_view_literals;
  if (starts_with(start, "\x1f\x8b\x08"sv)) return Format::kGzip;
  if (starts_with(start, "\x28\xb5\x2f\xfd"sv)) return Format::kZstd;
  // RFC 8878 3.1.2: a skippable frame, 0x184D2A50 to 5F, may come first.
  if (start.size() >= 4 && (start[0] & std::byte{0xf0}) == std::byte{0x50} &&
      starts_with(start.subspan(1), "\x2a\x4d\x18"sv))
    return Format::kZstd;
  if (starts_with(start, "\xfd\x37zXZ\0"sv))
    throw Error("the layer is compressed with xz, which layers may not be");
  // A plain tar may begin with "BZh" too: a file of that name, so the block magic (pi) is looked at
  // as well.
  if (starts_with(start, "BZh"sv) && start.size() >= 10 &&
      starts_with(start.subspan(4), "1AY&SY"sv))
    throw Error("the layer is compressed with bzip2, which layers may not be");
  return Format::kPlain;
}

const char* gzip_fault(int result) {
  switch (result) {
    case ISAL_INCORRECT_CHECKSUM:
      return "its checksum does not match";
    case ISAL_INVALID_WRAPPER:
      return "its header is damaged";
    case ISAL_UNSUPPORTED_METHOD:
      return "its compression method is unknown";
    default:
      return "its data is damaged";
  }
}
}  // namespace

struct Inflate::Stream {
  explicit Stream(ByteSource from, InflateLimits limit)
      : source(std::move(from)), limits(limit), input(kInputSize) {}

  std::span<const std::byte> available() const { return {input.data() + begin, end - begin}; }
  bool refill();
  void start();
  std::size_t read_some(std::span<std::byte> out);
  std::size_t read_plain(std::span<std::byte> out);
  std::size_t read_gzip(std::span<std::byte> out);
  std::size_t read_zstd(std::span<std::byte> out);
  void skip_padding();
  void finish_member();
  void start_member();
  void read_header();
  void check_limits() const;

  ByteSource source;
  InflateLimits limits;
  std::vector<std::byte> input;
  std::size_t begin = 0, end = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  bool started = false, source_ended = false, ended = false;
  Format format = Format::kPlain;
  std::unique_ptr<inflate_state> gzip;
  isal_gzip_header header{};
  bool in_header = false;
  struct FreeZstd {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, FreeZstd> zstd;
  std::size_t zstd_wants = 0;  // 0 between two frames
};

// Reads once more from the source, behind what is there; false at its end.
bool Inflate::Stream::refill() {
  if (source_ended) return false;
  if (begin > 0) {
    std::memmove(input.data(), input.data() + begin, end - begin);
    end -= begin;
    begin = 0;
  }
  const std::size_t count = source(std::span(input).subspan(end));
  source_ended = count == 0;
  end += count;
  bytes_in += count;
  return count > 0;
}

void Inflate::Stream::start() {
  started = true;
  while (available().size() < 10 && refill()) {
  }
  format = format_of(available());
  if (format == Format::kGzip) {
    gzip = std::make_unique<inflate_state>();
    start_member();
  } else if (format == Format::kZstd) {
    zstd.reset(ZSTD_createDCtx());
    if (!zstd || ZSTD_isError(ZSTD_DCtx_setParameter(zstd.get(), ZSTD_d_windowLogMax, kWindowLog)))
      throw Error("no memory to decompress zstd");
  }
}

std::size_t Inflate::Stream::read_plain(std::span<std::byte> out) {
  if (begin == end) {
    // Past the look at the magic bytes nothing needs the input buffer: straight into the caller's.
    const std::size_t count = source_ended ? 0 : source(out);
    bytes_in += count;
    ended = count == 0;
    return count;
  }
  const std::size_t count = std::min(out.size(), end - begin);
  std::memcpy(out.data(), input.data() + begin, count);
  begin += count;
  return count;
}

// NUL padding after the last member occurs in the wild; anything else behind it is an error.
void Inflate::Stream::skip_padding() {
  do {
    while (begin < end && input[begin] == std::byte{0}) ++begin;
    if (begin < end) throw Error("the layer has other bytes after its gzip stream");
  } while (refill());
  ended = true;
}

// RFC 1952 2.2: members follow each other.
void Inflate::Stream::finish_member() {
  if (begin == end && !refill()) {
    ended = true;
    return;
  }
  if (input[begin] == std::byte{0}) return skip_padding();
  while (available().size() < 3 && refill()) {
  }
  if (format_of(available()) != Format::kGzip)
    throw Error("the layer has other bytes after its gzip stream");
  start_member();
}

// ISA-L 2.30 reads a header by itself (ISAL_GZIP) only when it lies in one piece: what it must
// remember from one call to the next is on its stack. So the header is read apart, and only the
// trailer left to isal_inflate.
void Inflate::Stream::start_member() {
  isal_inflate_init(gzip.get());
  isal_gzip_header_init(&header);
  in_header = true;
}

void Inflate::Stream::read_header() {
  gzip->next_in = reinterpret_cast<std::uint8_t*>(input.data() + begin);
  gzip->avail_in = static_cast<std::uint32_t>(end - begin);
  const int result = isal_read_gzip_header(gzip.get(), &header);
  begin = end - gzip->avail_in;
  if (result < 0)
    throw Error(sentence("the layer's gzip stream cannot be read: ", gzip_fault(result)));
  if (result == ISAL_DECOMP_OK) {
    in_header = false;
    gzip->crc_flag = ISAL_GZIP_NO_HDR_VER;
  } else if (source_ended && begin == end) {
    throw Error("the layer's gzip stream is cut off");
  }
}

std::size_t Inflate::Stream::read_gzip(std::span<std::byte> out) {
  if (begin == end) refill();
  if (in_header) {
    read_header();
    return 0;
  }
  gzip->next_in = reinterpret_cast<std::uint8_t*>(input.data() + begin);
  gzip->avail_in = static_cast<std::uint32_t>(end - begin);
  gzip->next_out = reinterpret_cast<std::uint8_t*>(out.data());
  gzip->avail_out = static_cast<std::uint32_t>(out.size());
  const int result = isal_inflate(gzip.get());
  begin = end - gzip->avail_in;
  if (result != ISAL_DECOMP_OK)
    throw Error(sentence("the layer's gzip stream cannot be read: ", gzip_fault(result)));
  const std::size_t made = out.size() - gzip->avail_out;
  if (gzip->block_state == ISAL_BLOCK_FINISH)
    finish_member();
  else if (made == 0 && source_ended && begin == end)
    throw Error("the layer's gzip stream is cut off");
  return made;
}

std::size_t Inflate::Stream::read_zstd(std::span<std::byte> out) {
  if (begin == end && !refill() && zstd_wants == 0) {
    ended = true;
    return 0;
  }
  ZSTD_inBuffer in{input.data(), end, begin};
  ZSTD_outBuffer made{out.data(), out.size(), 0};
  const std::size_t before = begin;
  zstd_wants = ZSTD_decompressStream(zstd.get(), &made, &in);
  begin = in.pos;
  if (ZSTD_isError(zstd_wants))
    throw Error(
        sentence("the layer's zstd stream cannot be read: ", ZSTD_getErrorName(zstd_wants)));
  if (made.pos == 0 && begin == before && source_ended && zstd_wants != 0)
    throw Error("the layer's zstd stream is cut off");
  return made.pos;
}

void Inflate::Stream::check_limits() const {
  if (bytes_out > limits.output)
    throw Error(sentence("the layer expands to more than the ", limits.output, " bytes allowed"));
  if (bytes_out > limits.ratio_from && bytes_out / limits.ratio > bytes_in)
    throw Error(sentence("the layer expands to more than ", limits.ratio,
                         " times its size: a decompression bomb"));
}

std::size_t Inflate::Stream::read_some(std::span<std::byte> out) {
  switch (format) {
    case Format::kGzip:
      return read_gzip(out);
    case Format::kZstd:
      return read_zstd(out);
    case Format::kPlain:
      break;
  }
  return read_plain(out);
}

Inflate::Inflate(ByteSource source, InflateLimits limits)
    : stream_(std::make_unique<Stream>(std::move(source), limits)) {}
Inflate::Inflate(Inflate&&) noexcept = default;
Inflate::~Inflate() = default;

std::size_t Inflate::read(std::span<std::byte> out) {
  Stream& stream = *stream_;
  if (!stream.started) stream.start();
  std::size_t filled = 0;
  while (filled < out.size() && !stream.ended) {
    const std::size_t count = stream.read_some(out.subspan(filled));
    filled += count;
    stream.bytes_out += count;
    stream.check_limits();
  }
  return filled;
}

std::uint64_t Inflate::compressed_bytes() const { return stream_->bytes_in; }
std::uint64_t Inflate::tar_bytes() const { return stream_->bytes_out; }
