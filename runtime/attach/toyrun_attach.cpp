// SPDX-License-Identifier: Apache-2.0
// toyrun-attach [--terminal] [--stdin] [--pid PID] BUNDLE [COMMAND [ARGUMENT...]]: the caller's
// stdin, stdout and stderr become those of a container that conmon monitors. Once the connection
// stands, COMMAND is run (`toyrun start ID`), so that not a byte is lost. The parent's signals go
// to PID; without one those that end a program end this one. With --terminal the caller's terminal
// is in raw mode and Ctrl-P Ctrl-Q detaches (status 3). When nobody reads the output any more the
// status is 141, as of a program that SIGPIPE ended. Host side.
//
// toyrun-attach --wait PID [SECONDS]: returns when the process has ended, and with 1 when it has
// not in that time.
//
// toyrun-attach --write: reads FILE\0TEXT\0FILE\0TEXT\0... and writes each text into its file,
// which is there and bound into a container. One that cannot be opened at once is left as it is:
// its container holds a lease on it (fcntl(2), F_SETLEASE), and would hold up all others.
//
// conmon's side, as podman uses it: BUNDLE/attach is a SOCK_SEQPACKET socket, each packet of the
// container begins with 2 (stdout) or 3 (stderr); BUNDLE/winsz is a fifo that takes "ROWS
// COLUMNS\n".
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/kernel/foreground.hpp"
#include "runtime/kernel/pidfd.hpp"
#include "runtime/kernel/relay.hpp"
#include "runtime/kernel/syscalls.hpp"

extern char** environ;  // NOLINT(readability-redundant-declaration): unistd.h has it for GNU only

