// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/layer_writer.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/chunk_ring.hpp"
#include "imagetool/layer/entry_path.hpp"
#include "imagetool/layer/tar_writer.hpp"
#include "imagetool/oci/printable.hpp"

namespace {
constexpr std::size_t kBuffers = 8;
constexpr std::size_t kBufferSize = std::size_t{512} << 10;
enum Consumer : std::size_t { kHash, kCompress, kRead };
}  // namespace

std::optional<std::int64_t> source_date_epoch() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing sets variables here
  const char* const text = std::getenv("SOURCE_DATE_EPOCH");
  if (text == nullptr || *text == '\0') return std::nullopt;
  std::int64_t seconds = 0;
  const char* const end = text + std::strlen(text);
  const auto read = std::from_chars(text, end, seconds);
  if (read.ec != std::errc() || read.ptr != end || seconds < 0)
    throw Error(sentence("SOURCE_DATE_EPOCH=", printable(text), " is not a number of seconds"));
  return seconds;
}

struct LayerWriter::State {
  State(ByteSink to, LayerWriterOptions wanted)
      : options(std::move(wanted)),
        ring(kBuffers, kBufferSize, options.consume ? 3 : 2),
        sink(std::move(to)),
        hashing([this] { hash(); }),
        compressing([this] { compress(); }) {
    if (options.consume) reading = std::thread([this] { read(); });
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    ring.cancel();
    join();
  }
  void join() {
    if (hashing.joinable()) hashing.join();
    if (compressing.joinable()) compressing.join();
    if (reading.joinable()) reading.join();
  }
  void hash() noexcept;
  void compress() noexcept;
  void read() noexcept;
  void take_buffer();
  void publish();
  void put(std::string_view text) { put(std::as_bytes(std::span(text))); }
  void put(std::span<const std::byte> bytes);
  void read_from(int fd, std::uint64_t size);
  void end_body();
  [[noreturn]] void rethrow();

  LayerWriterOptions options;
  ChunkRing ring;
  ByteSink sink;
  std::exception_ptr failure, read_failure;  // of a thread; read after join()
  std::optional<Digest> diff_id, digest;
  std::uint64_t size = 0, tar_bytes = 0, entries = 0;
  std::uint64_t body_left = 0;  // of the entry that was added last
  std::size_t body_padding = 0;
  std::string header;
  std::span<std::byte> buffer;  // of the ring, being filled
  std::size_t filled = 0;
  std::thread hashing, compressing, reading;  // last: they use all the others
};

void LayerWriter::State::hash() noexcept {
  try {
    Hasher hasher;
    for (;;) {
      const std::span<const std::byte> chunk = ring.next(kHash);
      if (chunk.empty()) break;
      hasher.update(chunk);
    }
    diff_id = hasher.finish();
  } catch (...) {
    ring.cancel();
  }
}

void LayerWriter::State::compress() noexcept {
  try {
    Hasher hasher;
    Compressor compressor(options.compression, [&](std::span<const std::byte> bytes) {
      hasher.update(bytes);
      size += bytes.size();
      sink(bytes);
    });
    for (;;) {
      const std::span<const std::byte> chunk = ring.next(kCompress);
      if (chunk.empty()) break;
      compressor.write(chunk);
    }
    compressor.finish();
    digest = hasher.finish();
  } catch (...) {
    failure = std::current_exception();
    ring.cancel();
  }
}

void LayerWriter::State::read() noexcept {
  try {
    TarReader reader([this] { return ring.next(kRead); });
    options.consume(reader);
    reader.drain();
  } catch (...) {
    read_failure = std::current_exception();
    ring.cancel();
  }
}

void LayerWriter::State::rethrow() {
  join();
  if (failure) std::rethrow_exception(failure);
  if (read_failure) std::rethrow_exception(read_failure);
  throw Error("the layer could not be written");
}

void LayerWriter::State::take_buffer() {
  buffer = ring.free_buffer();
  if (buffer.empty()) rethrow();
  filled = 0;
}

