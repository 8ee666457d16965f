// SPDX-License-Identifier: Apache-2.0
// kernel/rootfs against the running kernel. Needs root: exits 77 (skipped) without.
#include "runtime/kernel/rootfs.hpp"

#include "runtime/kernel/mount_calls.hpp"
#include "runtime/kernel/namespaces.hpp"
#include "runtime/kernel/proc_context.hpp"
#include "runtime/kernel/syscalls.hpp"
#include "runtime/plan/cgroup.hpp"
#include "tests/unit/runtime/kernel/mount_namespace.hpp"

using namespace mount_test;

namespace {

constexpr std::uint64_t kReadonly = MOUNT_ATTR_RDONLY;

std::vector<plan::RootfsStep> usual_mounts() {
  std::vector<plan::RootfsStep> steps = {proc(), dev(), devpts()};
  plan::MountFilesystem sysfs{.type = "sysfs", .source = "sysfs", .target = "/sys"};
  sysfs.attributes.set = kReadonly | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  sysfs.real_directory_only = true;
  steps.emplace_back(sysfs);
  steps.emplace_back(null_device());
  steps.emplace_back(plan::MakeDevice{
      .path = "/dev/deep/er/zero", .type = 'c', .major = 1, .minor = 5, .uid = 7, .gid = 8});
  steps.emplace_back(plan::MakeDevice{.path = "/dev/pipe", .type = 'p', .mode = 0640});
  steps.emplace_back(plan::MakeLink{.path = "/dev/fd", .target = "/proc/self/fd"});
  steps.emplace_back(plan::MakeLink{.path = "/dev/ptmx", .target = "pts/ptmx", .replace = true});
  steps.emplace_back(plan::MakeWorkingDirectory{.path = "/srv/work"});
  return steps;
}

/// A child with id 0 mapped to 100000 and a mount namespace of its own.
void in_user_namespace(const std::function<void()>& body) {
  int ready[2], mapped[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(mapped, O_CLOEXEC), 0);
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  char byte = 0;
  if (pid == 0) {
    ::close(mapped[1]);
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 || ::write(ready[1], "x", 1) != 1 ||
        ::read(mapped[0], &byte, 1) != 1)
      ::_exit(2);
    if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) ::_exit(3);
    try {
      body();
    } catch (const std::exception& error) {
      ADD_FAILURE() << "threw: " << error.what();
    }
    std::fflush(nullptr);
    ::_exit(testing::Test::HasFailure() ? 1 : 0);
  }
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  plan::NamespacePlan namespaces;
  namespaces.uid_mappings =
      namespaces.gid_mappings = {{.container_id = 0, .host_id = 100000, .size = 1000}};
  kernel::write_id_maps(pid, namespaces);
  ASSERT_EQ(::write(mapped[1], "x", 1), 1);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0) << "the child in the user namespace failed, see above";
  for (const int fd : {ready[0], ready[1], mapped[0], mapped[1]}) ::close(fd);
}

