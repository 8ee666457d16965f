// SPDX-License-Identifier: Apache-2.0
// Hostile images against kernel/rootfs (reference/runtime.md 4.2): each builds the tree on disk and
// looks at the host afterwards.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "runtime/kernel/terminal.hpp"
#include "tests/unit/runtime/kernel/mount_namespace.hpp"

using namespace mount_test;

namespace {

constexpr int kRaces = 500;

TEST(RootfsAttack, SymlinkedProcAndSysAreRefused) {  // CVE-2019-19921, CVE-2025-54867
  for (const std::string type : {"proc", "sysfs"})
    in_mount_namespace([type] {
      const Tree tree;
      Tree::make_directory(tree.root("/evil"));
      plan::MountFilesystem step = proc();
      step.type = step.source = type;
      step.target = type == "proc" ? "/proc" : "/sys";
      plan::RootfsPlan plan = plan_for(tree);
      plan.mounts = {step};
      for (const std::string& target :
           {std::string("/evil"), std::string("evil"), tree.host(), std::string("/none")}) {
        Tree::make_link(target, tree.root(step.target));
        const std::string error = error_of(plan);
        EXPECT_TRUE(contains(error, step.target + " is not a real directory")) << error;
        EXPECT_TRUE(mounts_at(tree.root("/evil")).empty());
        EXPECT_TRUE(mounts_at(tree.host()).empty());
        ASSERT_EQ(::unlink(tree.root(step.target).c_str()), 0);
      }
    });
}

TEST(RootfsAttack, NothingElseTakesThePlaceOfProc) {  // CVE-2019-16884
  in_mount_namespace([] {
    const Tree tree;
    plan::RootfsPlan plan = plan_for(tree);
    plan.mounts = {tmpfs("/proc")};
    EXPECT_TRUE(contains(error_of(plan), "cannot take the place of /proc")) << error_of(plan);
    plan.mounts = {plan::BindMount{.source = tree.host(), .target = "//proc/."}};
    EXPECT_TRUE(contains(error_of(plan), "cannot take the place of /proc")) << error_of(plan);
    plan.mounts = {plan::BindMount{.source = "/proc", .target = "/proc", .recursive = true}};
    EXPECT_EQ(error_of(plan), "");
  });
}

TEST(RootfsAttack, NoMountLeadsIntoProcByASymlink) {  // CVE-2025-52881: another proc file over a
                                                      // label or sysctl file
  in_mount_namespace([] {
    const Tree tree;
    Tree::make_link("/proc/sys/kernel", tree.root("/volume"));
    plan::RootfsPlan plan = plan_for(tree);
    for (const std::string target : {"/volume/hostname", "/volume"}) {
      const std::string source = target == "/volume" ? tree.host() : "/proc/version";
      plan.mounts = {proc(), plan::BindMount{.source = source, .target = target}};
      EXPECT_TRUE(contains(error_of(plan), "leads into a proc file system")) << error_of(plan);
    }
  });
}

TEST(RootfsAttack, SymlinkedDevIsRefusedAndTheDecoyStays) {  // CVE-2026-41579, CVE-2026-47766
  in_mount_namespace([] {
    const Tree tree;
    Tree::write(tree.host("/ptmx"), "decoy");
    plan::RootfsPlan plan = plan_for(tree);
    for (const std::string& target :
         {tree.host(), std::string("../host"), std::string("../../../../../../..") + tree.host()}) {
      Tree::make_link(target, tree.root("/dev"));
      for (const plan::RootfsStep& step : std::vector<plan::RootfsStep>{
               plan::MakeLink{.path = "/dev/ptmx", .target = "pts/ptmx", .replace = true},
               null_device(), plan::MakeDevice{.path = "/dev/net/tun", .major = 10, .minor = 200},
               plan::MakeDevice{
                   .path = "/dev/zero", .major = 1, .minor = 5, .bind_from_host = true}}) {
        plan.mounts = {step};
        EXPECT_TRUE(contains(error_of(plan), "/dev is not a real directory")) << error_of(plan);
      }
      ASSERT_EQ(::unlink(tree.root("/dev").c_str()), 0);
    }
    EXPECT_EQ(read(tree.host("/ptmx")), "decoy");
    EXPECT_EQ(entries(tree.host()), std::vector<std::string>{"ptmx"});
  });
}

TEST(RootfsAttack, DestinationsStayInside) {  // CVE-2019-18837, CVE-2021-30465, CVE-2024-45310
  in_mount_namespace([] {
    const Tree tree;
    Tree::write(tree.host("/source"), "x");
    Tree::make_directory(tree.host("/target"));
    Tree::make_link(tree.host("/target"), tree.root("/absolute"));
    Tree::make_link("../host/target", tree.root("/relative"));
    Tree::make_link(tree.host("/target/made"), tree.root("/dangling"));
    plan::RootfsPlan plan = plan_for(tree);
    plan.mounts = {
        tmpfs("/absolute/a"),
        tmpfs("/relative/b"),
        plan::BindMount{.source = tree.host("/source"), .target = "/absolute/file"},
        plan::BindMount{.source = tree.host("/source"), .target = "/dangling"},
        plan::BindMount{.source = tree.host("/source"), .target = "/../../../../relative/file"},
        plan::MakeDevice{.path = "/absolute/null", .major = 1, .minor = 3},
        plan::MakeLink{.path = "/relative/link", .target = "/x"},
        plan::MakeWorkingDirectory{"/absolute/work"}};
    EXPECT_EQ(error_of(plan), "");
    EXPECT_TRUE(entries(tree.host("/target")).empty());
    EXPECT_EQ(read(tree.root("/host/target/file")), "x");
    EXPECT_EQ(mounts_at(tree.root("/host/target/b")).size(), 1U);
  });
}

TEST(RootfsAttack, ASourceBelowTheRootIsResolvedInside) {
  in_mount_namespace([] {
    const Tree tree;
    Tree::write(tree.host("/secret"), "secret");
    Tree::make_link(tree.host("/secret"), tree.root("/link"));
    plan::RootfsPlan plan = plan_for(tree);
    plan.mounts = {plan::BindMount{.source = tree.root("/link"), .target = "/shown"}};
    EXPECT_TRUE(contains(error_of(plan), "No such file or directory")) << error_of(plan);
    try {
      EXPECT_FALSE(kernel::prepare_mounts(plan, true, -1)[0]);
    } catch (const Error& error) {
      EXPECT_TRUE(contains(error.what(), "No such file or directory")) << error.what();
    }
  });
}

TEST(RootfsAttack, MasksUseTheHostsNullDevice) {  // CVE-2025-31133
  in_mount_namespace([] {
    const Tree tree;
    Tree::make_directory(tree.root("/dev"));
    Tree::make_link("/proc/sys/kernel/core_pattern", tree.root("/dev/null"));
    Tree::write(tree.root("/dev/zero"), "");
    Tree::write(tree.root("/secret"), "secret");
    Tree::make_link(tree.host(), tree.root("/out"));
    Tree::write(tree.host("/kept"), "kept");
    plan::RootfsPlan plan = plan_for(tree);
    plan.mounts = {proc()};
    plan.protections = {plan::MaskPath{"/secret"}, plan::MaskPath{"/proc/version"},
                        plan::MaskPath{"/out"}, plan::MaskPath{"/out/kept"}};
    EXPECT_EQ(error_of(plan), "");
    EXPECT_EQ(status_of(tree.root("/secret")).st_rdev, makedev(1, 3));
    EXPECT_EQ(status_of(tree.root("/proc/version")).st_rdev, makedev(1, 3));
    EXPECT_EQ(read(tree.host("/kept")), "kept");
    EXPECT_TRUE(mounts_at(tree.host()).empty());
    plan.mounts = {null_device()};
    EXPECT_TRUE(contains(error_of(plan), "is not the device asked for")) << error_of(plan);
    plan.protections = {plan::MaskPath{"/none/.."}, plan::MaskPath{"/proc/.."}};
    plan.mounts = {};
    EXPECT_TRUE(contains(error_of(plan), "root of the container cannot be masked"))
        << error_of(plan);
  });
}

TEST(RootfsAttack, ConsoleFollowsNoSymlink) {  // CVE-2025-52565, CVE-2026-88264
  in_mount_namespace([] {
    const Tree tree;
    Tree::make_directory(tree.root("/dev"));
    Tree::write(tree.host("/console"), "decoy");
    plan::RootfsPlan plan = plan_for(tree);
    plan.mounts = {devpts()};
    Builder builder(plan);
    builder.rootfs().mount_all();
    const kernel::Terminal terminal = kernel::open_terminal(
        builder.rootfs().root(), oci::ConsoleSize{.height = 5, .width = 9}, 12);
    for (const std::string& target :
         {tree.host("/console"), std::string("../host/console"), tree.host("/made")}) {
      Tree::make_link(target, tree.root("/dev/console"));
      EXPECT_THROW(builder.rootfs().bind_console(terminal.slave.get()), Error);
      ASSERT_EQ(::unlink(tree.root("/dev/console").c_str()), 0);
    }
    EXPECT_EQ(entries(tree.host()), std::vector<std::string>{"console"});
    EXPECT_EQ(read(tree.host("/console")), "decoy");
    builder.rootfs().bind_console(terminal.slave.get());
    EXPECT_EQ(major(status_of(tree.root("/dev/console")).st_rdev), 136U);
    EXPECT_EQ(status_of(tree.root("/dev/console")).st_uid, 12U);
    EXPECT_EQ(terminal.name, "/dev/pts/0");
  });
}

TEST(RootfsAttack, TerminalComesFromDevptsOnly) {
  in_mount_namespace([] {
    const Tree tree;
    Tree::make_directory(tree.root("/dev"));
    Tree::make_directory(tree.root("/dev/pts"));
    plan::RootfsPlan plan = plan_for(tree);
    Builder builder(plan);
    const RootedDir& root = builder.rootfs().root();
    EXPECT_THROW(kernel::open_terminal(root, std::nullopt, 0), Error);
    ASSERT_EQ(::mknod(tree.root("/dev/pts/ptmx").c_str(), S_IFCHR | 0666, makedev(5, 2)), 0);
    EXPECT_THROW(kernel::open_terminal(root, std::nullopt, 0), Error);
    ASSERT_EQ(::unlink(tree.root("/dev/pts/ptmx").c_str()), 0);
    Tree::make_link("/dev/pts/ptmx", tree.root("/dev/pts/ptmx"));
    EXPECT_THROW(kernel::open_terminal(root, std::nullopt, 0), Error);
  });
}

/// A process that does something again and again until this object goes.
class Racer {
 public:
  explicit Racer(const std::function<void()>& act) {
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (true) act();
  }
  Racer(const Racer&) = delete;
  Racer& operator=(const Racer&) = delete;
  ~Racer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_ = -1;
};

TEST(RootfsAttack, RacingRenamesReachNothingOutside) {  // CVE-2021-30465, CVE-2024-45310
  in_mount_namespace([] {
    const Tree tree;
    Tree::make_directory(tree.host("/target"));
    Tree::make_directory(tree.root("/volume"));
    Tree::make_directory(tree.root("/volume/a"));
    Tree::make_directory(tree.root("/volume/a/proc"));
    Tree::make_link("../../host/target", tree.root("/volume/b"));
    Tree::make_link(tree.host("/target"), tree.root("/volume/c"));
    Tree::write(tree.host("/source"), "x");
    const std::string a = tree.root("/volume/a"), b = tree.root("/volume/b"),
                      c = tree.root("/volume/c");
    const Racer racer([&] {
      ::syscall(SYS_renameat2, AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), 2U /* RENAME_EXCHANGE */);
      ::syscall(SYS_renameat2, AT_FDCWD, a.c_str(), AT_FDCWD, c.c_str(), 2U);
    });
    plan::MountFilesystem real = proc();
    real.target = "/volume/a/proc";
    int refused = 0;
    for (int round = 0; round < kRaces; ++round) {
      plan::RootfsPlan plan = plan_for(tree);
      plan.mounts = {tmpfs("/volume/a/tmp"),
                     plan::BindMount{.source = tree.host("/source"),
                                     .target = "/volume/a/new" + std::to_string(round)},
                     plan::MakeDevice{.path = "/volume/a/null", .major = 1, .minor = 3},
                     plan::MakeLink{.path = "/volume/a/link", .target = "/x", .replace = true},
                     plan::MakeWorkingDirectory{"/volume/a/deep/" + std::to_string(round)}};
      plan.protections = {plan::ReadonlyPath{"/volume/a"}, plan::MaskPath{"/volume/a/proc"}};
      if (round % 2 == 1) plan.mounts = {real};
      refused += error_of(plan).empty() ? 0 : 1;
      ASSERT_TRUE(mounts_at(tree.host("/target")).empty());
      ASSERT_TRUE(entries(tree.host("/target")).empty()) << entries(tree.host("/target"))[0];
      while (::umount2(tree.root().c_str(), MNT_DETACH) == 0) {
      }
    }
    EXPECT_TRUE(mounts_at(tree.host()).empty());
    EXPECT_TRUE(mounts_at(tree.host("/target/proc")).empty());
    EXPECT_GT(refused, 0) << "the race was never on";
  });
}

