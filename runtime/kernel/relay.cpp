// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/relay.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/terminal.hpp"

namespace kernel {
namespace {

constexpr std::size_t kWholeBuffer = SIZE_MAX;

/// stdout opened anew with O_NONBLOCK: the flag on the inherited one would hit the shell and its
/// pipe as well. Only pipes and terminals: a file's position is not ours to lose, and a socket
/// cannot be opened.
UniqueFd own_stdout() {
  struct stat status{};
  if (::fstat(STDOUT_FILENO, &status) < 0 ||
      (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode)))
    return {};
  return UniqueFd(::open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

UniqueFd non_blocking(UniqueFd master) {
  const int flags = check(::fcntl(master.get(), F_GETFL), "get the flags of the terminal");
  check(::fcntl(master.get(), F_SETFL, flags | O_NONBLOCK), "set the flags of the terminal");
  return master;
}

bool is_temporary(int number) { return number == EINTR || number == EAGAIN; }

}  // namespace

RawMode::RawMode() {
  termios now{};
  if (::tcgetattr(STDIN_FILENO, &now) < 0) return;
  saved_ = now;
  apply();
}

void RawMode::apply() const {
  // In the background the terminal is the shell's; SIGCONT tells when that changes.
  if (!saved_ || ::tcgetpgrp(STDIN_FILENO) != ::getpgrp()) return;
  termios raw = *saved_;
  ::cfmakeraw(&raw);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

RawMode::~RawMode() {
  if (saved_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &*saved_);
}

void Direction::watch(std::vector<pollfd>& set) {
  from_index_ = to_index_ = 0;
  if (size_ > 0) {
    to_index_ = set.size();
    set.push_back({.fd = to_, .events = POLLOUT, .revents = 0});
  } else if (!ended()) {
    from_index_ = set.size();
    set.push_back({.fd = from_, .events = POLLIN, .revents = 0});
  }
}

void Direction::serve(const std::vector<pollfd>& set) {
  if (to_index_ != 0 && set[to_index_].revents != 0) flush();
  if (from_index_ != 0 && set[from_index_].revents != 0) fill();
}

void Direction::fill() {
  const ssize_t got = ::read(from_, buffer_.data(), buffer_.size());
  if (got < 0 && is_temporary(errno)) return;
  // EIO: the last user of the other end is gone (master), or we are in the background (the user's
  // terminal).
  if (got <= 0) {
    from_ = -1;
    return;
  }
  start_ = 0;
  size_ = static_cast<std::size_t>(got);
  last_ = buffer_[size_ - 1];
  flush();
}

void Direction::flush() {
  const ssize_t put = ::write(to_, buffer_.data() + start_, std::min(size_, most_));
  if (put < 0 && is_temporary(errno)) return;
  if (put < 0) {  // nobody reads any more: what comes is read on and dropped, so that the program
                  // does not block
    size_ = 0;
    return;
  }
  start_ += static_cast<std::size_t>(put);
  size_ -= static_cast<std::size_t>(put);
}

void Direction::insert(const char* bytes, std::size_t size) {
  std::memcpy(buffer_.data(), bytes, size);
  start_ = 0;
  size_ = size;
}

Relay::Relay(UniqueFd master)
    : master_(non_blocking(std::move(master))),
      out_(own_stdout()),
      input_(STDIN_FILENO, master_.get(), kWholeBuffer),
      output_(master_.get(), out_ ? out_.get() : STDOUT_FILENO,
              out_ ? kWholeBuffer : std::size_t{PIPE_BUF}) {}

void Relay::watch(std::vector<pollfd>& set) {
  if (!output_.ended()) input_.watch(set);  // else nobody is left to type to
  output_.watch(set);
}

void Relay::serve(const std::vector<pollfd>& set) {
  if (!output_.ended()) input_.serve(set);
  output_.serve(set);
  if (input_.drained() && !output_.ended()) send_end_of_file();
}

/// The end of a stdin that is no terminal, as the program in the container can see it: the
/// terminal's end-of-file character. In the middle of a line the first one only ends the line
/// (termios(3)). A shell that edits lines switches the mode before it reads, and what came before
/// is no end of file any more: so it is sent once in every mode.
void Relay::send_end_of_file() {
  termios there{};
  if (::tcgetattr(master_.get(), &there) < 0) return;
  const tcflag_t mode = there.c_lflag & ICANON;
  if (end_sent_in_ == mode) return;
  end_sent_in_ = mode;
  const char mark = static_cast<char>(there.c_cc[VEOF]);
  const char twice[] = {mark, mark};
  input_.insert(twice, mode == 0 || input_.last_byte() == '\n' ? 1 : 2);
}

void Relay::resize() const { copy_window_size(master_.get()); }

}  // namespace kernel