TEST(Rootfs, BuildsAndEnters) {
  in_mount_namespace([] {
    const Tree tree;
    plan::RootfsPlan plan = plan_for(tree);
    plan.mounts = usual_mounts();
    plan.protections = {plan::ReadonlyPath{"/proc/sys"}, plan::ReadonlyPath{"/proc/none"},
                        plan::MaskPath{"/proc/version"}, plan::MaskPath{"/proc/none"},
                        plan::MaskPath{"/proc/fs"},      plan::MaskPath{"/proc/irq"}};
    plan.readonly_root = true;
    Builder builder(plan);
    builder.mount_and_protect();
    builder.rootfs().enter();

    EXPECT_EQ(status_of("/dev/null").st_rdev, makedev(1, 3));
    EXPECT_EQ(status_of("/dev/null").st_mode, mode_t{S_IFCHR | 0666});
    EXPECT_EQ(status_of("/dev/deep/er/zero").st_uid, 7U);
    EXPECT_EQ(status_of("/dev/deep/er/zero").st_gid, 8U);
    EXPECT_EQ(status_of("/dev/pipe").st_mode, mode_t{S_IFIFO | 0640});
    EXPECT_TRUE(S_ISLNK(status_of("/dev/ptmx").st_mode));
    EXPECT_EQ(status_of("/srv/work").st_mode, mode_t{S_IFDIR | 0755});
    EXPECT_EQ(::open("/new", O_CREAT | O_WRONLY | O_CLOEXEC, 0600), -1);
    EXPECT_EQ(errno, EROFS);
    EXPECT_EQ(::open("/proc/sys/kernel/hostname", O_WRONLY | O_CLOEXEC), -1);
    EXPECT_EQ(errno, EROFS);
    EXPECT_EQ(status_of("/proc/version").st_rdev, makedev(1, 3));
    EXPECT_TRUE(entries("/proc/fs").empty());
    EXPECT_TRUE(entries("/proc/irq").empty());
    EXPECT_EQ(::mkdir("/proc/irq/x", 0700), -1);
    ASSERT_EQ(mounts_at("/").size(), 1U) << "the old root is still there";
    ASSERT_EQ(mounts_at("/proc/sys").size(), 1U);
    EXPECT_TRUE(contains(mounts_at("/proc/sys")[0], "ro,nosuid,nodev,noexec"))
        << mounts_at("/proc/sys")[0];
    EXPECT_TRUE(contains(mounts_at("/sys")[0], "ro,nosuid,nodev,noexec")) << mounts_at("/sys")[0];
    const std::unique_ptr<char, void (*)(void*)> cwd(::getcwd(nullptr, 0), &std::free);
    EXPECT_STREQ(cwd.get(), "/");
  });
}

TEST(Rootfs, EntersByMovingAndByChroot) {
  for (const plan::EnterRoot way : {plan::EnterRoot::kMove, plan::EnterRoot::kChroot})
    in_mount_namespace([way] {
      const Tree tree;
      plan::RootfsPlan plan = plan_for(tree);
      plan.enter = way;
      plan.has_mount_namespace = way == plan::EnterRoot::kMove;
      if (plan.has_mount_namespace) plan.mounts = {proc()};
      Tree::write(tree.root("/inside"), "yes");
      Builder builder(plan);
      builder.mount_and_protect();
      builder.rootfs().enter();
      EXPECT_EQ(read("/inside"), "yes");
      EXPECT_EQ(read("../../inside"), "yes");
      if (!plan.has_mount_namespace) return;
      EXPECT_EQ(mounts_at("/proc").size(), 1U);
      EXPECT_TRUE(mounts_at("/sys").empty());
    });
}

TEST(Rootfs, BindsDirectoriesAndFilesWithAttributesAndPropagation) {
  in_mount_namespace([] {
    const Tree tree;
    Tree::make_directory(tree.host("/sub"));
    Tree::write(tree.host("/file"), "content");
    ASSERT_EQ(::mount("tmpfs", tree.host("/sub").c_str(), "tmpfs", 0, nullptr), 0);
    plan::RootfsPlan plan = plan_for(tree);
    plan.mounts = {
        plan::BindMount{.source = tree.host(),
                        .target = "/a/b",
                        .recursive = true,
                        .recursive_attributes = {.set = kReadonly | MOUNT_ATTR_NOSUID, .clear = 0},
                        .propagation = {MS_PRIVATE | MS_REC, MS_SHARED}},
        plan::BindMount{.source = tree.host("/file"), .target = "/c/file"},
        plan::ChangeMount{.target = "/c/file", .attributes = {.set = kReadonly, .clear = 0}}};
    Builder(plan).mount_and_protect();
    EXPECT_EQ(read(tree.root("/c/file")), "content");
    ASSERT_EQ(mounts_at(tree.root("/a/b")).size(), 1U);
    EXPECT_TRUE(contains(mounts_at(tree.root("/a/b"))[0], "ro,nosuid"))
        << mounts_at(tree.root("/a/b"))[0];
    EXPECT_TRUE(contains(mounts_at(tree.root("/a/b"))[0], " shared:"));
    ASSERT_EQ(mounts_at(tree.root("/a/b/sub")).size(), 1U);
    EXPECT_TRUE(contains(mounts_at(tree.root("/a/b/sub"))[0], "ro,nosuid"));
    EXPECT_FALSE(contains(mounts_at(tree.root("/a/b/sub"))[0], " shared:"));
    EXPECT_EQ(::open(tree.root("/c/file").c_str(), O_WRONLY | O_CLOEXEC), -1);
  });
}

