// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/fs/rooted_dir.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/openat2.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

namespace fs = std::filesystem;

/// root/ is the container's, outside/ must never be touched.
class RootedDirTest : public testing::Test {
 protected:
  RootedDirTest() {
    fs::create_directories(directory / "root/etc");
    fs::create_directories(directory / "outside");
    replace_file(directory / "root/etc/passwd", "inside");
    replace_file(directory / "outside/passwd", "outside");
  }
  RootedDir root() const { return RootedDir::open(directory / "root"); }
  void link(const std::string& target, const std::string& name) const {
    fs::create_symlink(target, directory / ("root/" + name));
  }
  std::string read(const std::string& path) const {
    return read_all(root().open(path, O_RDONLY).get(), path);
  }
  int errno_of(const std::function<void()>& call) const {
    try {
      call();
    } catch (const Error& error) {
      return error.number();
    }
    return 0;
  }
  bool exists(const std::string& name) const {
    return fs::exists(fs::symlink_status(directory / name));
  }

  const TemporaryDirectory directory;
};

TEST_F(RootedDirTest, AbsoluteAndRelativeMeanFromTheRoot) {
  EXPECT_EQ(read("/etc/passwd"), "inside");
  EXPECT_EQ(read("etc/passwd"), "inside");
  EXPECT_EQ(read("//etc/./passwd"), "inside");
  EXPECT_TRUE(root().open("", O_PATH | O_DIRECTORY));
  EXPECT_TRUE(root().open("/", O_PATH | O_DIRECTORY));
}

TEST_F(RootedDirTest, DotDotStopsAtTheRoot) {
  EXPECT_EQ(read("../../../../etc/passwd"), "inside");
  EXPECT_EQ(read("etc/../../etc/passwd"), "inside");
  EXPECT_EQ(root().open_if_exists("../outside/passwd", O_RDONLY), std::nullopt);
}

TEST_F(RootedDirTest, SymlinksAreResolvedInside) {
  link("/etc", "absolute");
  link("../../../etc", "climbing");
  EXPECT_EQ(read("absolute/passwd"), "inside");
  EXPECT_EQ(read("climbing/passwd"), "inside");
  EXPECT_EQ(errno_of([&] { root().open_no_symlinks("absolute/passwd", O_RDONLY); }), ELOOP);
  EXPECT_TRUE(root().open_no_symlinks("etc/passwd", O_RDONLY));
}

TEST_F(RootedDirTest, MagicLinksAreRefused) {
  const RootedDir host = RootedDir::open("/");
  EXPECT_EQ(errno_of([&] { host.open("/proc/self/root/etc", O_PATH); }), ELOOP);
  EXPECT_EQ(errno_of([&] { host.open("/proc/self/exe", O_RDONLY); }), ELOOP);
}

TEST_F(RootedDirTest, EveryDescriptorIsCloseOnExec) {
  const UniqueFd opened = root().open("etc", O_PATH);
  const UniqueFd made = root().make_directories("new/directory");
  const UniqueFd file = root().make_file("new/file");
  const RootedDir::Parent parent = root().open_parent("etc/passwd");
  const RootedDir held = root();
  for (const int fd : {opened.get(), made.get(), file.get(), parent.directory.get(), held.fd()})
    EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
}

TEST_F(RootedDirTest, MissingIsNothingOrAnError) {
  EXPECT_EQ(root().open_if_exists("none", O_RDONLY), std::nullopt);
  EXPECT_EQ(root().open_if_exists("etc/passwd/below", O_RDONLY), std::nullopt);
  EXPECT_EQ(errno_of([&] { root().open("none", O_RDONLY); }), ENOENT);
  EXPECT_EQ(errno_of([&] { root().open(std::string_view("etc\0x", 5), O_RDONLY); }), EINVAL);
}

TEST_F(RootedDirTest, MakesDirectoriesThroughSymlinks) {
  link("/run", "var");
  root().make_directories("var/lock/deep", 0700);
  EXPECT_TRUE(fs::is_directory(directory / "root/run/lock/deep"));
  EXPECT_TRUE(fs::is_symlink(directory / "root/var"));
  EXPECT_TRUE(root().make_directories("var/lock/deep"));
}

TEST_F(RootedDirTest, MakesNothingOutside) {
  link("../../outside/made", "relative");
  link((directory / "outside") + "/made", "absolute");
  root().make_directories("relative/x");
  root().make_directories("absolute/x");
  root().make_directories("../../../outside/made");
  EXPECT_FALSE(exists("outside/made"));
  EXPECT_TRUE(exists("root/outside/made/x"));
}

TEST_F(RootedDirTest, MakesFilesBehindDanglingSymlinks) {
  // Debian's /etc/resolv.conf points to a file of /run that no image has.
  link("../run/systemd/resolve/stub", "etc/resolv.conf");
  const UniqueFd made = root().make_file("/etc/resolv.conf");
  EXPECT_TRUE(fs::is_regular_file(directory / "root/run/systemd/resolve/stub"));
  link((directory / "outside") + "/file", "etc/evil");
  root().make_file("etc/evil");
  EXPECT_FALSE(exists("outside/file"));
}

