// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/netlink.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace kernel {
namespace {

constexpr std::size_t kAnswer = 64 * 1024;
constexpr int kMostDumps = 5;

void send_all(int socket, std::span<const char> bytes) {
  ssize_t sent = 0;
  do {
    sent = ::send(socket, bytes.data(), bytes.size(), 0);
  } while (sent < 0 && errno == EINTR);
  check(sent, "send to netlink");
}

std::size_t receive(int socket, std::vector<char>& buffer) {
  ssize_t got = 0;
  do {
    got = ::recv(socket, buffer.data(), buffer.size(), MSG_TRUNC);
  } while (got < 0 && errno == EINTR);
  check(got, "receive from netlink");
  if (static_cast<std::size_t>(got) > buffer.size())
    throw Error("an answer of netlink is too long");
  return static_cast<std::size_t>(got);
}

}  // namespace

NetlinkRequest::NetlinkRequest(std::uint16_t type, std::uint16_t flags) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  fixed(header);
}

NetlinkRequest& NetlinkRequest::append(std::string_view bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  return *this;
}

NetlinkRequest& NetlinkRequest::attribute(std::uint16_t type, std::string_view bytes) {
  rtattr header{};
  header.rta_type = type;
  header.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(bytes.size()));
  return fixed(header).append(bytes);
}

NetlinkRequest& NetlinkRequest::attribute(std::uint16_t type, std::uint32_t number) {
  return attribute(type, std::string_view(reinterpret_cast<const char*>(&number), sizeof number));
}

NetlinkRequest& NetlinkRequest::begin(std::uint16_t type) {
  open_.push_back(bytes_.size());
  rtattr header{};
  header.rta_type = type;
  return fixed(header);
}

NetlinkRequest& NetlinkRequest::end() {
  const std::size_t start = open_.back();
  open_.pop_back();
  const auto length = static_cast<std::uint16_t>(bytes_.size() - start);
  std::memcpy(bytes_.data() + start + offsetof(rtattr, rta_len), &length, sizeof length);
  return *this;
}

std::span<char> NetlinkRequest::finish(std::uint32_t sequence) {
  nlmsghdr header{};
  std::memcpy(&header, bytes_.data(), sizeof header);
  header.nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
  header.nlmsg_seq = sequence;
  std::memcpy(bytes_.data(), &header, sizeof header);
  return bytes_;
}

std::string_view find_attribute(std::string_view attributes, std::uint16_t type) {
  auto left = static_cast<int>(attributes.size());
  for (const auto* one = reinterpret_cast<const rtattr*>(attributes.data()); RTA_OK(one, left);
       one = RTA_NEXT(one, left))
    if ((one->rta_type & NLA_TYPE_MASK) == type)
      return {static_cast<const char*>(RTA_DATA(one)), RTA_PAYLOAD(one)};
  return {};
}

std::string_view find_attribute(const nlmsghdr& message, std::size_t fixed, std::uint16_t type) {
  const std::string_view bytes(reinterpret_cast<const char*>(&message), message.nlmsg_len);
  const std::size_t start = NLMSG_LENGTH(NLMSG_ALIGN(fixed));
  return start < bytes.size() ? find_attribute(bytes.substr(start), type) : std::string_view();
}

void inside_network_namespace(int network_namespace, const std::function<void()>& act) {
  if (network_namespace < 0) return act();
  const UniqueFd own = open_at(AT_FDCWD, "/proc/self/ns/net", O_RDONLY);
  check(::setns(network_namespace, CLONE_NEWNET), "enter the container's network namespace");
  struct Return {
    int namespace_fd;
    ~Return() {
      // Whatever came next would be done to the container's network instead of the host's.
      if (::setns(namespace_fd, CLONE_NEWNET) != 0) std::abort();
    }
  } const there_and_back{own.get()};
  act();
}

NetlinkSocket NetlinkSocket::open(int network_namespace, int protocol) {
  UniqueFd socket;
  inside_network_namespace(network_namespace, [&] {
    socket = UniqueFd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
    check(socket.get(), "open a netlink socket");
  });
  return NetlinkSocket(std::move(socket));
}

int NetlinkSocket::converse(NetlinkRequest& request,
                            const std::function<void(const nlmsghdr&)>& take) {
  send_all(socket_.get(), request.finish(++sequence_));
  std::vector<char> buffer(kAnswer);
  for (;;) {
    std::size_t left = receive(socket_.get(), buffer);
    const char* at = buffer.data();
    while (left >= sizeof(nlmsghdr)) {
      const auto* message = reinterpret_cast<const nlmsghdr*>(at);
      if (message->nlmsg_len < sizeof(nlmsghdr) || message->nlmsg_len > left)
        throw Error("netlink sent a malformed answer");
      if (message->nlmsg_seq == sequence_) {
        if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted_ = true;
        if (message->nlmsg_type == NLMSG_DONE) return 0;
        if (message->nlmsg_type == NLMSG_ERROR)
          return -static_cast<const nlmsgerr*>(NLMSG_DATA(message))->error;
        take(*message);
      }
      const std::size_t step = std::min<std::size_t>(NLMSG_ALIGN(message->nlmsg_len), left);
      at += step;
      left -= step;
    }
  }
}

int NetlinkSocket::change(NetlinkRequest request) {
  return converse(request, [](const nlmsghdr&) {});
}

int NetlinkSocket::ask(NetlinkRequest request, const std::function<void(const nlmsghdr&)>& take) {
  for (int round = 0;; ++round) {
    interrupted_ = false;
    std::vector<std::vector<char>> answers;
    const int number = converse(request, [&](const nlmsghdr& message) {
      const auto* bytes = reinterpret_cast<const char*>(&message);
      answers.emplace_back(bytes, bytes + message.nlmsg_len);
    });
    // What changed while it was listed may be missing from the list.
    if (interrupted_ && round < kMostDumps) continue;
    if (number != 0) return number;
    for (const std::vector<char>& answer : answers)
      take(*reinterpret_cast<const nlmsghdr*>(answer.data()));
    return 0;
  }
}

}  // namespace kernel
