// SPDX-License-Identifier: Apache-2.0
// kernel/foreground: forwarding, statuses, the relay between pipes or a terminal and a pty.
#include "runtime/kernel/foreground.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <string>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/syscalls.hpp"

namespace {

struct Pipe {
  UniqueFd reader, writer;
  Pipe() {
    int ends[2];
    check(::pipe2(ends, O_CLOEXEC), "pipe");
    reader = UniqueFd(ends[0]);
    writer = UniqueFd(ends[1]);
  }
};

/// What the foreground half is given and what it does, in a process of its own because it changes
/// signals and stdio.
struct Scene {
  std::function<void()> program;  // the process waited for; returns: exit 0
  bool terminal = false;          // a pty for it
  bool reap = false;
  int input = -1, output = -1;  // become stdin and stdout of the waiting process
};

[[noreturn]] void run_program(const Scene& scene, int slave) {
  kernel::SignalForwarder::restore_in_child();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (slave >= 0) {
    ::setsid();
    ::ioctl(slave, TIOCSCTTY, 0);
    for (int fd = 0; fd < 3; ++fd) ::dup2(slave, fd);
    ::close_range(3, ~0U, 0);
  }
  scene.program();
  ::_exit(0);
}

[[noreturn]] void run_waiter(const Scene& scene) {
  if (scene.input >= 0) ::dup2(scene.input, 0);
  if (scene.output >= 0) ::dup2(scene.output, 1);
  ::close_range(3, ~0U, 0);  // no end of a pipe stays open here
  try {
    const kernel::SignalForwarder signals;
    UniqueFd master, slave;
    if (scene.terminal) {
      int ends[2];
      check(::openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr), "openpty");
      master = UniqueFd(ends[0]);
      slave = UniqueFd(ends[1]);
    }
    if (scene.reap) check(::prctl(PR_SET_CHILD_SUBREAPER, 1), "subreaper");
    const pid_t pid = check(::fork(), "fork");
    if (pid == 0) run_program(scene, slave.get());
    slave.reset();
    const UniqueFd pidfd(check(kernel::pidfd_open(pid, 0), "pidfd_open"));
    ::_exit(kernel::wait_in_foreground(pid, pidfd.get(), signals, std::move(master), scene.reap));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "waiter: %s\n", error.what());
    ::_exit(250);
  }
}

pid_t start(const Scene& scene) {
  const pid_t pid = ::fork();
  if (pid == 0) run_waiter(scene);
  return pid;
}

int wait_for(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::string read_all_of(int fd) {
  std::string text;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = ::read(fd, buffer, sizeof buffer)) > 0)
    text.append(buffer, static_cast<std::size_t>(got));
  return text;
}

void say(const char* text) {
  [[maybe_unused]] const auto written = ::write(1, text, std::char_traits<char>::length(text));
}

TEST(Foreground, GivesTheStatus) {
  EXPECT_EQ(wait_for(start({.program = [] { ::_exit(42); }})), 42);
  EXPECT_EQ(wait_for(start({.program = [] { ::raise(SIGKILL); }})), 128 + SIGKILL);
  EXPECT_EQ(wait_for(start({.program = [] { ::_exit(7); }, .terminal = true})), 7);
}

TEST(Foreground, ForwardsSignals) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGRTMIN + 3}) {
    Pipe ready;
    const pid_t waiter = start({.program =
                                    [&] {
                                      say("x");
                                      while (true) ::pause();
                                    },
                                .output = ready.writer.get()});
    char byte = 0;
    ASSERT_EQ(::read(ready.reader.get(), &byte, 1), 1);
    ASSERT_EQ(::kill(waiter, SIGCHLD), 0);
    ASSERT_EQ(::kill(waiter, SIGURG), 0);
    ASSERT_EQ(::kill(waiter, signal), 0);
    EXPECT_EQ(wait_for(waiter), 128 + signal);
  }
}

TEST(Foreground, TheProgramStartsWithDefaultSignals) {
  ::signal(SIGHUP, SIG_IGN);
  EXPECT_EQ(wait_for(start({.program =
                                [] {
                                  sigset_t blocked;
                                  ::sigprocmask(SIG_SETMASK, nullptr, &blocked);
                                  for (int signal = 1; signal < 32; ++signal)
                                    if (::sigismember(&blocked, signal) == 1) ::_exit(signal);
                                  ::raise(SIGHUP);
                                }})),
            128 + SIGHUP);
  ::signal(SIGHUP, SIG_DFL);
}

TEST(Foreground, ReapsOrphansAndLeavesTheStatusAlone) {
  EXPECT_EQ(wait_for(start({.program =
                                [] {
                                  for (int number = 0; number < 50; ++number)
                                    if (::fork() == 0) {
                                      if (::fork() == 0)
                                        ::usleep(static_cast<unsigned>(number) * 100);
                                      ::_exit(9);
                                    }
                                  ::usleep(3000);
                                  ::_exit(5);
                                },
                            .reap = true})),
            5);
}

