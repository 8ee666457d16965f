// SPDX-License-Identifier: Apache-2.0
// CRIU as a child that carries out one request: `criu swrk 3`, a conversation over a SOCK_SEQPACKET
// pair. Host side.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/launch/child.hpp"
#include "runtime/plan/criu_messages.hpp"

namespace launch {

inline constexpr int kCriuImages = 4;
inline constexpr int kCriuWork = 5;

/// How the child comes to life.
struct CriuSurroundings {
  std::string images, work;           // directories, open as kCriuImages and kCriuWork
  int v2_cgroup = -1;                 // descriptor of the cgroup it is born in
  std::function<void()> before_exec;  // in the child: v1 cgroups, mounts
  std::vector<int> inherited;         // descriptors beyond stdio that it keeps
};

class Criu {
 public:
  /// Called for each notification, with the descriptor that came along, if any. What it throws ends
  /// the request.
  using Notified = std::function<void(const plan::CriuResponse&, UniqueFd)>;

  /// Starts the program found on PATH and makes sure that it is new enough. Throws Error.
  static Criu start(const CriuSurroundings& surroundings);
  Criu(Criu&&) noexcept = default;
  Criu& operator=(Criu&&) = delete;

  unsigned version() const { return version_; }
  /// Has it do something and waits for the end of it. Throws Error that says what CRIU's log, the
  /// file `log`, says.
  plan::CriuResponse ask(plan::CriuType type, const plan::CriuOptions& options,
                         const std::string& log, const Notified& notified);
  /// Waits until the program has ended. Nothing can be asked after that.
  void finish();
  /// What another one, started for this, can do on this host's kernel. Throws Error.
  static plan::CriuResponse features();

 private:
  Criu(Child child, UniqueFd socket) : child_(std::move(child)), socket_(std::move(socket)) {}
  plan::CriuResponse receive(UniqueFd& descriptor);
  void send(const std::string& bytes) const;
  void require_version();
  [[noreturn]] static void fail(plan::CriuType type, const plan::CriuResponse& response,
                                const std::string& log);

  Child child_;
  UniqueFd socket_;
  unsigned version_ = 0;
};

}  // namespace launch
