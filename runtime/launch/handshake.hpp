// SPDX-License-Identifier: Apache-2.0
// What the two halves of a launch say to each other, over one SOCK_SEQPACKET pair. Used by the host
// side and by init (or the joiner). A closed end reads as an Error on the host, and ends init: so
// neither outlives the other unnoticed.
//
//        parent half                                   init half
//        -----------                                   ---------
//        clone3                        ─────────────►
//        AttachProcessesToUnit  Placed ─────────────►  only where clone3 may not put it into the
//                                                      cgroup and systemd may
//                                                      unshares namespaces, if it has to
//        v1 cgroups          Cgroups   ─────────────►  only where init unshares meanwhile
//        id maps, limits     Mapped    ─────────────►  only with a new user namespace
//                                                      joins, mounts …
//        prestart,                     ◄─────────────  RootfsReady      only with hooks on the host
//        createRuntime       HooksDone ─────────────►
//                                                      createContainer hooks, pivot_root, identity,
//                                                      seccomp
//        record, pid file              ◄─────────────  Ready            {listener, terminal master}
//                            Release   ─────────────►  waits at the gate (create), goes on (run,
//                            exec)
//                                      ◄─────────────  end of file: execve succeeded (run, exec)
//
//        With a joined user namespace a go-between clones init as its sibling and says Pid{number};
//        with a joined pid namespace alone that comes last. Either way init runs by then, and what
//        it says may be there before the Pid.
//        At any time init may say Failed{errno, sentence} and Log{level, sentence}.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/unique_fd.hpp"

namespace launch {

enum class Message : std::uint32_t {
  kPlaced,
  kCgroups,
  kMapped,
  kRootfsReady,
  kHooksDone,
  kMaster,
  kListener,
  kReady,
  kRelease,
  kPid,
  kFailed,
  kLog
};

/// The other half went without a word: whoever knows the process may say why.
class SilentEnd : public Error {
 public:
  SilentEnd() : Error("the container's first process ended unexpectedly") {}
};

/// One end of the conversation.
class Handshake {
 public:
  struct Pair;
  static Pair make_pair();

  /// Sends a message without a body. Throws Error.
  void send(Message message) const;
  /// Host: the descriptors of cgroups that were made after init (sendmsg, SCM_RIGHTS). An init that
  /// is gone is no error yet: why it went is there to be received.
  void send_cgroups(std::span<const int> descriptors) const;
  /// Init: waits for them.
  std::vector<UniqueFd> expect_cgroups() const;
  /// Init: everything is in place. `listener` is the number of the seccomp listener in this
  /// process, or -1; uses write(2) only.
  void send_ready(int listener) const;
  /// Go-between: init's pid in the parent's pid namespace.
  void send_pid(int pid) const;
  /// Init: the terminal's master, before Ready (sendmsg, SCM_RIGHTS).
  void send_master(int master) const;
  /// Init: the seccomp listener, before Ready (sendmsg, SCM_RIGHTS, under the new filter).
  void send_listener(int listener) const;
  /// Init: why this process ends; never throws.
  void send_failed(int number, std::string_view sentence) const noexcept;
  void send_log(std::uint32_t level, std::string_view sentence) const;

  /// Waits for exactly this message, read(2) only. Host: logs Log messages, throws what Failed
  /// says, throws Error when the other end is gone. Init: ends the process when the parent is gone.
  void expect(Message message);
  /// Init: ends the process if the parent is gone already.
  void end_without_parent() const;
  /// Host: expects Ready; fills what came with it.
  struct Ready {
    int listener = -1;
  };
  Ready expect_ready();
  /// Host: the pid that a go-between says. RootfsReady or Ready before it is kept for its turn.
  /// `go_between` is a pidfd of it: what it cloned keeps the socket open if it is killed in
  /// between.
  int expect_pid(int go_between);
  /// Host: waits for end of file, which is what a successful execve looks like.
  void expect_exec();

  /// Host: the terminal's master, if one came.
  UniqueFd take_master() { return std::move(master_); }
  /// Host: the seccomp listener, if init sent it itself.
  UniqueFd take_listener() { return std::move(listener_); }
  int fd() const { return socket_.get(); }
  void close() { socket_.reset(); }

 private:
  struct Packet;
  Packet receive();
  Packet receive_as_host();
  Packet receive_until(Message message);
  /// False when the process of this pidfd is gone and all that was said has been received.
  bool wait_for_packet(int pidfd) const;
  [[noreturn]] static void throw_failure(const Packet& packet);
  void write_packet(Message message, int number, std::string_view text) const;
  /// False with an errno when that fails.
  bool send_descriptors(Message message, std::span<const int> descriptors) const;

  struct Early {
    Message message;
    std::int32_t number;
  };

  bool is_init_ = false;
  std::optional<Early> early_;  // what init said before the Pid; then it waits for an answer
  int go_between_ = -1;         // while its Pid is expected
  UniqueFd socket_;
  UniqueFd master_, listener_;
};

struct Handshake::Pair {
  Handshake parent, child;
};

}  // namespace launch
