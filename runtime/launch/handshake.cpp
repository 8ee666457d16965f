// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/handshake.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"

namespace launch {
namespace {

struct Header {
  Message message;
  std::int32_t number;
};

constexpr std::size_t kSmallText = 1024;
constexpr std::size_t kMostDescriptors = 64;
using Rights = std::array<char, CMSG_SPACE(kMostDescriptors * sizeof(int))>;
constexpr std::size_t kLargestText =
    128 * 1024;  // the output of a failed hook is part of the sentence

/// False when that is not allowed (a seccomp filter).
bool send_large(int socket, Header header, std::string_view text) {
  std::array<iovec, 2> parts{
      iovec{&header, sizeof header},
      iovec{const_cast<char*>(text.data()), std::min(text.size(), kLargestText)}};
  msghdr packet{};
  packet.msg_iov = parts.data();
  packet.msg_iovlen = parts.size();
  ssize_t sent;
  do {
    sent = ::sendmsg(socket, &packet, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

// Not on the stack: its pages would be touched whether they are needed or not.
std::array<char, kLargestText> received_text;

}  // namespace

struct Handshake::Packet {
  Header header{};
  std::string text;
  bool end = false;
  UniqueFd descriptor;
};

Handshake::Pair Handshake::make_pair() {
  std::array<int, 2> ends{};
  check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
  Pair pair;
  pair.parent.socket_.reset(ends[0]);
  pair.child.socket_.reset(ends[1]);
  pair.child.is_init_ = true;
  return pair;
}

void Handshake::write_packet(Message message, int number, std::string_view text) const {
  const Header header{message, number};
  if (text.size() > kSmallText && send_large(socket_.get(), header, text)) return;
  // One plain write(2): once seccomp is on nothing else may be allowed. What is too long for it is
  // cut.
  std::array<char, sizeof header + kSmallText> packet;
  std::memcpy(packet.data(), &header, sizeof header);
  const std::size_t length = text.copy(packet.data() + sizeof header, kSmallText);
  ssize_t written;
  do {
    written = ::write(socket_.get(), packet.data(), sizeof header + length);
  } while (written < 0 && errno == EINTR);
  check(written, "the other half of the launch is gone");
}

void Handshake::send(Message message) const { write_packet(message, 0, {}); }
void Handshake::send_ready(int listener) const { write_packet(Message::kReady, listener, {}); }
void Handshake::send_pid(int pid) const { write_packet(Message::kPid, pid, {}); }

void Handshake::send_failed(int number, std::string_view sentence) const noexcept {
  try {
    write_packet(Message::kFailed, number, logging::shortened(sentence));
  } catch (...) {
    // The parent is gone: there is nobody left to tell.
  }
}

void Handshake::send_log(std::uint32_t level, std::string_view sentence) const {
  write_packet(Message::kLog, static_cast<int>(level), logging::shortened(sentence));
}

void Handshake::send_master(int master) const {
  if (!send_descriptors(Message::kMaster, {&master, 1}))
    throw Error("send the terminal to the parent", errno);
}

void Handshake::send_listener(int listener) const {
  if (!send_descriptors(Message::kListener, {&listener, 1}))
    throw Error("send the seccomp listener to the parent", errno);
}

void Handshake::send_cgroups(std::span<const int> descriptors) const {
  if (!send_descriptors(Message::kCgroups, descriptors) && errno != EPIPE && errno != ECONNRESET)
    throw Error("send the cgroups to the container's first process", errno);
}

bool Handshake::send_descriptors(Message kind, std::span<const int> descriptors) const {
  if (descriptors.size() > kMostDescriptors) {
    errno = E2BIG;
    return false;
  }
  Header header{kind, 0};
  iovec part{&header, sizeof header};
  alignas(cmsghdr) Rights control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
  return ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL) >= 0;
}

std::vector<UniqueFd> Handshake::expect_cgroups() const {
  Header header{};
  iovec part{&header, sizeof header};
  alignas(cmsghdr) Rights control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got;
  do {
    got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < static_cast<ssize_t>(sizeof header)) ::_exit(1);  // the parent is gone
  if ((message.msg_flags & MSG_CTRUNC) != 0)
    throw Error("receive the container's cgroups from the parent", EMFILE);
  const cmsghdr* rights = CMSG_FIRSTHDR(&message);
  if (header.message != Message::kCgroups || rights == nullptr || rights->cmsg_type != SCM_RIGHTS)
    throw Error("the two halves of the launch are out of step");
  std::vector<UniqueFd> descriptors;
  for (std::size_t at = 0; CMSG_LEN(at) < rights->cmsg_len; at += sizeof(int)) {
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(rights) + at, sizeof descriptor);
    descriptors.emplace_back(descriptor);
  }
  return descriptors;
}

Handshake::Packet Handshake::receive() {
  if (!is_init_) return receive_as_host();
  Packet packet;
  ssize_t got;
  do {
    got = ::read(socket_.get(), &packet.header, sizeof packet.header);
  } while (got < 0 && errno == EINTR);
  packet.end = got < static_cast<ssize_t>(sizeof packet.header);
  return packet;
}

Handshake::Packet Handshake::receive_as_host() {
  Packet packet;
  std::array<iovec, 2> parts{iovec{&packet.header, sizeof packet.header},
                             iovec{received_text.data(), received_text.size()}};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got;
  do {
    got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    // ECONNRESET is told once: init went without having read all. What it said is still there.
  } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
  check(got, "read from the container's first process");
  packet.end = got < static_cast<ssize_t>(sizeof packet.header);
  if (!packet.end)
    packet.text.assign(received_text.data(), static_cast<std::size_t>(got) - sizeof packet.header);
  const cmsghdr* rights = CMSG_FIRSTHDR(&message);
  if (rights != nullptr && rights->cmsg_type == SCM_RIGHTS) {
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(rights), sizeof descriptor);
    packet.descriptor.reset(descriptor);
  }
  return packet;
}

/// The sentence ends in the errno's words, which Error adds by itself.
void Handshake::throw_failure(const Packet& packet) {
  const int number = packet.header.number;
  std::string_view sentence = packet.text;
  const char* words = number == 0 ? nullptr : ::strerrordesc_np(number);
  if (words == nullptr || !sentence.ends_with(words)) throw Error(packet.text);
  sentence.remove_suffix(std::string_view(words).size());
  if (sentence.ends_with(": ")) sentence.remove_suffix(2);
  throw Error(std::string(sentence), number);
}

Handshake::Packet Handshake::receive_until(Message message) {
  if (early_ && early_->message == message) {
    Packet packet;
    packet.header = {early_->message, early_->number};
    early_.reset();
    return packet;
  }
  for (;;) {
    if (go_between_ >= 0 && !wait_for_packet(go_between_)) throw SilentEnd();
    Packet packet = receive();
    if (packet.end && is_init_) ::_exit(1);
    if (packet.end) throw SilentEnd();
    if (packet.header.message == message) return packet;
    switch (packet.header.message) {
      case Message::kFailed:
        throw_failure(packet);
      case Message::kLog:
        if (static_cast<logging::Level>(packet.header.number) == logging::Level::kDebug)
          logging::debug(packet.text);
        else
          logging::warning(packet.text);
        break;
      case Message::kMaster:
        master_ = std::move(packet.descriptor);
        break;
      case Message::kListener:
        listener_ = std::move(packet.descriptor);
        break;
      case Message::kRootfsReady:
      case Message::kReady:
        if (message == Message::kPid && !early_) {
          early_ = {packet.header.message, packet.header.number};
          break;
        }
        [[fallthrough]];
      default:
        throw Error("the two halves of the launch are out of step");
    }
  }
}

void Handshake::expect(Message message) { receive_until(message); }

void Handshake::end_without_parent() const {
  char byte = 0;
  if (::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) ::_exit(1);
}

Handshake::Ready Handshake::expect_ready() {
  return Ready{.listener = receive_until(Message::kReady).header.number};
}

int Handshake::expect_pid(int go_between) {
  go_between_ = go_between;
  const int pid = receive_until(Message::kPid).header.number;
  go_between_ = -1;
  return pid;
}

bool Handshake::wait_for_packet(int pidfd) const {
  std::array<pollfd, 2> waiting{pollfd{.fd = socket_.get(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = pidfd, .events = POLLIN, .revents = 0}};
  int ready;
  do {
    ready = ::poll(waiting.data(), waiting.size(), -1);
  } while (ready < 0 && errno == EINTR);
  check(ready, "poll of the container's first process");
  return waiting[0].revents != 0;
}

void Handshake::expect_exec() {
  for (;;) {
    const Packet packet = receive();
    if (packet.end) return;
    if (packet.header.message == Message::kFailed) throw_failure(packet);
  }
}

}  // namespace launch
