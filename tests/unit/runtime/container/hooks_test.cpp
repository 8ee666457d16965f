// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/hooks.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "bundle-spec/error.hpp"
#include "temporary_directory.hpp"

namespace {

oci::Hook shell(const std::string& script) {
  return {.path = "/bin/sh", .args = {"sh", "-c", script}, .env = {}, .timeout = {}};
}

oci::State state() {
  return {.oci_version = "1.3.0",
          .id = "c",
          .status = oci::Status::kCreating,
          .pid = 42,
          .bundle = "/b",
          .annotations = {{"big", std::string(200'000, 'x')}}};
}

std::string refusal(const std::vector<oci::Hook>& hooks, int directory = -1) {
  try {
    run_hooks(hooks, "createRuntime", state(), {.working_directory = directory});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Hooks, GetTheWholeStateOnStdin) {
  const TemporaryDirectory directory;
  EXPECT_EQ(refusal({shell("cat > state")}, directory.fd()), "");
  EXPECT_EQ(read_file(directory.path() + "/state"), oci::write_state(state()));
}

TEST(Hooks, RunInOrder) {
  const TemporaryDirectory directory;
  EXPECT_EQ(refusal({shell("printf a >> out"), shell("printf b >> out"), shell("printf c >> out")},
                    directory.fd()),
            "");
  EXPECT_EQ(read_file(directory.path() + "/out"), "abc");
}

TEST(Hooks, NeverGetTheCallersEnvironment) {
  const TemporaryDirectory directory;
  ::setenv("LD_PRELOAD_PROBE", "evil", 1);
  EXPECT_EQ(refusal({shell("exec env > out")}, directory.fd()), "");
  const std::string env = read_file(directory.path() + "/out");
  EXPECT_EQ(env.find("LD_PRELOAD_PROBE"), std::string::npos) << env;
  EXPECT_NE(env.find("PATH="), std::string::npos) << env;
  oci::Hook own = shell("exec /usr/bin/env > out");
  own.env = {"ONLY=this"};
  EXPECT_EQ(refusal({own}, directory.fd()), "");
  EXPECT_NE(read_file(directory.path() + "/out").find("ONLY=this"), std::string::npos);
}

TEST(Hooks, HaveOnlyStdioOpen) {
  const TemporaryDirectory directory;
  const int leaky = ::dup(2);  // not close-on-exec, as an engine may have left it
  EXPECT_EQ(refusal({shell("ls /proc/self/fd | wc -l > out")}, directory.fd()), "");
  // 0, 1, 2 and the one with which ls reads the directory.
  EXPECT_EQ(std::atoi(read_file(directory.path() + "/out").c_str()), 4);
  ::close(leaky);
}

TEST(Hooks, FailureSaysWhichAndWhat) {
  EXPECT_EQ(refusal({shell("true"), shell("echo out; echo oops >&2; exit 3")}),
            "error running createRuntime hook #1: exit status 3, stdout: out, stderr: oops");
  EXPECT_EQ(refusal({shell("kill -TERM $$")}),
            "error running createRuntime hook #0: killed by signal 15, stdout: , stderr: ");
}

TEST(Hooks, MissingProgramIsAnErrorThatNamesIt) {
  const oci::Hook missing{.path = "/no/such/hook", .args = {}, .env = {}, .timeout = {}};
  EXPECT_EQ(
      refusal({missing}),
      "error running createRuntime hook #0: fork/exec /no/such/hook: No such file or directory");
}

TEST(Hooks, TheRestDoesNotRunAfterAFailure) {
  const TemporaryDirectory directory;
  EXPECT_NE(refusal({shell("exit 1"), shell("touch ran")}, directory.fd()), "");
  EXPECT_FALSE(read_file_if_exists(directory.path() + "/ran"));
}

TEST(Hooks, NeedNotReadTheirStdin) {
  EXPECT_EQ(refusal({shell("exec 0<&-; exit 0")}), "") << "EPIPE, and no SIGPIPE";
  EXPECT_EQ(refusal({shell("true")}), "");
  struct sigaction now{};
  ::sigaction(SIGPIPE, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_DFL) << "as before";
}

TEST(Hooks, StartWithDefaultSignals) {
  const TemporaryDirectory directory;
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &blocked, &before);
  ::signal(SIGHUP, SIG_IGN);
  EXPECT_EQ(refusal({shell("exec grep -E 'Sig(Blk|Ign)' /proc/self/status > out")}, directory.fd()),
            "");
  ::signal(SIGHUP, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  unsigned long long mask = 1;
  unsigned long long ignored = 1;
  ASSERT_EQ(::sscanf(read_file(directory.path() + "/out").c_str(), "SigBlk: %llx SigIgn: %llx",
                     &mask, &ignored),
            2);
  EXPECT_EQ(mask, 0U);
  // 32 and 33 are the libc's own; whoever started this test may have ignored them.
  EXPECT_EQ(ignored & ~0x180000000ULL, 0U);
}

TEST(Hooks, OutputIsCutNotWaitedFor) {
  const std::string message = refusal({shell("head -c 1000000 /dev/zero | tr '\\0' y; exit 1")});
  EXPECT_GT(message.size(), std::size_t{64} * 1024);
  EXPECT_LT(message.size(), std::size_t{65} * 1024);
}

TEST(Hooks, ABackgroundProcessDoesNotHoldThem) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(refusal({shell("sleep 3 &")}), "");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST(Hooks, TimeoutKillsTheWholeGroup) {
  const TemporaryDirectory directory;
  oci::Hook slow = shell("sleep 100 & echo $! > pid; echo waiting; wait");
  slow.timeout = 1;
  EXPECT_EQ(refusal({slow}, directory.fd()),
            "error running createRuntime hook #0: hook ran past specified timeout of 1s, stdout: "
            "waiting, stderr: ");
  const pid_t grandchild = std::atoi(read_file(directory.path() + "/pid").c_str());
  ASSERT_GT(grandchild, 1);
  // Killed with the group, though it may still have to notice; then a zombie of whoever adopts
  // orphans here.
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, grandchild, 0));
  if (pidfd < 0) return;
  pollfd ended{pidfd, POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 5000), 1) << "process " << grandchild << " goes on";
  ::close(pidfd);
}

TEST(Hooks, HugeTimeoutsDoNotOverflow) {
  oci::Hook hook = shell("true");
  hook.timeout = INT64_MAX;
  EXPECT_EQ(refusal({hook}), "");
}

TEST(Hooks, PoststopOnesAllRun) {
  const TemporaryDirectory directory;
  run_hooks_warning_only({shell("exit 1"), shell("touch ran")}, "poststop", state(),
                         {.working_directory = directory.fd()});
  EXPECT_TRUE(read_file_if_exists(directory.path() + "/ran"));
}

}  // namespace