TEST(Rootfs, SaysWhatIsWrongWithAMount) {
  in_mount_namespace([] {
    const Tree tree;
    plan::RootfsPlan plan = plan_for(tree);
    plan.mounts = {plan::BindMount{.source = tree.host("/none"), .target = "/a"}};
    const std::string missing = error_of(plan);
    EXPECT_TRUE(missing.starts_with("bind " + tree.host("/none") + " on /a: ")) << missing;
    EXPECT_TRUE(missing.ends_with(": No such file or directory")) << missing;
    plan::MountFilesystem odd = tmpfs("/a");
    odd.data = {"nonsense=1"};
    plan.mounts = {odd};
    EXPECT_TRUE(contains(error_of(plan), "nonsense=1")) << error_of(plan);
    odd.propagation = {MS_PRIVATE};
    plan.mounts = {odd};
    EXPECT_TRUE(contains(error_of(plan), "nonsense")) << error_of(plan);
    plan.mounts = {plan::ChangeMount{.target = "/a", .attributes = {.set = kReadonly, .clear = 0}}};
    EXPECT_TRUE(contains(error_of(plan), "is not a mount")) << error_of(plan);
    plan.mounts = {tmpfs("/a/..")};
    EXPECT_TRUE(contains(error_of(plan), "root of the container")) << error_of(plan);
    plan.root = tree.root("/none");
    EXPECT_TRUE(contains(error_of(plan), plan.root)) << error_of(plan);
  });
}

TEST(Rootfs, TmpfsTakesModeAndContentOfWhatItCovers) {
  in_mount_namespace([] {
    const Tree tree;
    Tree::make_directory(tree.root("/full"));
    ASSERT_EQ(::chmod(tree.root("/full").c_str(), 01770), 0);
    ASSERT_EQ(::chown(tree.root("/full").c_str(), 5, 6), 0);
    Tree::make_directory(tree.root("/full/d"));
    Tree::write(tree.root("/full/d/file"), std::string(100000, 'x'));
    ASSERT_EQ(::chown(tree.root("/full/d/file").c_str(), 3, 4), 0);
    ASSERT_EQ(::chmod(tree.root("/full/d/file").c_str(), 04755), 0);
    Tree::make_link("/etc/shadow", tree.root("/full/link"));
    ASSERT_EQ(::mknod(tree.root("/full/pipe").c_str(), S_IFIFO | 0600, 0), 0);
    plan::MountFilesystem full = tmpfs("/full");
    full.attributes.set = kReadonly;
    full.mode_from_target = full.copy_up = true;
    plan::RootfsPlan plan = plan_for(tree);
    plan.mounts = {full};
    Builder(plan).mount_and_protect();
    ASSERT_EQ(mounts_at(tree.root("/full")).size(), 1U);
    EXPECT_EQ(status_of(tree.root("/full")).st_mode, mode_t{S_IFDIR | 01770});
    EXPECT_EQ(status_of(tree.root("/full")).st_uid, 5U);
    EXPECT_EQ(read(tree.root("/full/d/file")), std::string(100000, 'x'));
    EXPECT_EQ(status_of(tree.root("/full/d/file")).st_mode, mode_t{S_IFREG | 04755});
    EXPECT_EQ(status_of(tree.root("/full/d/file")).st_gid, 4U);
    EXPECT_TRUE(S_ISLNK(status_of(tree.root("/full/link")).st_mode));
    EXPECT_TRUE(S_ISFIFO(status_of(tree.root("/full/pipe")).st_mode));
    EXPECT_EQ(::mkdir(tree.root("/full/new").c_str(), 0700), -1);
    EXPECT_EQ(errno, EROFS);
  });
}

