// SPDX-License-Identifier: Apache-2.0
// A bounded ring of buffers between one producing thread and several consuming ones, each of which
// sees every chunk. No copies; memory is fixed; whoever gives up wakes all the others.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

class ChunkRing {
 public:
  ChunkRing(std::size_t buffers, std::size_t buffer_size, std::size_t consumers);

  /// Producer: the next buffer to fill, once no consumer needs it any more; empty when someone gave
  /// up.
  std::span<std::byte> free_buffer();
  /// Producer: hands the first `filled` bytes (at least one) of that buffer to the consumers.
  void publish(std::size_t filled);
  /// Producer: that was all; with a failure, consumers get it thrown after the last chunk.
  void finish(std::exception_ptr failure = nullptr);

  /// Consumer: gives its last chunk back and waits for the next one; empty at the end or when
  /// someone gave up. Throws the producer's failure, also when someone gave up because of it.
  std::span<const std::byte> next(std::size_t consumer);
  /// Anyone: ends it for all.
  void cancel();

 private:
  struct Buffer {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t filled = 0;
  };
  std::uint64_t slowest() const;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t buffer_size_;
  std::vector<Buffer> buffers_;
  std::uint64_t produced_ = 0;           // chunks published
  std::vector<std::uint64_t> consumed_;  // chunks given back, per consumer
  std::vector<char> holds_one_;          // per consumer
  std::exception_ptr failure_;
  bool finished_ = false;
  bool cancelled_ = false;
};
