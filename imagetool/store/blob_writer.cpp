// SPDX-License-Identifier: Apache-2.0
#include "imagetool/store/blob_writer.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace {
/// What the writer and its readers share.
struct Progress {
  UniqueFd file;
  std::string name;
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t written = 0;
  enum class Phase { kGrowing, kComplete, kGivenUp } phase = Phase::kGrowing;

  void advance(std::uint64_t by) {
    const std::lock_guard lock(mutex);
    written += by;
    changed.notify_all();
  }
  void end(Phase how) {
    const std::lock_guard lock(mutex);
    phase = how;
    changed.notify_all();
  }
};

/// Bytes that can be read at `offset` now, after waiting for at least one; 0 when the blob is
/// complete.
std::uint64_t wait_for_bytes(Progress& progress, std::uint64_t offset) {
  std::unique_lock lock(progress.mutex);
  progress.changed.wait(lock, [&] {
    return progress.written > offset || progress.phase != Progress::Phase::kGrowing;
  });
  if (progress.phase == Progress::Phase::kGivenUp)
    throw Error(sentence("blob ", progress.name, ": it did not arrive as a whole"));
  return progress.written - offset;
}

std::size_t read_growing(Progress& progress, std::uint64_t& offset, std::span<std::byte> buffer) {
  const std::uint64_t ready = wait_for_bytes(progress, offset);
  const std::size_t most = static_cast<std::size_t>(std::min<std::uint64_t>(ready, buffer.size()));
  if (most == 0) return 0;
  ssize_t count = 0;
  do {
    count = ::pread(progress.file.get(), buffer.data(), most, static_cast<off_t>(offset));
  } while (count < 0 && errno == EINTR);
  check(count, "read blob ", progress.name);
  if (count == 0)
    throw Error(sentence("blob ", progress.name, ": its file was cut off by someone"));
  offset += static_cast<std::uint64_t>(count);
  return static_cast<std::size_t>(count);
}
}  // namespace

struct BlobWriter::State {
  State(UniqueFd part, std::string part_name, std::string final_name, const Digest& wanted,
        std::uint64_t wanted_size, Resume how)
      : part_path(std::move(part_name)),
        final_path(std::move(final_name)),
        digest(wanted),
        size(wanted_size),
        resume(how),
        hash(wanted.algorithm) {
    progress->file = std::move(part);
    progress->name = wanted.str();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { give_up(); }
  void drop();
  void give_up();
  void take_what_is_there();
  void check_content();

  std::shared_ptr<Progress> progress = std::make_shared<Progress>();
  std::string part_path, final_path;
  Digest digest;
  std::uint64_t size;
  Resume resume;
  Hasher hash;
  bool open = true;
};

// The name goes before the lock does: whoever waits for the lock sees that the file is not the one
// of that name.
void BlobWriter::State::drop() {
  if (!std::exchange(open, false)) return;
  ::unlink(part_path.c_str());
  ::flock(progress->file.get(), LOCK_UN);
  progress->end(Progress::Phase::kGivenUp);
}

// What was written stays for the next writer, who finds it under its name as soon as the lock is
// free.
void BlobWriter::State::give_up() {
  if (resume == Resume::kNo || progress->written < kLeastPart) return drop();
  if (!std::exchange(open, false)) return;
  ::flock(progress->file.get(), LOCK_UN);
  progress->end(Progress::Phase::kGivenUp);
}

// The state of the hash is not kept: computing it again costs less than a second per gigabyte. A
// part that is wrong (power was lost) shows in the digest of the whole.
void BlobWriter::State::take_what_is_there() {
  const int file = progress->file.get();
  const off_t there = check(::lseek(file, 0, SEEK_END), "seek in ", part_path);
  const bool is_usable = resume == Resume::kYes && static_cast<std::uint64_t>(there) <= size;
  if (!is_usable && there > 0) check(::ftruncate(file, 0), "empty ", part_path);
  check(::lseek(file, 0, SEEK_SET), "rewind ", part_path);
  if (!is_usable || there == 0) return;
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  while (progress->written < static_cast<std::uint64_t>(there)) {
    const ssize_t count = ::read(file, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (check(count, "read ", part_path) == 0) break;
    hash.update(std::span(buffer).first(static_cast<std::size_t>(count)));
    progress->written += static_cast<std::uint64_t>(count);
  }
}

void BlobWriter::State::check_content() {
  if (progress->written != size)
    throw Error(sentence("blob ", progress->name, " is cut off: ", progress->written, " of ", size,
                         " bytes arrived"));
  const std::string arrived = hash.finish().str();
  if (arrived != progress->name)
    throw Error(
        sentence("blob ", progress->name, " is not what was asked for: what arrived is ", arrived));
}

BlobWriter::BlobWriter(UniqueFd part, std::string part_path, std::string final_path,
                       const Digest& digest, std::uint64_t size, Resume resume)
    : state_(std::make_unique<State>(std::move(part), std::move(part_path), std::move(final_path),
                                     digest, size, resume)) {
  state_->take_what_is_there();
}
BlobWriter::BlobWriter(BlobWriter&&) noexcept = default;
BlobWriter& BlobWriter::operator=(BlobWriter&&) noexcept = default;
BlobWriter::~BlobWriter() = default;

void BlobWriter::write(std::span<const std::byte> bytes) {
  Progress& progress = *state_->progress;
  if (bytes.size() > state_->size - progress.written)
    throw Error(
        sentence("blob ", progress.name, " is longer than the ", state_->size, " bytes announced"));
  try {
    write_all(progress.file.get(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
              state_->part_path);
  } catch (...) {
    state_->drop();  // what a full disk needs least
    throw;
  }
  progress.advance(bytes.size());  // readers go on while this is hashed
  state_->hash.update(bytes);
}

void BlobWriter::restart() {
  Progress& progress = *state_->progress;
  check(::ftruncate(progress.file.get(), 0), "empty blob ", progress.name);
  check(::lseek(progress.file.get(), 0, SEEK_SET), "rewind blob ", progress.name);
  const std::lock_guard lock(progress.mutex);
  progress.written = 0;
  state_->hash = Hasher(state_->digest.algorithm);
}

void BlobWriter::commit() {
  State& state = *state_;
  try {
    state.check_content();
    // Begins writing it to the disk, so that whoever has to wait for that waits less
    // (BlobStore::sync).
    static_cast<void>(::sync_file_range(state.progress->file.get(), 0, 0, SYNC_FILE_RANGE_WRITE));
    check(::rename(state.part_path.c_str(), state.final_path.c_str()), "publish blob ",
          state.progress->name);
  } catch (...) {
    state.drop();
    throw;
  }
  state.open = false;
  ::flock(state.progress->file.get(), LOCK_UN);  // readers may keep the file open for long
  state.progress->end(Progress::Phase::kComplete);
}

std::uint64_t BlobWriter::written() const { return state_->progress->written; }

ByteSource BlobWriter::reader() const {
  return [progress = state_->progress,
          offset = std::uint64_t{0}](std::span<std::byte> buffer) mutable {
    return read_growing(*progress, offset, buffer);
  };
}