TEST(Rootfs, MakesReadonlyLate) {
  in_mount_namespace([] {
    const Tree tree;
    plan::RootfsPlan plan = plan_for(tree);
    plan.mounts = {dev(), null_device(), tmpfs("/dev/shm")};
    plan.protections = {plan::MakeReadonly{"/dev"}};
    Builder(plan).mount_and_protect();
    EXPECT_EQ(status_of(tree.root("/dev/null")).st_rdev, makedev(1, 3));
    EXPECT_EQ(::mkdir(tree.root("/dev/new").c_str(), 0700), -1);
    EXPECT_EQ(errno, EROFS);
    EXPECT_EQ(::mkdir(tree.root("/dev/shm/new").c_str(), 0700), 0);
  });
}

TEST(Rootfs, KeepsAMatchingDeviceAndRefusesAnother) {
  in_mount_namespace([] {
    const Tree tree;
    Tree::make_directory(tree.root("/dev"));
    ASSERT_EQ(::mknod(tree.root("/dev/null").c_str(), S_IFCHR | 0600, makedev(1, 3)), 0);
    plan::RootfsPlan plan = plan_for(tree);
    plan.mounts = {null_device()};
    EXPECT_EQ(error_of(plan), "");
    ASSERT_EQ(::unlink(tree.root("/dev/null").c_str()), 0);
    Tree::write(tree.root("/dev/null"), "");
    EXPECT_TRUE(contains(error_of(plan), "is not the device asked for")) << error_of(plan);
    plan::MakeDevice bound{.path = "/dev/zero", .type = 'c', .major = 1, .minor = 5};
    bound.bind_from_host = true;
    plan.mounts = {bound};
    EXPECT_EQ(error_of(plan), "");
    EXPECT_EQ(status_of(tree.root("/dev/zero")).st_rdev, makedev(1, 5));
    bound.minor = 7;
    plan.mounts = {bound};
    EXPECT_TRUE(contains(error_of(plan), "is not the device asked for")) << error_of(plan);
  });
}

TEST(Rootfs, NothingLeaksToAHostThatIsShared) {
  in_mount_namespace([] {
    const Tree tree;
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_SHARED, nullptr), 0);
    const std::string before = read("/proc/self/mountinfo");
    for (const std::uint64_t propagation :
         {MS_SLAVE | MS_REC, MS_PRIVATE | MS_REC, MS_SHARED | MS_REC, +MS_SHARED}) {
      in_child([&] {
        ASSERT_EQ(::unshare(CLONE_NEWNS), 0);  // peers of the namespace outside
        plan::RootfsPlan plan = plan_for(tree);
        plan.host_propagation = propagation;
        plan.root_propagation = MS_SHARED;
        plan.mounts = {proc(), dev()};
        Builder builder(plan);
        builder.mount_and_protect();
        builder.rootfs().enter();
        EXPECT_TRUE(contains(mounts_at("/")[0], " shared:"));
      });
      EXPECT_EQ(read("/proc/self/mountinfo"), before) << "with propagation " << propagation;
    }
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  });
}

TEST(Rootfs, BindTreesOfTheHostServeAUserNamespace) {
  in_mount_namespace([] {
    const Tree tree;
    Tree::make_directory(tree.host("/secret"));
    Tree::write(tree.host("/secret/file"), "content");
    ASSERT_EQ(::chmod(tree.host().c_str(), 0700), 0);
    ASSERT_EQ(::chown(tree.root().c_str(), 100000, 100000), 0);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_SHARED, nullptr), 0);
    plan::RootfsPlan plan = plan_for(tree);
    plan.mounts = {plan::MakeWorkingDirectory{"/w"},
                   plan::BindMount{.source = tree.host("/secret"),
                                   .target = "/s",
                                   .attributes = {.set = kReadonly, .clear = 0}}};
    plan.protections = {plan::MaskPath{"/w"}, plan::MaskPath{"/s/file"}};
    const std::string before = read("/proc/self/mountinfo");
    std::vector<UniqueFd> trees = kernel::prepare_mounts(plan, true, -1);
    ASSERT_EQ(trees.size(), 2U);
    EXPECT_FALSE(trees[0]);
    EXPECT_TRUE(trees[1]);
    in_user_namespace([&] {
      EXPECT_EQ(::access(tree.host("/secret").c_str(), F_OK), -1)
          << "the host's directory is out of reach";
      Builder builder(plan, std::move(trees));
      builder.mount_and_protect();
      ASSERT_EQ(mounts_at(tree.root("/s")).size(), 1U);
      EXPECT_FALSE(contains(mounts_at(tree.root("/s"))[0], " shared:"));
      EXPECT_EQ(status_of(tree.root("/s/file")).st_rdev, makedev(1, 3));
      EXPECT_EQ(::mkdir(tree.root("/s/new").c_str(), 0700), -1);
      EXPECT_EQ(errno, EROFS);
      builder.rootfs().enter();
      EXPECT_TRUE(entries("/w").empty());
    });
    EXPECT_EQ(read("/proc/self/mountinfo"), before);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  });
}

