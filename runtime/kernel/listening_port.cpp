// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/listening_port.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "bundle-spec/fs/unique_fd.hpp"

namespace kernel {
namespace {

int bind_to(int socket, const plan::IpAddress& address, std::uint16_t port) {
  sockaddr_in6 six{};
  sockaddr_in four{};
  if (address.is_v6) {
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    std::ranges::copy(address.bytes, six.sin6_addr.s6_addr);
    return ::bind(socket, reinterpret_cast<const sockaddr*>(&six), sizeof six);
  }
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  std::copy_n(address.bytes.begin(), 4, reinterpret_cast<std::uint8_t*>(&four.sin_addr));
  return ::bind(socket, reinterpret_cast<const sockaddr*>(&four), sizeof four);
}

}  // namespace

int try_port(const plan::IpAddress& address, std::uint16_t port, bool udp) {
  const int type = udp ? SOCK_DGRAM : SOCK_STREAM;
  const UniqueFd socket(::socket(address.is_v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0));
  if (!socket) return errno;
  const int on = 1;
  if (address.is_v6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  // Connections that are gone (TIME_WAIT) do not count; with UDP the option would hide listeners.
  if (!udp) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return bind_to(socket.get(), address, port) == 0 ? 0 : errno;
}

}  // namespace kernel
