// SPDX-License-Identifier: Apache-2.0
// Copies bytes between the caller's stdin and stdout and a terminal's master, driven by poll(2).
// Host side; kernel/foreground owns the loop.
#pragma once

#include <poll.h>
#include <termios.h>

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"

namespace kernel {

/// The user's terminal in raw mode while this lives; nothing when stdin is no terminal.
class RawMode {
 public:
  RawMode();
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;
  ~RawMode();
  /// Again, after a shell has changed it while we were stopped.
  void apply() const;

 private:
  std::optional<termios> saved_;
};

/// One direction: a buffer between two descriptors (borrowed).
class Direction {
 public:
  /// `most` bounds one write: what poll(2) says POLLOUT for fits without blocking.
  Direction(int from, int to, std::size_t most) : from_(from), to_(to), most_(most) {}

  /// Adds what it waits for to the set.
  void watch(std::vector<pollfd>& set);
  /// Acts on the answers of the same set.
  void serve(const std::vector<pollfd>& set);
  /// Nothing will come from `from` any more.
  bool ended() const { return from_ < 0; }
  bool drained() const { return ended() && size_ == 0; }
  /// Puts a few bytes of our own behind what is in the buffer (which must be empty).
  void insert(const char* bytes, std::size_t size);
  /// The last byte that went through, '\n' before the first.
  char last_byte() const { return last_; }

 private:
  void fill();
  void flush();

  int from_, to_;
  std::size_t most_;
  std::size_t from_index_ = 0, to_index_ = 0;  // in the set of the last watch(); 0: not in it
  std::array<char, std::size_t{16} << 10> buffer_{};
  std::size_t start_ = 0, size_ = 0;
  char last_ = '\n';
};

/// Both directions, and the size when it changes.
class Relay {
 public:
  explicit Relay(UniqueFd master);

  void watch(std::vector<pollfd>& set);
  void serve(const std::vector<pollfd>& set);
  /// All output has been written.
  bool ended() const { return output_.drained(); }
  /// Gives the user's window size to the container's terminal.
  void resize() const;
  void continued() const { raw_.apply(); }

 private:
  void send_end_of_file();

  UniqueFd master_;
  UniqueFd out_;  // an own open file description of stdout where that is possible: non-blocking
                  // only for us
  RawMode raw_;
  Direction input_, output_;
  std::optional<tcflag_t> end_sent_in_;  // ICANON or 0: the mode in which the end was sent
};

}  // namespace kernel
