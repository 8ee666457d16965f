// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/chunk_ring.hpp"

#include <algorithm>

ChunkRing::ChunkRing(std::size_t buffers, std::size_t buffer_size, std::size_t consumers)
    : buffer_size_(buffer_size), buffers_(buffers), consumed_(consumers), holds_one_(consumers) {}

std::uint64_t ChunkRing::slowest() const {
  return *std::min_element(consumed_.begin(), consumed_.end());
}

std::span<std::byte> ChunkRing::free_buffer() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return cancelled_ || produced_ - slowest() < buffers_.size(); });
  if (cancelled_) return {};
  Buffer& buffer = buffers_[produced_ % buffers_.size()];
  // Not before it is needed: a small layer never touches most of them.
  if (!buffer.bytes) buffer.bytes = std::make_unique_for_overwrite<std::byte[]>(buffer_size_);
  return {buffer.bytes.get(), buffer_size_};
}

void ChunkRing::publish(std::size_t filled) {
  const std::lock_guard lock(mutex_);
  buffers_[produced_ % buffers_.size()].filled = filled;
  ++produced_;
  changed_.notify_all();
}

void ChunkRing::finish(std::exception_ptr failure) {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  failure_ = std::move(failure);
  changed_.notify_all();
}

void ChunkRing::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  changed_.notify_all();
}

std::span<const std::byte> ChunkRing::next(std::size_t consumer) {
  std::unique_lock lock(mutex_);
  if (holds_one_[consumer] != 0) {
    ++consumed_[consumer];
    holds_one_[consumer] = 0;
    changed_.notify_all();
  }
  changed_.wait(lock, [&] { return cancelled_ || finished_ || produced_ > consumed_[consumer]; });
  if (cancelled_) {
    // Another consumer may have got the failure first, and given up because of it.
    if (failure_) std::rethrow_exception(failure_);
    return {};
  }
  if (produced_ > consumed_[consumer]) {
    const Buffer& buffer = buffers_[consumed_[consumer] % buffers_.size()];
    holds_one_[consumer] = 1;
    return {buffer.bytes.get(), buffer.filled};
  }
  if (failure_) std::rethrow_exception(failure_);
  return {};
}
