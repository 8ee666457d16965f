// SPDX-License-Identifier: Apache-2.0
// sd_notify(3) for a container: a socket of its own, which it sees as /run/notify/notify.sock, and
// the word that it is ready passed on to the NOTIFY_SOCKET that toyrun was given. Host side.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "bundle-spec/fs/unique_fd.hpp"

class NotifySocket {
 public:
  /// NOTIFY_SOCKET of our environment: a path, or "@name" for an abstract one.
  static std::optional<std::string> receiver();
  /// The directory below the root directory that the container sees as /run/notify; made with the
  /// record, removed with it.
  static std::string directory_name(const std::string& id);
  static void make_directory(int root_directory, const std::string& id);
  static void remove_directory(int root_directory, const std::string& id);

  /// Binds the socket, which nobody need be connected to before. Throws Error.
  static NotifySocket bind(int root_directory, const std::string& id, std::string receiver);

  int fd() const { return socket_.get(); }
  /// Reads one message. Once it says READY=1, so is the receiver told, and that `main_pid` is the
  /// process to watch; true then. Nothing else is passed on: the container may say anything.
  bool serve(pid_t main_pid) const;
  /// Until that, or until the process has ended.
  void wait(int pidfd, pid_t main_pid) const;

 private:
  NotifySocket() = default;
  void tell(pid_t main_pid) const;

  UniqueFd socket_;
  std::string receiver_;
};
