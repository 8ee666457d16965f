// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fake_http_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "bundle-spec/error.hpp"

namespace {

std::string lower(std::string text) {
  for (char& letter : text)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return text;
}

/// Moves the next line, without its end, from `buffer`; reads more as needed.
std::optional<std::string> read_line(int connection, std::string& buffer) {
  while (true) {
    if (const std::size_t end = buffer.find("\r\n"); end != std::string::npos) {
      std::string line = buffer.substr(0, end);
      buffer.erase(0, end + 2);
      return line;
    }
    std::array<char, 4096> bytes{};
    const ssize_t count = ::recv(connection, bytes.data(), bytes.size(), 0);
    if (count <= 0) return std::nullopt;
    buffer.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

std::optional<FakeHttpServer::Request> read_request(int connection, std::string& buffer) {
  const std::optional<std::string> first = read_line(connection, buffer);
  if (!first) return std::nullopt;
  FakeHttpServer::Request request;
  const std::size_t space = first->find(' ');
  if (space == std::string::npos) return std::nullopt;
  request.method = first->substr(0, space);
  request.target = first->substr(space + 1, first->rfind(' ') - space - 1);
  while (true) {
    const std::optional<std::string> line = read_line(connection, buffer);
    if (!line) return std::nullopt;
    if (line->empty()) break;
    const std::size_t colon = line->find(':');
    if (colon == std::string::npos) return std::nullopt;
    request.headers[lower(line->substr(0, colon))] =
        line->substr(std::min(colon + 2, line->size()));
  }
  const std::string length = request.header("content-length");
  const std::size_t wanted = length.empty() ? 0 : std::stoul(length);
  while (buffer.size() < wanted) {
    std::array<char, 4096> bytes{};
    const ssize_t count = ::recv(connection, bytes.data(), bytes.size(), 0);
    if (count <= 0) return std::nullopt;
    buffer.append(bytes.data(), static_cast<std::size_t>(count));
  }
  request.body = buffer.substr(0, wanted);
  buffer.erase(0, wanted);
  return request;
}

bool send_all(int connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

FakeHttpServer::FakeHttpServer(Handler handler)
    : handler_(std::move(handler)),
      listener_(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  check(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length), "bind");
  check(::listen(listener_.get(), 16), "listen");
  check(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length),
        "getsockname");
  host_ = sentence("127.0.0.1:", ntohs(address.sin_port));
  acceptor_ = std::thread([this] { accept_all(); });
}

FakeHttpServer::~FakeHttpServer() {
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard guard(lock_);
    for (const UniqueFd& connection : connections_) ::shutdown(connection.get(), SHUT_RDWR);
  }
  for (std::thread& servant : servants_) servant.join();
}

std::vector<FakeHttpServer::Request> FakeHttpServer::requests() {
  const std::lock_guard guard(lock_);
  return requests_;
}

std::size_t FakeHttpServer::count(const std::string& target) {
  const std::lock_guard guard(lock_);
  return static_cast<std::size_t>(
      std::count_if(requests_.begin(), requests_.end(),
                    [&](const Request& request) { return request.target.starts_with(target); }));
}

void FakeHttpServer::accept_all() {
  while (true) {
    const int connection = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return;
    const std::lock_guard guard(lock_);
    connections_.emplace_back(connection);
    servants_.emplace_back([this, connection] { serve(connection); });
  }
}

FakeHttpServer::Reply FakeHttpServer::answer(const Request& request) {
  const std::lock_guard guard(lock_);
  requests_.push_back(request);
  return handler_(request);
}

void FakeHttpServer::serve(int connection) {
  std::string buffer;
  while (const std::optional<Request> request = read_request(connection, buffer)) {
    const Reply reply = answer(*request);
    if (reply.drop) break;
    std::string head = sentence("HTTP/1.1 ", reply.status, " Said\r\n");
    for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
    const bool states_length =
        std::any_of(reply.headers.begin(), reply.headers.end(),
                    [](const auto& one) { return lower(one.first) == "content-length"; });
    if (!states_length && !reply.omit_length)
      head += sentence("Content-Length: ", reply.body.size(), "\r\n");
    const std::string_view body = std::string_view(reply.body).substr(0, reply.cut_after);
    const bool sent = send_all(connection, head + "\r\n") &&
                      (request->method == "HEAD" || send_all(connection, body));
    if (!sent || reply.omit_length || reply.cut_after != std::string::npos) break;
  }
  ::shutdown(connection, SHUT_RDWR);
}