TEST(Foreground, CopiesOutputToTheEndEvenToASlowReader) {
  Pipe out;
  const pid_t waiter = start({.program =
                                  [] {
                                    const std::string block(1000, 'y');
                                    for (int number = 0; number < 500; ++number) say(block.c_str());
                                  },
                              .terminal = true,
                              .output = out.writer.get()});
  out.writer.reset();
  ::usleep(100000);  // the pipe is full by now and the program has to wait
  const std::string text = read_all_of(out.reader.get());
  EXPECT_EQ(wait_for(waiter), 0);
  EXPECT_EQ(text, std::string(500000, 'y'));
}

TEST(Foreground, TheEndOfStdinReachesTheProgram) {
  for (const std::string input : {"hello\n", "hello", ""}) {
    Pipe in, out;
    const pid_t waiter = start({.program =
                                    [] {
                                      ::execl("/bin/cat", "cat", nullptr);
                                      ::_exit(99);
                                    },
                                .terminal = true,
                                .input = in.reader.get(),
                                .output = out.writer.get()});
    in.reader.reset();
    out.writer.reset();
    ASSERT_EQ(::write(in.writer.get(), input.data(), input.size()),
              static_cast<ssize_t>(input.size()));
    in.writer.reset();
    const std::string text = read_all_of(out.reader.get());
    EXPECT_EQ(wait_for(waiter), 0) << input;
    if (!input.empty()) {
      EXPECT_NE(text.find("hello"), std::string::npos) << text;
    }
  }
}

TEST(Foreground, ALostReaderDoesNotBlockTheProgram) {
  Pipe out;
  const pid_t waiter = start({.program =
                                  [] {
                                    const std::string block(1000, 'y');
                                    for (int number = 0; number < 500; ++number) say(block.c_str());
                                    ::_exit(3);
                                  },
                              .terminal = true,
                              .output = out.writer.get()});
  out.writer.reset();
  out.reader.reset();
  EXPECT_EQ(wait_for(waiter), 3);
}

TEST(Foreground, WaitsWithoutSpinning) {
  Pipe in, out;
  const pid_t waiter = start({.program =
                                  [] {
                                    ::close(0), ::close(1),
                                        ::close(2);  // the master says POLLHUP from now on
                                    ::usleep(300000);
                                  },
                              .terminal = true,
                              .input = in.reader.get(),
                              .output = out.writer.get()});
  in.reader.reset();
  in.writer.reset();
  int status = 0;
  rusage usage{};
  ASSERT_EQ(::wait4(waiter, &status, 0, &usage), waiter);
  EXPECT_EQ(status, 0);
  EXPECT_LT(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec, 100000);
}

TEST(Foreground, RawModeSizeAndRestore) {
  int master = -1, user = -1;
  winsize size{.ws_row = 33, .ws_col = 77, .ws_xpixel = 0, .ws_ypixel = 0};
  ASSERT_EQ(::openpty(&master, &user, nullptr, nullptr, &size), 0);
  termios before{};
  ASSERT_EQ(::tcgetattr(user, &before), 0);
  const pid_t session = ::fork();
  if (session == 0) {  // the user's shell: a session with this terminal
    ::setsid();
    ::ioctl(user, TIOCSCTTY, 0);
    run_waiter({.program =
                    [] {
                      char byte = 0;
                      say("ready\n");
                      if (::read(0, &byte, 1) != 1) ::_exit(90);
                      winsize now{};
                      ::ioctl(0, TIOCGWINSZ, &now);
                      ::_exit(now.ws_row);
                    },
                .terminal = true,
                .input = user,
                .output = user});
  }
  std::string text;
  char byte = 0;
  while (text.find("ready") == std::string::npos && ::read(master, &byte, 1) == 1) text += byte;
  termios raw{};
  ASSERT_EQ(::tcgetattr(user, &raw), 0);
  EXPECT_EQ(raw.c_lflag & (ICANON | ECHO | ISIG), 0U);
  size.ws_row = 44;
  ASSERT_EQ(::ioctl(master, TIOCSWINSZ, &size), 0);  // SIGWINCH for the session
  ::usleep(50000);
  ASSERT_EQ(::write(master, "x\r", 2), 2);
  EXPECT_EQ(wait_for(session), 44);
  termios after{};
  ASSERT_EQ(::tcgetattr(user, &after), 0);
  EXPECT_EQ(after.c_lflag, before.c_lflag);
  EXPECT_EQ(after.c_oflag, before.c_oflag);
  ::close(master);
  ::close(user);
}

}  // namespace
