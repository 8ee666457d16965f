// SPDX-License-Identifier: Apache-2.0
// For tests that mount: a child process in a mount namespace of its own, a tree to play with, a
// small rootfs plan. The real kernel.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/cgroup.hpp"
#include "runtime/kernel/procfs.hpp"
#include "runtime/kernel/rootfs.hpp"

namespace mount_test {

/// Runs `body` in a forked child; its gtest failures are printed and fail the test here.
inline void in_child(const std::function<void()>& body) {
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    try {
      body();
    } catch (const std::exception& error) {
      ADD_FAILURE() << "threw: " << error.what();
    }
    std::fflush(nullptr);
    ::_exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0) << "the child failed, see above";
}

/// The directory that in_mount_namespace makes for the Tree of its body, and removes.
inline std::string& tree_path() {
  static std::string path;
  return path;
}

/// Everything but /proc read-only: what a broken resolution would change on the host, it cannot.
inline void protect_the_host() {
  mount_attr change{};
  change.attr_set = MOUNT_ATTR_RDONLY;
  ASSERT_EQ(::mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &change, sizeof change), 0);
  change = {};
  change.attr_clr = MOUNT_ATTR_RDONLY;  // id maps are written there
  ASSERT_EQ(::mount_setattr(AT_FDCWD, "/proc", 0, &change, sizeof change), 0);
}

/// The same in a new mount namespace from which nothing reaches the host.
inline void in_mount_namespace(const std::function<void()>& body) {
  tree_path() = "/tmp/rootfs-test-XXXXXX";
  ASSERT_NE(::mkdtemp(tree_path().data()), nullptr);
  in_child([&] {
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0) << strerror(errno);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_NO_FATAL_FAILURE(protect_the_host());
    body();
  });
  EXPECT_EQ(::rmdir(tree_path().c_str()), 0) << "something was left in " << tree_path();
}

/// A directory with "rootfs" (the image) and "host" (what must stay untouched). A tmpfs, gone with
/// the namespace.
class Tree {
 public:
  Tree() {
    check(::mount("tmpfs", path_.c_str(), "tmpfs", 0, "mode=755"), "mount a tmpfs for the test");
    for (const char* name : {"/rootfs", "/host"}) make_directory(path_ + name);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  std::string root(const std::string& below = "") const { return path_ + "/rootfs" + below; }
  std::string host(const std::string& below = "") const { return path_ + "/host" + below; }

  static void make_directory(const std::string& path) {
    check(::mkdir(path.c_str(), 0755), "mkdir ", path);
  }
  static void make_link(const std::string& target, const std::string& path) {
    check(::symlink(target.c_str(), path.c_str()), "symlink ", path);
  }
  static void write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
  }

 private:
  std::string path_ = tree_path();
};

inline std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::vector<std::string> entries(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
  while (const dirent* entry = directory ? ::readdir(directory.get()) : nullptr)
    if (std::string(entry->d_name) != "." && std::string(entry->d_name) != "..")
      names.emplace_back(entry->d_name);
  return names;
}

inline struct stat status_of(const std::string& path) {
  struct stat status{};
  check(::lstat(path.c_str(), &status), "lstat ", path);
  return status;
}

/// The lines of mountinfo whose mount point is `point`.
inline std::vector<std::string> mounts_at(const std::string& point) {
  std::vector<std::string> lines;
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string skip, where;
    words >> skip >> skip >> skip >> skip >> where;
    if (where == point) lines.push_back(line);
  }
  return lines;
}

inline plan::RootfsPlan plan_for(const Tree& tree) {
  plan::RootfsPlan plan;
  plan.root = tree.root();
  plan.host_propagation = MS_SLAVE | MS_REC;
  return plan;
}

/// A rootfs under construction and what it borrows.
class Builder {
 public:
  explicit Builder(plan::RootfsPlan plan, std::vector<UniqueFd> trees = {})
      : plan_(std::move(plan)), rootfs_(plan_, cgroup_, procfs_, std::move(trees)) {}
  kernel::Rootfs& rootfs() { return rootfs_; }
  void mount_and_protect() {
    rootfs_.mount_all();
    rootfs_.protect();
  }

 private:
  plan::RootfsPlan plan_;
  kernel::Cgroup cgroup_ = kernel::Cgroup::open({});
  kernel::Procfs procfs_ = kernel::Procfs::open();
  kernel::Rootfs rootfs_;
};

/// Mounts and protects; the message of the Error, or "" when all went well.
inline std::string error_of(const plan::RootfsPlan& plan) {
  try {
    Builder(plan).mount_and_protect();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline plan::MountFilesystem proc() {
  return {
      .type = "proc",
      .source = "proc",
      .target = "/proc",
      .attributes = {.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, .clear = 0},
      .real_directory_only = true};
}
inline plan::MountFilesystem dev() {
  return {.type = "tmpfs",
          .source = "tmpfs",
          .target = "/dev",
          .attributes = {.set = MOUNT_ATTR_NOSUID, .clear = 0},
          .data = {"mode=755", "size=65536k"}};
}
inline plan::MountFilesystem devpts() {
  return {.type = "devpts",
          .source = "devpts",
          .target = "/dev/pts",
          .attributes = {.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, .clear = 0},
          .data = {"newinstance", "ptmxmode=0666", "mode=0620"}};
}
inline plan::MountFilesystem tmpfs(const std::string& target) {
  return {.type = "tmpfs", .source = "tmpfs", .target = target};
}
inline plan::MakeDevice null_device() {
  return {.path = "/dev/null", .type = 'c', .major = 1, .minor = 3};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// True when this process may do all this: tests are skipped otherwise (exit 77).
inline bool may_mount() {
  if (::geteuid() != 0) return false;
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(::unshare(CLONE_NEWNS) == 0 ? 0 : 1);
  int status = 1;
  ::waitpid(pid, &status, 0);
  return status == 0;
}

}  // namespace mount_test