TEST(Rootfs, SaysWhyAUserNamespaceGetsNoProc) {
  in_mount_namespace([] {
    const Tree tree;
    ASSERT_EQ(::chown(tree.root().c_str(), 100000, 100000), 0);
    plan::RootfsPlan plan = plan_for(tree);
    plan.mounts = {proc()};
    // The pid namespace is the host's: not the container's to show.
    in_user_namespace(
        [&] { EXPECT_TRUE(contains(error_of(plan), "user namespace")) << error_of(plan); });
  });
}

/// A process in a pid namespace of its own, and that namespace.
class PidNamespace {
 public:
  PidNamespace() {
    clone_args arguments{};
    arguments.flags = CLONE_NEWPID;
    arguments.exit_signal = SIGCHLD;
    pid_ = kernel::clone3(arguments);
    if (pid_ == 0)
      for (;;) ::pause();
    file_.reset(
        ::open(("/proc/" + std::to_string(pid_) + "/ns/pid").c_str(), O_RDONLY | O_CLOEXEC));
  }
  PidNamespace(const PidNamespace&) = delete;
  PidNamespace& operator=(const PidNamespace&) = delete;
  ~PidNamespace() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  int fd() const { return file_.get(); }

 private:
  pid_t pid_ = 0;
  UniqueFd file_;
};

void expect_one_process(UniqueFd context) {
  const UniqueFd mount =
      kernel::make_filesystem({.type = "proc", .source = "proc"}, std::move(context));
  struct stat status{};
  EXPECT_EQ(::fstatat(mount.get(), "1/status", &status, 0), 0) << strerror(errno);
  EXPECT_EQ(::fstatat(mount.get(), std::to_string(::getpid()).c_str(), &status, 0), -1);
}

