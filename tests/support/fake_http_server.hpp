// SPDX-License-Identifier: Apache-2.0
// An HTTP server on loopback that answers as the test says and remembers what it was asked. One
// thread accepts, one more per connection; all are gone when the object is.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"

class FakeHttpServer {
 public:
  struct Request {
    std::string method, target, body;
    std::map<std::string, std::string> headers;  // names in lower case

    std::string header(const std::string& name) const {
      const auto found = headers.find(name);
      return found == headers.end() ? "" : found->second;
    }
  };
  struct Reply {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string body{};
    std::size_t cut_after =
        std::string::npos;     // close the connection after so many bytes of the body
    bool omit_length = false;  // the end of the connection ends the body
    bool drop = false;         // close the connection instead of answering
  };
  using Handler = std::function<Reply(const Request&)>;

  /// Listens on a free port of 127.0.0.1; `handler` is called from several threads, one call at a
  /// time.
  explicit FakeHttpServer(Handler handler);
  ~FakeHttpServer();
  FakeHttpServer(const FakeHttpServer&) = delete;
  FakeHttpServer& operator=(const FakeHttpServer&) = delete;

  /// "127.0.0.1:PORT".
  const std::string& host() const { return host_; }
  /// All requests so far.
  std::vector<Request> requests();
  /// How many of them went to a target with this beginning.
  std::size_t count(const std::string& target);

 private:
  void accept_all();
  void serve(int connection);
  Reply answer(const Request& request);

  Handler handler_;
  UniqueFd listener_;
  std::string host_;
  std::mutex lock_;
  std::vector<Request> requests_;
  std::list<UniqueFd> connections_;
  std::vector<std::thread> servants_;
  std::thread acceptor_;
};
