// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/start_gate.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "bundle-spec/error.hpp"
#include "temporary_directory.hpp"

namespace {

/// Plays init: holds the gate, runs `body`, ends.
pid_t fork_init(const StartGate& gate, const std::function<void(const StartGate&)>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    body(gate);
    ::_exit(0);
  }
  return pid;
}

void reap(pid_t pid) {
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
}

std::string refusal(int root, bool is_alive = false) {
  try {
    StartGate::open(root, "c", [&] { return is_alive; });
  } catch (const Error& error) {
    return error.what();
  }
  return "opened";
}

/// Makes a gate and hands it to a child alone, as create does when it ends.
pid_t init_waiting(const TemporaryDirectory& root,
                   const std::function<void(const StartGate&)>& body) {
  StartGate gate = StartGate::make(root.fd(), "c");
  gate.keep();
  return fork_init(gate, body);
}

TEST(StartGate, OpensOnceInitExecutes) {
  const TemporaryDirectory root;
  EXPECT_FALSE(StartGate::exists(root.fd(), "c"));
  const pid_t init = init_waiting(root, [](const StartGate& gate) {
    gate.wait();
    ::execl("/bin/sleep", "sleep", "100", nullptr);
  });
  EXPECT_TRUE(StartGate::exists(root.fd(), "c"));
  EXPECT_EQ(refusal(root.fd()), "opened");
  EXPECT_FALSE(StartGate::exists(root.fd(), "c"));
  EXPECT_EQ(::kill(init, SIGKILL), 0) << "the program runs";
  reap(init);
}

TEST(StartGate, ThrowsWhatInitReports) {
  const TemporaryDirectory root;
  const pid_t init = init_waiting(root, [](const StartGate& gate) {
    gate.wait();
    gate.report("exec: \"x\": no such file");
  });
  EXPECT_EQ(refusal(root.fd()), "exec: \"x\": no such file");
  reap(init);
}

TEST(StartGate, SaysThatInitIsGone) {
  const TemporaryDirectory root;
  const pid_t init = init_waiting(root, [](const StartGate&) {});
  reap(init);
  EXPECT_FALSE(StartGate::exists(root.fd(), "c")) << "nobody waits behind it";
  EXPECT_EQ(refusal(root.fd()),
            "cannot start: the container's first process ended while it waited for start");
}

TEST(StartGate, SaysThatInitWasKilledWhileItWaited) {
  const TemporaryDirectory root;
  const pid_t init = init_waiting(root, [](const StartGate&) {
    for (;;) ::pause();
  });
  // Killed by a process that acts while open() already waits.
  const pid_t killer = ::fork();
  if (killer == 0) {
    ::usleep(100'000);
    ::kill(init, SIGKILL);
    ::_exit(0);
  }
  EXPECT_EQ(refusal(root.fd()),
            "cannot start: the container's first process ended while it waited for start");
  reap(killer);
  reap(init);
}

TEST(StartGate, AStartThatWasKilledLeavesNoCreatedContainer) {
  const TemporaryDirectory root;
  const pid_t init = init_waiting(root, [](const StartGate& gate) {
    gate.wait();
    ::execl("/bin/sleep", "sleep", "100", nullptr);
  });
  // What a start does before it is killed.
  const UniqueFd status = open_at(root.fd(), "c.status", O_RDONLY);
  const UniqueFd start = open_at(root.fd(), "c.start", O_WRONLY);
  ASSERT_EQ(::write(start.get(), "s", 1), 1);
  char byte;
  ASSERT_EQ(::read(status.get(), &byte, 1), 0) << "end of file: the program runs";
  // execve(2) closes the one end a moment after the other.
  for (int i = 0; i < 200 && StartGate::exists(root.fd(), "c"); ++i) ::usleep(10'000);
  EXPECT_FALSE(StartGate::exists(root.fd(), "c"));
  ::kill(init, SIGKILL);
  reap(init);
}

TEST(StartGate, TheByteOfASecondStartIsNotReadByALivingInit) {
  const TemporaryDirectory root;
  const pid_t init = init_waiting(root, [](const StartGate& gate) {
    gate.wait();
    ::execl("/bin/sleep", "sleep", "100", nullptr);
  });
  const UniqueFd start = open_at(root.fd(), "c.start", O_RDWR);
  ASSERT_EQ(::write(start.get(), "s", 1), 1);
  EXPECT_EQ(refusal(root.fd(), true), "opened");
  EXPECT_EQ(::kill(init, SIGKILL), 0) << "the program runs";
  reap(init);
}

TEST(StartGate, PassedItIsNoLongerThere) {
  const TemporaryDirectory root;
  StartGate gate = StartGate::make(root.fd(), "c");
  EXPECT_TRUE(StartGate::exists(root.fd(), "c"));
  gate.pass();
  EXPECT_FALSE(StartGate::exists(root.fd(), "c"));
  StartGate::remove(root.fd(), "c");
}

TEST(StartGate, IsRemovedUnlessKept) {
  const TemporaryDirectory root;
  {
    StartGate gate = StartGate::make(root.fd(), "c");
    const StartGate moved = std::move(gate);
    EXPECT_TRUE(StartGate::exists(root.fd(), "c"));
  }
  EXPECT_FALSE(read_file_if_exists(root.path() + "/c.start"));
  EXPECT_NE(::access((root.path() + "/c.status").c_str(), F_OK), 0);
}

TEST(StartGate, ReplacesFifosOfAKilledCreate) {
  const TemporaryDirectory root;
  StartGate::make(root.fd(), "c").keep();
  const StartGate again = StartGate::make(root.fd(), "c");
  EXPECT_TRUE(StartGate::exists(root.fd(), "c"));
}

TEST(StartGate, OpenWithoutAGateIsAnError) {
  const TemporaryDirectory root;
  EXPECT_NE(refusal(root.fd()), "opened");
}

}  // namespace