TEST(Rootfs, ProcOfAnotherPidNamespace) {
  in_mount_namespace([] {
    const PidNamespace other;
    ASSERT_GE(other.fd(), 0);
    expect_one_process(kernel::open_proc_context(other.fd()));
    const std::string before = read("/proc/self/mountinfo");
    expect_one_process(kernel::open_proc_context_inside(other.fd()));
    EXPECT_EQ(read("/proc/self/mountinfo"), before);
    const UniqueFd none(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_THROW(kernel::open_proc_context_inside(none.get()), Error);
  });
}

plan::CgroupDirectory cgroup_in(const std::string& mount_point, bool is_v2) {
  plan::CgroupDirectory directory;
  directory.mount_point = mount_point;
  directory.path = "/rootfs-test-" + std::to_string(::getpid());
  directory.is_v2 = is_v2;
  return directory;
}

/// Builds with this step and these cgroups, which are removed again.
void with_cgroups(const std::vector<plan::CgroupDirectory>& directories,
                  const plan::MountCgroups& step, const std::function<void(const Tree&)>& look) {
  plan::CgroupPlan cgroups;
  cgroups.directories = directories;
  const kernel::Cgroup cgroup = kernel::Cgroup::create(cgroups);
  in_mount_namespace([&] {
    const Tree tree;
    plan::RootfsPlan plan = plan_for(tree);
    plan.mounts = {step};
    const kernel::Procfs procfs = kernel::Procfs::open();
    kernel::Rootfs rootfs(plan, cgroup, procfs, {});
    rootfs.mount_all();
    look(tree);
  });
}

TEST(Rootfs, ShowsTheContainerItsOwnCgroupsOfVersion1) {
  if (mounts_at("/sys/fs/cgroup/memory").empty())
    GTEST_SKIP() << "no cgroup v1 memory hierarchy on this host";
  plan::MountCgroups step{.target = "/sys/fs/cgroup"};
  step.attributes.set = kReadonly | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  step.hierarchies = {{.name = "memory", .directory = 0, .aliases = {"mem", "memory"}},
                      {.name = "none", .directory = 1, .aliases = {}}};
  with_cgroups({cgroup_in("/sys/fs/cgroup/memory", false)}, step, [](const Tree& tree) {
    EXPECT_EQ(read(tree.root("/sys/fs/cgroup/memory/tasks")), "");
    EXPECT_EQ(::access(tree.root("/sys/fs/cgroup/mem/memory.limit_in_bytes").c_str(), F_OK), 0);
    EXPECT_EQ(::access(tree.root("/sys/fs/cgroup/none").c_str(), F_OK), -1);
    EXPECT_EQ(::mkdir(tree.root("/sys/fs/cgroup/memory/new").c_str(), 0700), -1);
    EXPECT_EQ(errno, EROFS);
    EXPECT_EQ(::mkdir(tree.root("/sys/fs/cgroup/new").c_str(), 0700), -1);
    EXPECT_EQ(errno, EROFS);
    ASSERT_EQ(mounts_at(tree.root("/sys/fs/cgroup/memory")).size(), 1U);
    EXPECT_TRUE(
        contains(mounts_at(tree.root("/sys/fs/cgroup/memory"))[0], "ro,nosuid,nodev,noexec"));
    EXPECT_TRUE(contains(mounts_at(tree.root("/sys/fs/cgroup"))[0], "ro,nosuid,nodev,noexec"));
  });
}

TEST(Rootfs, ShowsTheContainerItsOwnCgroupOfVersion2) {
  const bool is_pure = !mounts_at("/sys/fs/cgroup").empty() &&
                       contains(mounts_at("/sys/fs/cgroup").back(), " cgroup2 ");
  const std::string mount_point = is_pure ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified";
  if (mounts_at(mount_point).empty()) GTEST_SKIP() << "no cgroup v2 on this host";
  plan::MountCgroups step{.target = "/sys/fs/cgroup"};
  step.attributes.set = kReadonly;
  step.is_v2 = true;
  step.hierarchies = {{.name = "unified", .directory = 0, .aliases = {}}};
  const auto look = [](const Tree& tree) {
    EXPECT_TRUE(contains(read(tree.root("/sys/fs/cgroup/cgroup.events")), "populated 0"));
    EXPECT_EQ(::mkdir(tree.root("/sys/fs/cgroup/new").c_str(), 0700), -1);
    EXPECT_EQ(errno, EROFS);
  };
  with_cgroups({cgroup_in(mount_point, true)}, step, look);
  step.propagation = {MS_SHARED};
  step.own_namespace = true;
  with_cgroups({cgroup_in(mount_point, true)}, step, [](const Tree& tree) {
    ASSERT_EQ(mounts_at(tree.root("/sys/fs/cgroup")).size(), 1U);
    EXPECT_TRUE(contains(mounts_at(tree.root("/sys/fs/cgroup"))[0], " shared:"));
    EXPECT_TRUE(contains(mounts_at(tree.root("/sys/fs/cgroup"))[0], " cgroup2 "));
  });
  step.propagation = {};
  step.own_namespace = false;
  step.hierarchies = {};
  with_cgroups({}, step,
               [](const Tree& tree) { EXPECT_TRUE(entries(tree.root("/sys/fs/cgroup")).empty()); });
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (!may_mount()) {
    std::puts("skipped: needs root and mount namespaces");
    return 77;
  }
  return RUN_ALL_TESTS();
}