void LayerWriter::State::publish() {
  if (filled > 0) ring.publish(filled);
  buffer = {};
  filled = 0;
}

void LayerWriter::State::put(std::span<const std::byte> bytes) {
  tar_bytes += bytes.size();
  while (!bytes.empty()) {
    if (buffer.empty()) take_buffer();
    const std::size_t count = std::min(bytes.size(), buffer.size() - filled);
    std::memcpy(buffer.data() + filled, bytes.data(), count);
    filled += count;
    bytes = bytes.subspan(count);
    if (filled == buffer.size()) publish();
  }
}

// Straight into the ring's memory.
void LayerWriter::State::read_from(int fd, std::uint64_t bytes) {
  tar_bytes += bytes;
  while (bytes > 0) {
    if (buffer.empty()) take_buffer();
    const std::size_t most =
        static_cast<std::size_t>(std::min<std::uint64_t>(bytes, buffer.size() - filled));
    const ssize_t count = ::read(fd, buffer.data() + filled, most);
    if (count < 0 && errno == EINTR) continue;
    check(count, "read the file");
    if (count == 0) throw Error("it became shorter while it was read");
    filled += static_cast<std::size_t>(count);
    bytes -= static_cast<std::uint64_t>(count);
    if (filled == buffer.size()) publish();
  }
}

void LayerWriter::State::end_body() {
  if (body_left > 0) throw Error("the entry before has less data than its size");
  header.assign(std::exchange(body_padding, 0), '\0');
  put(header);
}

LayerWriter::LayerWriter(ByteSink sink, LayerWriterOptions options)
    : state_(std::make_unique<State>(std::move(sink), std::move(options))) {}
LayerWriter::LayerWriter(LayerWriter&&) noexcept = default;
LayerWriter::~LayerWriter() = default;

void LayerWriter::add(const TarEntry& entry) {
  state_->end_body();
  state_->header.clear();
  std::timespec time = entry.mtime;
  const LayerWriterOptions& options = state_->options;
  if (options.latest_time && time.tv_sec >= *options.latest_time)
    time = {.tv_sec = *options.latest_time, .tv_nsec = 0};
  if (!options.nanoseconds) time.tv_nsec = 0;
  if (time.tv_sec == entry.mtime.tv_sec && time.tv_nsec == entry.mtime.tv_nsec) {
    tar::append_header(entry, state_->header);
  } else {
    TarEntry changed = entry;
    changed.mtime = time;
    tar::append_header(changed, state_->header);
  }
  state_->put(state_->header);
  ++state_->entries;
  if (entry.kind != TarEntry::Kind::kFile) return;
  state_->body_left = entry.size;
  state_->body_padding = tar::padding(entry.size);
}

void LayerWriter::write(std::span<const std::byte> bytes) {
  if (bytes.size() > state_->body_left) throw Error("the entry has more data than its size");
  state_->body_left -= bytes.size();
  state_->put(bytes);
}

void LayerWriter::add_file(const TarEntry& entry, int fd) {
  add(entry);
  state_->read_from(fd, std::exchange(state_->body_left, 0));
}

void LayerWriter::add_whiteout(const std::string& path) {
  const SplitPath split = split_path(path);
  add({.name = sentence(split.directory, split.directory.empty() ? "" : "/", ".wh.", split.base),
       .mode = 0600});
}

void LayerWriter::add_opaque(const std::string& path) {
  add({.name = sentence(path, path.empty() ? "" : "/", ".wh..wh..opq"), .mode = 0600});
}

WrittenLayer LayerWriter::finish() {
  state_->end_body();
  state_->put(std::string(tar::kEndSize, '\0'));
  state_->publish();
  state_->ring.finish();
  state_->join();
  if (!state_->digest || !state_->diff_id || state_->read_failure) state_->rethrow();
  return {std::move(*state_->digest), std::move(*state_->diff_id), state_->size, state_->tar_bytes,
          state_->entries};
}
