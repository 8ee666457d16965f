// SPDX-License-Identifier: Apache-2.0
// A process of the container swaps directories for symlinks while we work (CVE-2019-18837,
// CVE-2021-30465 and kin).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

namespace fs = std::filesystem;

/// Exchanges two names as fast as it can.
class Swapper {
 public:
  Swapper(std::string one, std::string other)
      : thread_([this, one, other] {
          while (!stop_) {
            if (::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0)
              ++swaps_;
          }
        }) {}
  Swapper(const Swapper&) = delete;
  Swapper& operator=(const Swapper&) = delete;
  ~Swapper() {
    stop_ = true;
    thread_.join();
  }
  int swaps() const { return swaps_; }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<int> swaps_ = 0;
  std::thread thread_;
};

/// root/ is the container's, outside/ must stay as it is.
RootedDir prepare(const TemporaryDirectory& directory) {
  fs::create_directories(directory / "root/a/b");
  fs::create_directories(directory / "outside/b");
  replace_file(directory / "outside/precious", "precious");
  replace_file(directory / "outside/b/precious", "precious");
  fs::create_directory_symlink(directory / "outside", directory / "root/evil");
  fs::create_directory_symlink("../../../outside", directory / "root/climbing");
  return RootedDir::open(directory / "root");
}

class RootedDirAttack : public testing::Test {
 protected:
  /// Repeats `call` under attack; what it throws is fine, what it does outside is not.
  template <typename Call>
  void under_attack(const std::string& link, Call call) {
    {
      const Swapper swapper(directory / "root/a", directory / ("root/" + link));
      for (int round = 0; round < 300 || swapper.swaps() < 100; ++round) {
        try {
          call(round);
        } catch (const Error&) {
          continue;
        }
      }
    }
    std::vector<std::string> left;
    for (const auto& entry : fs::recursive_directory_iterator(directory / "outside"))
      left.push_back(entry.path().filename());
    std::ranges::sort(left);
    EXPECT_EQ(left, (std::vector<std::string>{"b", "precious", "precious"}));
  }

  const TemporaryDirectory directory;
  const RootedDir root = prepare(directory);
};

TEST_F(RootedDirAttack, FilesAreMadeInsideOnly) {
  for (const char* link : {"evil", "climbing"})
    under_attack(link, [&](int round) { root.make_file(sentence("a/file", round % 50)); });
}

TEST_F(RootedDirAttack, DirectoriesAreMadeInsideOnly) {
  for (const char* link : {"evil", "climbing"})
    under_attack(link, [&](int round) {
      root.make_directories(sentence("a/b/../new", round % 50, "/../x/y", round % 50));
    });
}

TEST_F(RootedDirAttack, RemovalStaysInside) {
  for (const char* link : {"evil", "climbing"})
    under_attack(link, [&](int) {
      root.remove_all("a/precious");
      root.remove_all("a/b");
      root.make_directories("a/b/c");
    });
}

TEST_F(RootedDirAttack, ReadsStayInside) {
  replace_file(directory / "root/a/precious", "inside");
  under_attack("evil", [&](int) {
    const std::optional<UniqueFd> file = root.open_if_exists("a/../a/precious", O_RDONLY);
    if (file) {
      EXPECT_EQ(read_all(file->get(), "precious"), "inside");
    }
  });
}

/// Runs in a child with a mount namespace of its own. Returns its exit status.
int remove_over_a_mount(const std::string& root) {
  const std::string uid_map = sentence("0 ", ::geteuid(), " 1");
  const std::string gid_map = sentence("0 ", ::getegid(), " 1");
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 77;
  write_value_at(AT_FDCWD, "/proc/self/setgroups", "deny");
  write_value_at(AT_FDCWD, "/proc/self/uid_map", uid_map);
  write_value_at(AT_FDCWD, "/proc/self/gid_map", gid_map);
  const std::string target = root + "/a/b";
  if (::mount("tmpfs", target.c_str(), "tmpfs", 0, nullptr) != 0) return 77;
  replace_file(target + "/precious", "precious");
  try {
    RootedDir::open(root).remove_all("a");
    return 1;
  } catch (const Error& error) {
    if (error.number() != EBUSY) return 2;
  }
  return read_file_if_exists(target + "/precious") ? 0 : 3;
}

TEST_F(RootedDirAttack, RemovalDoesNotEnterMounts) {
  const pid_t child = ::fork();
  if (child == 0) {
    int result = 4;
    try {
      result = remove_over_a_mount(directory / "root");
    } catch (const Error&) {
      result = 5;
    }
    ::_exit(result);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "no user namespaces here";
  EXPECT_EQ(status, 0);
}

}  // namespace
