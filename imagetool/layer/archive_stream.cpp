// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/archive_stream.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <lzma.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/layer/inflate.hpp"

namespace {
constexpr std::size_t kLookAhead = 512;
constexpr std::size_t kInputSize = std::size_t{256} << 10;
constexpr std::uint64_t kXzMemory = std::uint64_t{256} << 20;  // xz -9 needs 65 MiB

bool starts_with(std::span<const std::byte> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

/// liblzma itself: libarchive lets an archive's header say how much memory it gets.
class Xz {
 public:
  Xz() {
    if (::lzma_stream_decoder(&stream_, kXzMemory, LZMA_CONCATENATED) != LZMA_OK)
      throw Error("no memory to decompress");
  }
  Xz(const Xz&) = delete;
  Xz& operator=(const Xz&) = delete;
  ~Xz() { ::lzma_end(&stream_); }

  /// Less than `out` only at the end.
  std::size_t read(std::span<std::byte> out, const ByteSource& source) {
    stream_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream_.avail_out = out.size();
    while (stream_.avail_out > 0 && !at_end_) {
      if (stream_.avail_in == 0) {
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(input_.data());
        stream_.avail_in = source(input_);
      }
      const lzma_ret result = ::lzma_code(&stream_, stream_.avail_in == 0 ? LZMA_FINISH : LZMA_RUN);
      at_end_ = result == LZMA_STREAM_END;
      if (result == LZMA_MEMLIMIT_ERROR)
        throw Error(sentence("needs more than ", kXzMemory >> 20U, " MiB to be decompressed"),
                    ENOMEM);
      if (result != LZMA_OK && !at_end_) throw Error("cannot be decompressed: it is damaged");
    }
    return out.size() - stream_.avail_out;
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
  std::vector<std::byte> input_ = std::vector<std::byte>(kInputSize);
  bool at_end_ = false;
};

enum class Format { kPlain, kInflate, kXz, kBzip2 };

// A tar may begin with "BZh" too, as a file's name: the block's magic (pi) is looked at as well.
Format format_of(std::span<const std::byte> start) {
  using namespace std::string_view_literals;
  if (starts_with(start, "\xfd\x37zXZ\0"sv)) return Format::kXz;
  if (starts_with(start, "BZh"sv) && start.size() >= 10 &&
      starts_with(start.subspan(4), "1AY&SY"sv))
    return Format::kBzip2;
  const bool zstd = starts_with(start, "\x28\xb5\x2f\xfd"sv) ||
                    (start.size() >= 4 && (start[0] & std::byte{0xf0}) == std::byte{0x50} &&
                     starts_with(start.subspan(1), "\x2a\x4d\x18"sv));
  if (zstd || starts_with(start, "\x1f\x8b\x08"sv)) return Format::kInflate;
  return Format::kPlain;
}
}  // namespace

struct ArchiveStream::State {
  explicit State(ByteSource from) : source(std::move(from)), input(kInputSize) {
    start.resize(kLookAhead);
    std::size_t filled = 0;
    while (filled < start.size()) {
      const std::size_t count = source(std::span(start).subspan(filled));
      if (count == 0) break;
      filled += count;
    }
    start.resize(filled);
    format = format_of(start);
    if (format == Format::kInflate)
      inflate = std::make_unique<Inflate>([this](std::span<std::byte> out) { return take(out); });
    if (format == Format::kXz) xz = std::make_unique<Xz>();
    if (format == Format::kBzip2) open_filter();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::size_t take(std::span<std::byte> out) {
    const std::size_t left = std::min(out.size(), start.size() - given);
    if (left == 0) {
      const std::size_t count = source(out);
      bytes_in += count;
      return count;
    }
    std::memcpy(out.data(), start.data() + given, left);
    given += left;
    bytes_in += left;
    return left;
  }
  void open_filter();
  std::size_t read_filter(std::span<std::byte> out);
  std::size_t read_limited(std::span<std::byte> out);
  [[noreturn]] void refuse() const;
  static la_ssize_t give(archive* reader, void* state, const void** bytes);

  ByteSource source;
  std::vector<std::byte> input, start;
  std::size_t given = 0;  // of `start`
  std::uint64_t bytes_in = 0, bytes_out = 0;
  Format format = Format::kPlain;
  std::unique_ptr<Inflate> inflate;
  std::unique_ptr<Xz> xz;
  struct Free {
    void operator()(archive* reader) const { ::archive_read_free(reader); }
  };
  std::unique_ptr<archive, Free> filter;
  std::exception_ptr failure;  // of the source, carried past libarchive
};

la_ssize_t ArchiveStream::State::give(archive* reader, void* state, const void** bytes) {
  auto* const self = static_cast<State*>(state);
  try {
    *bytes = self->input.data();
    return static_cast<la_ssize_t>(self->take(self->input));
  } catch (...) {
    self->failure = std::current_exception();
    ::archive_set_error(reader, EIO, "the source failed");
    return -1;
  }
}

void ArchiveStream::State::refuse() const {
  if (failure) std::rethrow_exception(failure);
  const char* const text = ::archive_error_string(filter.get());
  throw Error(sentence("cannot be decompressed: ", text != nullptr ? text : "it is damaged"));
}

// Only the filter and the format "raw" are switched on: what comes out is one entry, the tar. The
// filter is a library here; where libarchive would start a program for it it says so by a warning.
void ArchiveStream::State::open_filter() {
  filter.reset(::archive_read_new());
  if (!filter) throw Error("no memory to decompress");
  if (::archive_read_support_filter_bzip2(filter.get()) != ARCHIVE_OK)
    throw Error("this libarchive cannot decompress it by itself");
  ::archive_read_support_format_raw(filter.get());
  archive_entry* entry = nullptr;
  if (::archive_read_open(filter.get(), this, nullptr, &State::give, nullptr) != ARCHIVE_OK ||
      ::archive_read_next_header(filter.get(), &entry) != ARCHIVE_OK)
    refuse();
}

std::size_t ArchiveStream::State::read_filter(std::span<std::byte> out) {
  const la_ssize_t count = ::archive_read_data(filter.get(), out.data(), out.size());
  if (count < 0) refuse();
  return static_cast<std::size_t>(count);
}

std::size_t ArchiveStream::State::read_limited(std::span<std::byte> out) {
  const std::size_t count =
      xz ? xz->read(out, [this](std::span<std::byte> in) { return take(in); }) : read_filter(out);
  bytes_out += count;
  const InflateLimits limits;
  if (bytes_out > limits.ratio_from && bytes_out / limits.ratio > bytes_in)
    throw Error(sentence("expands to more than ", limits.ratio, " times its size"));
  return count;
}

ArchiveStream::ArchiveStream(ByteSource source)
    : state_(std::make_unique<State>(std::move(source))) {}
ArchiveStream::ArchiveStream(ArchiveStream&&) noexcept = default;
ArchiveStream::~ArchiveStream() = default;

bool ArchiveStream::is_compressed() const { return state_->format != Format::kPlain; }

std::size_t ArchiveStream::read(std::span<std::byte> buffer) {
  if (state_->inflate) return state_->inflate->read(buffer);
  if (state_->xz || state_->filter) return state_->read_limited(buffer);
  return state_->take(buffer);
}

ByteSource source_of_file(std::shared_ptr<UniqueFd> file) {
  return [file = std::move(file)](std::span<std::byte> buffer) {
    ssize_t count = 0;
    do {
      count = ::read(file->get(), buffer.data(), buffer.size());
    } while (count < 0 && errno == EINTR);
    return static_cast<std::size_t>(check(count, "read"));
  };
}

UniqueFd unnamed_file() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing sets variables here
  const char* const chosen = std::getenv("TMPDIR");
  const std::string directory = chosen != nullptr && *chosen != '\0' ? chosen : "/var/tmp";
  const int file = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) return UniqueFd(file);
  if (errno != EOPNOTSUPP && errno != EISDIR) check(-1, "make a temporary file in ", directory);
  // A file system without O_TMPFILE. O_EXCL: nobody else's file, no symlink.
  for (int attempt = 0;; ++attempt) {
    const std::string name = sentence(directory, "/.toyimg-", ::getpid(), '-', attempt);
    UniqueFd named(::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!named && errno == EEXIST && attempt < 1000) continue;
    check(named.get(), "make a temporary file in ", directory);
    ::unlink(name.c_str());
    return named;
  }
}