TEST(RootfsAttack, AReadonlyBindIsNeverWritable) {
  in_mount_namespace([] {
    const Tree tree;
    Tree::make_directory(tree.root("/ro"));
    Tree::make_directory(tree.host("/volume"));
    ASSERT_EQ(::mount("tmpfs", tree.host("/volume").c_str(), "tmpfs", 0, nullptr), 0);
    ASSERT_EQ(
        ::mount(tree.root("/ro").c_str(), tree.root("/ro").c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(::mount(nullptr, tree.root("/ro").c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY,
                      nullptr),
              0);
    const Racer racer([&] {
      const int fd = ::open(tree.root("/ro/written").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
      if (fd >= 0) ::close(fd);
    });
    plan::RootfsPlan plan = plan_for(tree);
    plan.mounts = {plan::BindMount{.source = tree.host("/volume"),
                                   .target = "/ro",
                                   .attributes = {.set = MOUNT_ATTR_RDONLY, .clear = 0}}};
    for (int round = 0; round < kRaces; ++round) {
      ASSERT_EQ(error_of(plan), "");
      ASSERT_EQ(::umount2(tree.root().c_str(), MNT_DETACH), 0);
    }
    EXPECT_TRUE(entries(tree.host("/volume")).empty());
  });
}

TEST(RootfsAttack, ReadonlyRootNeedsNoProc) {  // CVE-2026-115521: a fake /proc in the image
  in_mount_namespace([] {
    const Tree tree;
    Tree::make_directory(tree.root("/proc"));
    Tree::make_directory(tree.root("/proc/self"));
    Tree::make_link(tree.host(), tree.root("/proc/self/fd"));
    plan::RootfsPlan plan = plan_for(tree);
    plan.readonly_root = true;
    Builder builder(plan);
    builder.mount_and_protect();
    builder.rootfs().enter();
    EXPECT_EQ(::mkdir("/new", 0700), -1);
    EXPECT_EQ(errno, EROFS);
  });
}

}  // namespace