TEST_F(RootedDirTest, MakeFileLeavesWhatIsThere) {
  const UniqueFd file = root().make_file("etc/passwd");
  EXPECT_EQ(read("etc/passwd"), "inside");
  EXPECT_EQ(::fcntl(file.get(), F_GETFL) & O_PATH, O_PATH);
  EXPECT_TRUE(root().make_file("etc"));
  EXPECT_EQ(errno_of([&] { root().make_file("new/"); }), EISDIR);
}

TEST_F(RootedDirTest, FilesAndLoopsInTheWayAreErrors) {
  link("loop2", "loop1");
  link("loop1", "loop2");
  EXPECT_EQ(errno_of([&] { root().make_directories("loop1/x"); }), ELOOP);
  EXPECT_EQ(errno_of([&] { root().make_directories("etc/passwd"); }), ENOTDIR);
  EXPECT_EQ(errno_of([&] { root().make_directories("etc/passwd/x"); }), ENOTDIR);
}

TEST_F(RootedDirTest, AGrowingChainOfLinksEnds) {
  fs::create_directory(directory / "root/d");
  link("../d/next/x", "d/next");
  EXPECT_EQ(errno_of([&] { root().make_directories("d/next/y"); }), ELOOP);
}

TEST_F(RootedDirTest, ParentsKeepTheNameUnresolved) {
  link("passwd", "etc/link");
  const RootedDir::Parent parent = root().open_parent("/etc/link/");
  EXPECT_EQ(parent.name, "link");
  EXPECT_EQ(::faccessat(parent.directory.get(), "passwd", F_OK, 0), 0);
  for (const char* path : {"", "/", ".", "..", "etc/..", "etc/.", "../.."})
    EXPECT_EQ(errno_of([&] { root().open_parent(path); }), EINVAL) << path;
  EXPECT_EQ(errno_of([&] { root().open_parent("none/x"); }), ENOENT);
  EXPECT_EQ(root().make_parent("a/b/c").name, "c");
  EXPECT_TRUE(fs::is_directory(directory / "root/a/b"));
  EXPECT_FALSE(exists("root/a/b/c"));
}

TEST_F(RootedDirTest, RemovesTreesWithoutFollowing) {
  link((directory / "outside"), "etc/out");
  fs::create_directories(directory / "root/etc/a/b");
  replace_file(directory / "root/etc/a/b/c", "x");
  link("../../../outside", "etc/a/up");
  root().remove_all("etc");
  EXPECT_FALSE(exists("root/etc"));
  EXPECT_EQ(read_file(directory / "outside/passwd"), "outside");
  link((directory / "outside"), "top");
  root().remove_all("top");
  EXPECT_FALSE(exists("root/top"));
  EXPECT_TRUE(exists("outside/passwd"));
}

TEST_F(RootedDirTest, RemovingNothingIsFine) {
  root().remove_all("none");
  root().remove_all("none/below");
  EXPECT_EQ(errno_of([&] { root().remove_all("/"); }), EINVAL);
  EXPECT_EQ(errno_of([&] { root().remove_all(".."); }), EINVAL);
}

TEST_F(RootedDirTest, RemovesTreesDeeperThanAnyPath) {
  UniqueFd current = root().make_directories("deep");
  for (int depth = 0; depth < 1200; ++depth) {
    ASSERT_EQ(::mkdirat(current.get(), "directory", 0700), 0);
    current = open_at(current.get(), "directory", O_PATH | O_DIRECTORY);
  }
  root().remove_all("deep");
  EXPECT_FALSE(exists("root/deep"));
}

TEST_F(RootedDirTest, RemovesWhatAnImageClosedToItsOwner) {
  fs::create_directories(directory / "root/mine/closed/below");
  replace_file(directory / "root/mine/closed/below/file", "x");
  for (const char* const name : {"root/mine/closed/below", "root/mine/closed", "root/mine"})
    fs::permissions(directory / name, fs::perms::owner_read);
  const RootedDir held = root();
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t kNobody = 65534;
    bool fine = true;
    if (::geteuid() == 0) {  // to whom no directory is closed
      for (const char* const name :
           {"root", "root/mine", "root/mine/closed", "root/mine/closed/below"})
        fine = fine && ::chown((directory / name).c_str(), kNobody, kNobody) == 0;
      fine = fine && ::setresuid(kNobody, kNobody, kNobody) == 0;
    }
    if (fine) held.remove_all("mine");
    ::_exit(fine ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(exists("root/mine"));
}

TEST_F(RootedDirTest, OpenBeneathRefusesWhatItIsToldTo) {
  link("passwd", "etc/link");
  const std::uint64_t strict = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  const RootedDir held = root();
  EXPECT_EQ(open_beneath(held.fd(), "etc/link", O_RDONLY, 0, strict), -1);
  EXPECT_EQ(errno, ELOOP);
  EXPECT_EQ(open_beneath(held.fd(), "../outside", O_RDONLY, 0, strict), -1);
  EXPECT_EQ(errno, EXDEV);
  const UniqueFd fd(open_beneath(held.fd(), "etc/passwd", O_RDONLY, 0, strict));
  EXPECT_TRUE(fd);
}

}  // namespace
