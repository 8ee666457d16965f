// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/notify_socket.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace {

constexpr const char* kName = "notify.sock";

struct Address {
  sockaddr_un name{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&name); }
};

Address address_of(std::string_view path) {
  Address address;
  address.name.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.name.sun_path)
    throw Error(sentence("NOTIFY_SOCKET: ", path, " is longer than an address may be"));
  std::memcpy(address.name.sun_path, path.data(), path.size());
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (path.starts_with('@'))
    address.name.sun_path[0] = '\0';  // unix(7): an abstract name has no end
  else
    ++address.length;
  return address;
}

bool says_ready(std::string_view message) {
  while (!message.empty()) {
    const std::string_view line = message.substr(0, message.find('\n'));
    if (line == "READY=1") return true;
    message.remove_prefix(std::min(line.size() + 1, message.size()));
  }
  return false;
}

/// sd_notify_barrier(3): the receiver closes the descriptor when it has read what came before.
void send_barrier(int socket, const Address& to) {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "make a pipe");
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  std::string text = "BARRIER=1";
  iovec part{.iov_base = text.data(), .iov_len = text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_name = const_cast<sockaddr_un*>(&to.name);
  message.msg_namelen = to.length;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = theirs.get();
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  check(::sendmsg(socket, &message, MSG_NOSIGNAL), "send to NOTIFY_SOCKET");
  theirs.reset();
  constexpr int kPatience = 30'000;  // runc's
  pollfd closed{.fd = ours.get(), .events = 0, .revents = 0};
  while (::poll(&closed, 1, kPatience) < 0 && errno == EINTR) {
  }
}

}  // namespace

std::optional<std::string> NotifySocket::receiver() {
  const char* variable = ::getenv("NOTIFY_SOCKET");
  if (variable == nullptr || *variable == '\0') return std::nullopt;
  return variable;
}

std::string NotifySocket::directory_name(const std::string& id) { return id + ".notify"; }

void NotifySocket::make_directory(int root_directory, const std::string& id) {
  const std::string name = directory_name(id);
  if (::mkdirat(root_directory, name.c_str(), 0755) != 0 && errno != EEXIST)
    check(-1, "make ", name);
  // The container's user has to find the socket, whatever our umask.
  check(::fchmodat(root_directory, name.c_str(), 0755, 0), "chmod ", name);
}

void NotifySocket::remove_directory(int root_directory, const std::string& id) {
  const std::string name = directory_name(id);
  ::unlinkat(root_directory, sentence(name, '/', kName).c_str(), 0);
  if (::unlinkat(root_directory, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    check(-1, "remove ", name);
}

NotifySocket NotifySocket::bind(int root_directory, const std::string& id, std::string receiver) {
  NotifySocket notify;
  notify.receiver_ = std::move(receiver);
  notify.socket_.reset(
      check(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "make the notify socket"));
  const UniqueFd directory =
      open_at(root_directory, directory_name(id), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  ::unlinkat(directory.get(), kName, 0);  // of a start that was killed
  const Address own = address_of(sentence("/proc/self/fd/", directory.get(), '/', kName));
  check(::bind(notify.fd(), own.get(), own.length), "bind the notify socket of ", id);
  check(::fchmodat(directory.get(), kName, 0777, 0), "chmod the notify socket of ", id);
  return notify;
}

bool NotifySocket::serve(pid_t main_pid) const {
  std::array<char, 4096> buffer;
  const ssize_t got = ::recv(fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  check(got, "receive from the container's NOTIFY_SOCKET");
  if (!says_ready({buffer.data(), static_cast<std::size_t>(got)})) return false;
  try {
    tell(main_pid);
  } catch (const Error& error) {
    logging::warning(sentence("NOTIFY_SOCKET ", receiver_, ": ", error.what(), ", ignoring"));
  }
  return true;
}

void NotifySocket::tell(pid_t main_pid) const {
  const Address to = address_of(receiver_);
  const UniqueFd socket(check(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "make a socket"));
  for (const std::string& line : {std::string("READY=1\n"), sentence("MAINPID=", main_pid, '\n')})
    check(::sendto(socket.get(), line.data(), line.size(), MSG_NOSIGNAL, to.get(), to.length),
          "send to NOTIFY_SOCKET");
  send_barrier(socket.get(), to);
}

void NotifySocket::wait(int pidfd, pid_t main_pid) const {
  for (;;) {
    std::array<pollfd, 2> events{{{.fd = fd(), .events = POLLIN, .revents = 0},
                                  {.fd = pidfd, .events = POLLIN, .revents = 0}}};
    if (::poll(events.data(), events.size(), -1) < 0 && errno != EINTR) check(-1, "poll");
    if (events[0].revents != 0 && serve(main_pid)) return;
    if (events[0].revents == 0 && events[1].revents != 0) return;
  }
}