namespace {

constexpr int kDetached = 3, kFailed = 125, kUnread = 128 + SIGPIPE;
constexpr std::size_t kPacket = 8192;  // conmon's STDIO_BUF_SIZE, and one byte for the stream
constexpr char kStdoutMark = 2, kStderrMark = 3;
constexpr char kControlP = 16, kControlQ = 17;

struct Order {
  bool terminal = false, input = false;
  pid_t pid = 0;
  int command_stderr = STDERR_FILENO;
  std::string bundle;
  std::vector<char*> command;  // ends with a null pointer when there is one
};

int read_number(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Order read_order(int count, char** words) {
  Order order;
  int index = 1;
  for (; index < count && std::string_view(words[index]).starts_with("--"); ++index) {
    const std::string_view word = words[index];
    if (word == "--terminal") {
      order.terminal = true;
    } else if (word == "--stdin") {
      order.input = true;
    } else if (word == "--pid" && index + 1 < count) {
      order.pid = read_number(words[++index]);
    } else if (word == "--command-stderr" && index + 1 < count) {
      order.command_stderr = read_number(words[++index]);
    } else {
      throw UsageError(sentence("unknown option ", word));
    }
  }
  if (index >= count) throw UsageError("which bundle?");
  order.bundle = words[index++];
  if (index < count) order.command.assign(words + index, words + count + 1);
  return order;
}

/// The name goes through a descriptor of the directory: sun_path is short.
UniqueFd connect_to(int directory) {
  const std::string name = sentence("/proc/self/fd/", directory, "/attach");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path, sizeof address.sun_path - 1);
  UniqueFd socket(check(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "socket"));
  check(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
        "connect to the container's monitor");
  return socket;
}

/// False when nobody reads it.
bool write_all(int target, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(target, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) {
      pollfd writable{.fd = target, .events = POLLOUT, .revents = 0};
      ::poll(&writable, 1, -1);
      continue;
    }
    if (put < 0) return errno != EPIPE;  // a full disk: the container's log has it, too
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

class Attachment {
 public:
  explicit Attachment(const Order& order)
      : order_(order),
        directory_(check(::open(order.bundle.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), "open ",
                         order.bundle)),
        socket_(connect_to(directory_.get())) {
    if (order.pid > 0) process_ = UniqueFd(kernel::pidfd_open(order.pid, 0));
    if (order.terminal) raw_.emplace();
    resize();
  }

  /// COMMAND's exit status.
  int begin() {
    if (order_.command.empty()) return 0;
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_t descriptors;
    ::posix_spawn_file_actions_init(&descriptors);
    ::posix_spawn_file_actions_adddup2(&descriptors, order_.command_stderr, STDERR_FILENO);
    pid_t child = 0;
    const int failed = ::posix_spawnp(&child, order_.command[0], &descriptors, &attributes,
                                      order_.command.data(), environ);
    if (failed != 0) throw Error(sentence("run ", order_.command[0]), failed);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : kFailed;
  }

  int relay() {
    bool reading = order_.input;
    while (true) {
      std::array<pollfd, 3> set{
          {{.fd = socket_.get(), .events = POLLIN, .revents = 0},
           {.fd = signals_.fd(), .events = POLLIN, .revents = 0},
           {.fd = reading ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}}};
      if (::poll(set.data(), set.size(), -1) < 0) {
        if (errno == EINTR) continue;
        throw Error("poll", errno);
      }
      if (set[1].revents != 0) take_signals();
      if (set[0].revents != 0) {
        if (const Output output = pass_output(); output != Output::kMore)
          return output == Output::kEnd ? 0 : kUnread;
      }
      if (set[2].revents == 0) continue;
      const Input input = pass_input();
      if (input == Input::kDetach) return kDetached;
      if (input == Input::kEnd) reading = false;
    }
  }

 private:
  enum class Input { kMore, kEnd, kDetach };
  enum class Output { kMore, kEnd, kNoReader };

  Output pass_output() {
    const ssize_t got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return Output::kMore;
    if (got <= 0) return Output::kEnd;
    const std::string_view packet(buffer_.data(), static_cast<std::size_t>(got));
    bool read = true;
    if (packet[0] == kStdoutMark) read = write_all(STDOUT_FILENO, packet.substr(1));
    if (packet[0] == kStderrMark) read = write_all(STDERR_FILENO, packet.substr(1));
    return read ? Output::kMore : Output::kNoReader;
  }

  Input pass_input() {
    const ssize_t got = ::read(STDIN_FILENO, buffer_.data(), kPacket);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return Input::kMore;
    if (got <= 0) {
      ::shutdown(socket_.get(), SHUT_WR);
      return Input::kEnd;
    }
    std::string bytes;
    for (const char byte : std::string_view(buffer_.data(), static_cast<std::size_t>(got))) {
      if (order_.terminal && held_ && byte == kControlQ) return Input::kDetach;
      if (held_) bytes += kControlP;
      held_ = order_.terminal && byte == kControlP;
      if (!held_) bytes += byte;
    }
    if (!bytes.empty() && ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0)
      return Input::kEnd;
    return Input::kMore;
  }

  void take_signals() {
    std::array<signalfd_siginfo, 16> got{};
    const ssize_t size = ::read(signals_.fd(), got.data(), sizeof got);
    for (std::size_t index = 0; size > 0 && index < static_cast<std::size_t>(size) / sizeof got[0];
         ++index) {
      const int signal = static_cast<int>(got[index].ssi_signo);
      if (signal == SIGCHLD || signal == SIGPIPE || signal == SIGURG) continue;
      if (signal == SIGCONT && raw_) raw_->apply();
      if (signal == SIGWINCH && order_.terminal) resize();
      // A signal for a whole group (a terminal's key, a unit that is stopped) reaches the parent,
      // too, which sends it on: once is enough.
      if (got[index].ssi_pid == static_cast<std::uint32_t>(::getppid())) take_signal(signal);
    }
  }

  void take_signal(int signal) {
    if (process_) {
      kernel::send_signal(process_.get(), signal);
    } else if (order_.pid == 0) {
      raw_.reset();
      kernel::SignalForwarder::restore_in_child();
      ::raise(signal);
    }
  }

  /// conmon reads the fifo as long as it lives; without it there is nobody to tell.
  void resize() const {
    winsize size{};
    if (!order_.terminal || ::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0) return;
    const UniqueFd fifo(
        ::openat(directory_.get(), "winsz", O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    if (fifo) write_all(fifo.get(), sentence(size.ws_row, ' ', size.ws_col, '\n'));
  }

  const Order& order_;
  kernel::SignalForwarder signals_;
  UniqueFd directory_, socket_, process_;
  std::optional<kernel::RawMode> raw_;
  bool held_ = false;  // a Ctrl-P whose successor is not known yet
  std::array<char, kPacket + 1> buffer_{};
};

/// conmon is nobody's child, so a shell cannot wait for it.
int wait_for_process(pid_t pid, std::chrono::milliseconds patience) {
  const UniqueFd process(kernel::pidfd_open(pid, 0));
  return !process || kernel::wait_for_exit(process.get(), patience) ? 0 : 1;
}

std::string read_standard_input() {
  std::string text;
  std::array<char, kPacket> buffer{};
  while (true) {
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (check(got, "read standard input") == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

/// O_NONBLOCK: EWOULDBLOCK instead of waiting until a lease is broken (fs.lease-break-time, 45 s).
int write_files() {
  const std::string orders = read_standard_input();
  std::string_view rest = orders;
  const auto next = [&rest] {
    const std::size_t end = rest.find('\0');
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return word;
  };
  while (!rest.empty()) {
    const std::string file(next());
    const std::string_view text = next();
    const UniqueFd target(
        ::open(file.c_str(), O_WRONLY | O_TRUNC | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    if (target) write_all(target.get(), text);
  }
  return 0;
}

}  // namespace

int main(int count, char** words) {
  try {
    if (count > 2 && std::string_view(words[1]) == "--wait")
      return wait_for_process(
          read_number(words[2]),
          std::chrono::milliseconds(count > 3 ? 1000 * read_number(words[3]) : -1));
    if (count == 2 && std::string_view(words[1]) == "--write") return write_files();
    const Order order = read_order(count, words);
    Attachment attachment(order);
    if (const int failed = attachment.begin(); failed != 0) return kFailed;
    return attachment.relay();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "toyrun-attach: %s\n", error.what());
    return kFailed;
  }
}
