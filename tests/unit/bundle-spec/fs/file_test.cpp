// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/fs/file.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "bundle-spec/error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    names.push_back(entry.path().filename());
  return names;
}

mode_t mode_of(const std::string& path) {
  struct stat status;
  check(::stat(path.c_str(), &status), "stat ", path);
  return status.st_mode & 07777;
}

TEST(File, OpenedFilesAreCloseOnExec) {
  const UniqueFd file = open_at(AT_FDCWD, "/", O_RDONLY);
  EXPECT_EQ(::fcntl(file.get(), F_GETFD), FD_CLOEXEC);
}

TEST(File, MissingFilesAreErrorsOrNothing) {
  const TemporaryDirectory directory;
  try {
    read_file(directory / "none");
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.number(), ENOENT);
    EXPECT_NE(std::string(error.what()).find(directory / "none"), std::string::npos);
  }
  EXPECT_EQ(read_file_if_exists(directory / "none"), std::nullopt);
  replace_file(directory / "file", "x");
  EXPECT_EQ(read_file_if_exists(directory / "file/below"), std::nullopt);
}

TEST(File, AReapedProcessHasNoFiles) {
  const pid_t pid = check(::fork(), "fork");
  if (pid == 0) {
    ::pause();
    ::_exit(0);
  }
  // As if the kernel were half way through /proc/PID/stat while the process is reaped.
  const std::string name = "/proc/" + std::to_string(pid);
  const UniqueFd directory = open_at(AT_FDCWD, name, O_PATH | O_DIRECTORY);
  const UniqueFd file = open_at(directory.get(), "stat", O_RDONLY);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_FALSE(open_at_if_exists(directory.get(), "stat", O_RDONLY).has_value());
  EXPECT_EQ(read_file_if_exists("/proc/self/fd/" + std::to_string(file.get())), std::nullopt);
  EXPECT_THROW(open_at(directory.get(), "stat", O_RDONLY), Error);
}

TEST(File, ReadsFilesOfUnknownSize) {
  // procfs says 0 bytes.
  EXPECT_NE(read_file("/proc/self/status").find("Name:"), std::string::npos);
}

TEST(File, ReadsLargeFilesWhole) {
  const TemporaryDirectory directory;
  const std::string content(3'000'001, 'x');
  replace_file(directory / "file", content);
  EXPECT_EQ(read_file(directory / "file"), content);
}

TEST(File, TheLimitHolds) {
  const TemporaryDirectory directory;
  replace_file(directory / "file", "12345");
  EXPECT_EQ(read_file(directory / "file", 5), "12345");
  EXPECT_THROW(read_file(directory / "file", 4), Error);
  EXPECT_THROW(read_file("/dev/zero", 100'000), Error);
}

TEST(File, ReplaceLeavesNothingElseBehind) {
  const TemporaryDirectory directory;
  replace_file(directory / "file", "old", 0600);
  replace_file(directory / "file", "new", 0640, Durability::kSynced);
  EXPECT_EQ(read_file(directory / "file"), "new");
  EXPECT_EQ(mode_of(directory / "file"), 0640u);
  EXPECT_EQ(names_in(directory.path()), std::vector<std::string>{"file"});
}

TEST(File, AFailedReplaceLeavesNothingBehind) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "taken");
  EXPECT_THROW(replace_file(directory / "taken", "x"), Error);
  EXPECT_THROW(replace_file(directory / "no/such/file", "x"), Error);
  EXPECT_THROW(replace_file(directory / "", "x"), Error);
  EXPECT_EQ(names_in(directory.path()), std::vector<std::string>{"taken"});
}

TEST(File, ReplaceReplacesASymlinkItself) {
  const TemporaryDirectory directory;
  replace_file(directory / "target", "target");
  std::filesystem::create_symlink("target", directory / "link");
  replace_file(directory / "link", "new");
  EXPECT_EQ(read_file(directory / "target"), "target");
  EXPECT_FALSE(std::filesystem::is_symlink(directory / "link"));
}

TEST(File, WriteValueNeverCreates) {
  const TemporaryDirectory directory;
  const UniqueFd dir = open_at(AT_FDCWD, directory.path(), O_PATH | O_DIRECTORY);
  EXPECT_THROW(write_value_at(dir.get(), "none", "1"), Error);
  replace_file(directory / "value", "0");
  write_value_at(dir.get(), "value", "1");
  EXPECT_EQ(read_file_at(dir.get(), "value"), "1");
}

TEST(File, ALockIsExclusive) {
  const TemporaryDirectory directory;
  int answer[2];
  ASSERT_EQ(::pipe2(answer, O_CLOEXEC), 0);
  UniqueFd held = lock_file(directory / "lock");
  const pid_t child = ::fork();
  if (child == 0) {
    const UniqueFd lock = lock_file(directory / "lock");
    ::_exit(::write(answer[1], "x", 1) == 1 ? 0 : 1);
  }
  ::close(answer[1]);
  struct timespec moment = {.tv_sec = 0, .tv_nsec = 50'000'000};
  ::nanosleep(&moment, nullptr);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, WNOHANG), 0) << "the lock was taken twice";
  // flock(2) belongs to the open file, which the child shares until it execs or exits.
  ::flock(held.get(), LOCK_UN);
  char byte;
  EXPECT_EQ(::read(answer[0], &byte, 1), 1);
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  ::close(answer[0]);
}

TEST(File, MakeDirectoriesMakesAllAndTakesExistingOnes) {
  const TemporaryDirectory directory;
  make_directories(directory / "a/b//c/", 0750);
  make_directories(directory / "a/b/c", 0700);
  EXPECT_EQ(mode_of(directory / "a/b/c"), 0750u);
  make_directories("/", 0700);
  replace_file(directory / "file", "x");
  EXPECT_THROW(make_directories(directory / "file", 0700), Error);
  EXPECT_THROW(make_directories(directory / "file/below", 0700), Error);
  EXPECT_THROW(make_directories("", 0700), Error);
}

TEST(File, RealPathResolvesSymlinks) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "real");
  std::filesystem::create_symlink("real", directory / "link");
  EXPECT_EQ(real_path(directory / "link/."), real_path(directory / "real"));
  EXPECT_THROW(real_path(directory / "none"), Error);
}

TEST(File, ANulByteIsNoPath) {
  EXPECT_THROW(open_at(AT_FDCWD, std::string("/\0x", 3), O_RDONLY), Error);
}

}  // namespace
