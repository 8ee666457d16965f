// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/pidfd.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/syscalls.hpp"

namespace kernel {
namespace {

const std::string kTail =
    " S 1 7 7 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 1 0 123456789 1000 50 18446744073709551615\n";

TEST(ProcessStat, ReadsStateAndStartTime) {
  const auto stat = parse_process_stat("7 (cat)" + kTail);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->command, "cat");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->start_time, 123456789U);
}

TEST(ProcessStat, TheCommandMayHoldParenthesesBlanksAndLines) {
  for (const std::string command : {") Z 1 1 1", "((", "))", "a b", "x\ny", ""}) {
    const auto stat = parse_process_stat("7 (" + command + ")" + kTail);
    ASSERT_TRUE(stat) << command;
    EXPECT_EQ(stat->command, command);
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->start_time, 123456789U);
  }
}

TEST(ProcessStat, WhatIsNoStatIsNone) {
  for (const char* text : {"", "7", "7 (cat", "7 cat) S 1", "7 (cat) S 1 7", ")7(",
                           "7 (c) S 1 7 7 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 12x 1000\n",
                           "7 (c) S 1 7 7 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0\n"}) {
    EXPECT_FALSE(parse_process_stat(text)) << text;
  }
}

TEST(ProcessStat, ReadsFlagsAndTheStatusOfAZombie) {
  std::string text = "7 (cat) Z 1 7 7 0 -1 4228108";
  for (int field = 10; field < 22; ++field) text += " 0";
  text += " 55";
  for (int field = 23; field < 52; ++field) text += " 0";
  const auto stat = parse_process_stat(text + " 2304\n");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->flags, 4228108U);
  EXPECT_EQ(stat->start_time, 55U);
  EXPECT_EQ(stat->wait_status, 2304);
  EXPECT_EQ(parse_process_stat(text + "\n")->wait_status, 0);
}

/// A child that waits for a signal; reaped at the end.
class Sleeper {
 public:
  Sleeper() : pid_(check(::fork(), "fork")) {
    if (pid_ != 0) return;
    for (;;) ::pause();
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

TEST(OpenProcess, FindsTheProcessAndNoOther) {
  const Sleeper sleeper;
  const std::uint64_t started = start_time(sleeper.pid());
  ASSERT_GT(started, 0U);
  EXPECT_TRUE(open_process(sleeper.pid(), started));
  EXPECT_FALSE(open_process(sleeper.pid(), started + 1)) << "another process has the pid";
  EXPECT_FALSE(open_process(sleeper.pid(), 0));
  EXPECT_FALSE(open_process(0, started));
  EXPECT_FALSE(open_process(-1, started));
}

TEST(OpenProcess, AZombieCountsAsGone) {
  const Sleeper sleeper;
  const std::uint64_t started = start_time(sleeper.pid());
  const auto pidfd = open_process(sleeper.pid(), started);
  ASSERT_TRUE(pidfd);
  EXPECT_FALSE(wait_for_exit(pidfd->get(), std::chrono::milliseconds(0)));
  EXPECT_TRUE(send_signal(pidfd->get(), SIGKILL));
  EXPECT_TRUE(wait_for_exit(pidfd->get(), std::chrono::seconds(10)));
  EXPECT_EQ(start_time(sleeper.pid()), 0U);
  EXPECT_FALSE(open_process(sleeper.pid(), started));
}

TEST(SendSignal, SaysWhenTheProcessIsGone) {
  UniqueFd pidfd;
  {
    const Sleeper sleeper;
    pidfd.reset(pidfd_open(sleeper.pid(), 0));
  }
  EXPECT_FALSE(send_signal(pidfd.get(), SIGTERM));
  EXPECT_TRUE(wait_for_exit(pidfd.get(), std::chrono::milliseconds(-1)));
}

TEST(SendSignal, RefusesAnUnknownSignal) {
  const Sleeper sleeper;
  const UniqueFd pidfd(pidfd_open(sleeper.pid(), 0));
  EXPECT_THROW(send_signal(pidfd.get(), 4096), Error);
}

TEST(OpenProcessOrZombie, TakesAZombie) {
  const Sleeper sleeper;
  const std::uint64_t started = start_time(sleeper.pid());
  EXPECT_TRUE(open_process_or_zombie(sleeper.pid(), started));
  ::kill(sleeper.pid(), SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(sleeper.pid()), &info, WEXITED | WNOWAIT), 0);
  const auto zombie = open_process_or_zombie(sleeper.pid(), started);
  ASSERT_TRUE(zombie);
  EXPECT_TRUE(send_signal(zombie->get(), SIGKILL));
  EXPECT_TRUE(wait_for_exit(zombie->get(), std::chrono::milliseconds(0)));
  EXPECT_FALSE(open_process_or_zombie(sleeper.pid(), started + 1));
  EXPECT_FALSE(open_process_or_zombie(0, started));
}

TEST(IsEnding, OfAZombieAndOfNobody) {
  const Sleeper sleeper;
  const std::uint64_t started = start_time(sleeper.pid());
  EXPECT_FALSE(is_ending(sleeper.pid(), started));
  EXPECT_TRUE(is_ending(sleeper.pid(), started + 1));
  ::kill(sleeper.pid(), SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(sleeper.pid()), &info, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(is_ending(sleeper.pid(), started));
}

TEST(StatusWithoutExec, OfWhatNeverCameToItsProgram) {
  const pid_t pid = check(::fork(), "fork");
  if (pid == 0) {
    ::pause();
    ::_exit(0);
  }
  const std::uint64_t started = start_time(pid);
  EXPECT_FALSE(status_without_exec(pid, started)) << "it lives";
  ::kill(pid, SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(status_without_exec(pid, started), SIGKILL);
  EXPECT_EQ(status_without_exec(pid, std::nullopt), SIGKILL);
  EXPECT_FALSE(status_without_exec(pid, started + 1)) << "another process has the pid";
  ::waitpid(pid, nullptr, 0);
  EXPECT_FALSE(status_without_exec(pid, started)) << "nobody can tell any more";
}

TEST(StatusWithoutExec, NotOfAProgramThatEnded) {
  const pid_t pid = check(::fork(), "fork");
  if (pid == 0) {
    ::execl("/bin/false", "false", nullptr);
    ::_exit(9);
  }
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(info.si_status, 1);
  EXPECT_FALSE(status_without_exec(pid, std::nullopt));
  ::waitpid(pid, nullptr, 0);
}

TEST(WaitForStatus, GivesTheStatusOfAZombie) {
  const pid_t pid = check(::fork(), "fork");
  if (pid == 0) ::_exit(9);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  const auto stat = process_stat(pid);
  ASSERT_TRUE(stat);
  EXPECT_EQ(wait_for_status(pid, stat->start_time), 9);
  EXPECT_FALSE(wait_for_status(pid, stat->start_time + 1)) << "another process has the pid";
  ::waitpid(pid, nullptr, 0);
  EXPECT_FALSE(wait_for_status(pid, stat->start_time));
}

TEST(WaitForStatus, ASignalCountsFrom128) {
  const Sleeper sleeper;
  const std::uint64_t started = start_time(sleeper.pid());
  ::kill(sleeper.pid(), SIGTERM);
  EXPECT_EQ(wait_for_status(sleeper.pid(), started), 128 + SIGTERM);
}

}  // namespace
}  // namespace kernel
