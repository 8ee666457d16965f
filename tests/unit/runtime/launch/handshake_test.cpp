// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/handshake.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/syscalls.hpp"

namespace launch {
namespace {

TEST(Handshake, ReadyMayComeBeforeThePidOfItsProcess) {
  Handshake::Pair pair = Handshake::make_pair();
  pair.child.send_ready(5);  // the process was quicker than the go-between that bore it
  pair.child.send_pid(42);
  EXPECT_EQ(pair.parent.expect_pid(-1), 42);
  EXPECT_EQ(pair.parent.expect_ready().listener, 5);
}

TEST(Handshake, ThePidFirstIsTheUsualOrder) {
  Handshake::Pair pair = Handshake::make_pair();
  pair.child.send_pid(42);
  pair.child.send(Message::kRootfsReady);
  pair.child.send_ready(-1);
  EXPECT_EQ(pair.parent.expect_pid(-1), 42);
  pair.parent.expect(Message::kRootfsReady);
  EXPECT_EQ(pair.parent.expect_ready().listener, -1);
}

TEST(Handshake, AFailureBeforeThePidIsTold) {
  Handshake::Pair pair = Handshake::make_pair();
  pair.child.send_failed(ENOENT, "open x: No such file or directory");
  try {
    pair.parent.expect_pid(-1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "open x: No such file or directory");
  }
}

TEST(Handshake, AGoBetweenThatIsKilledBeforeThePidIsNotWaitedFor) {
  Handshake::Pair pair = Handshake::make_pair();
  pair.child.send_ready(-1);  // and the process keeps its end open
  const pid_t go_between = check(::fork(), "fork");
  if (go_between == 0) {
    ::pause();
    ::_exit(0);
  }
  const UniqueFd pidfd(check(kernel::pidfd_open(go_between, 0), "pidfd_open"));
  ::kill(go_between, SIGKILL);
  EXPECT_THROW(pair.parent.expect_pid(pidfd.get()), SilentEnd);
  ::waitpid(go_between, nullptr, 0);
}

TEST(Handshake, AnyOtherOrderIsAnError) {
  Handshake::Pair pair = Handshake::make_pair();
  pair.child.send_ready(-1);
  EXPECT_THROW(pair.parent.expect(Message::kRootfsReady), Error);
}

}  // namespace
}  // namespace launch
