// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/cgroup.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>

#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/cgroup_watch.hpp"
#include "runtime/kernel/host_facts.hpp"
#include "runtime/plan/device_filter.hpp"
#include "tests/system/kernel/children.hpp"

namespace kernel {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// A cgroup of a name of its own in every hierarchy of this host. Nothing may be left of it.
class CgroupTest : public testing::Test {
 protected:
  CgroupTest() {
    static int count = 0;
    path_ = sentence("/toyrun-test-", ::getpid(), "-", ++count);
    for (const plan::CgroupHierarchy& hierarchy : host_facts().hierarchies) {
      plan_.directories.push_back({.mount_point = hierarchy.mount_point,
                                   .path = path_,
                                   .controllers = hierarchy.controllers,
                                   .is_v2 = hierarchy.is_v2});
    }
  }
  void SetUp() override {
    if (plan_.directories.empty()) GTEST_SKIP() << "no cgroup hierarchy is mounted";
  }
  void TearDown() override {
    for (const plan::CgroupDirectory& one : plan_.directories) {
      EXPECT_FALSE(std::filesystem::exists(one.mount_point + path_))
          << "left in " << one.mount_point;
    }
    remove(plan_.directories, true, milliseconds(5000));
  }

  plan::CgroupDirectory* with(const std::string& controller) {
    const auto found =
        std::ranges::find_if(plan_.directories, [&](const plan::CgroupDirectory& one) {
          return std::ranges::find(one.controllers, controller) != one.controllers.end();
        });
    return found == plan_.directories.end() ? nullptr : &*found;
  }
  /// Leaves only the v1 hierarchies, as on a host that has no other.
  bool keep_v1_only() {
    std::erase_if(plan_.directories, [](const plan::CgroupDirectory& one) { return one.is_v2; });
    return !plan_.directories.empty() && with("freezer") != nullptr;
  }
  bool keep_v2_only() {
    std::erase_if(plan_.directories, [](const plan::CgroupDirectory& one) { return !one.is_v2; });
    return !plan_.directories.empty();
  }
  static std::string name(const plan::CgroupDirectory& one) { return one.mount_point + one.path; }
  std::size_t existing() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        plan_.directories,
        [](const plan::CgroupDirectory& one) { return std::filesystem::exists(name(one)); }));
  }
  void remove_all() const { remove(plan_.directories, true, milliseconds(5000)); }
  static std::string failure(const std::function<void()>& action) {
    try {
      action();
      return "no Error";
    } catch (const Error& error) {
      return error.what();
    }
  }

  std::string path_;
  plan::CgroupPlan plan_;
};

TEST_F(CgroupTest, IsMadeEverywhereAndUndoneWhenNotKept) {
  {
    const Cgroup cgroup = Cgroup::create(plan_);
    EXPECT_EQ(existing(), plan_.directories.size());
    for (std::size_t index = 0; index < plan_.directories.size(); ++index) {
      EXPECT_GE(cgroup.directory(index), 0);
    }
  }
  EXPECT_EQ(existing(), 0U);
}

TEST_F(CgroupTest, KeptStaysUntilRemoved) {
  Cgroup::create(plan_).keep();
  EXPECT_EQ(existing(), plan_.directories.size());
  remove_all();
  EXPECT_EQ(existing(), 0U);
  remove_all();  // missing is fine
}

TEST_F(CgroupTest, ParentsAreMadeAndUndone) {
  for (plan::CgroupDirectory& one : plan_.directories) one.path += "/a/b/c";
  {
    const Cgroup cgroup = Cgroup::create(plan_);
  }
  EXPECT_EQ(existing(), 0U);  // TearDown proves that the parents went too
}

TEST_F(CgroupTest, AParentThatIsUsedByAnotherStays) {
  plan::CgroupPlan other = plan_;
  for (plan::CgroupDirectory& one : plan_.directories) one.path += "/p/mine";
  for (plan::CgroupDirectory& one : other.directories) one.path += "/p/other";
  {
    const Cgroup cgroup = Cgroup::create(plan_);
    Cgroup::create(other).keep();
  }
  EXPECT_EQ(existing(), 0U);
  for (plan::CgroupDirectory& one : other.directories) {
    EXPECT_TRUE(std::filesystem::exists(name(one)));
    one.path = path_;
  }
  remove(other.directories, false, milliseconds(5000));
}

TEST_F(CgroupTest, AChildIsInEveryHierarchy) {
  const Cgroup cgroup = Cgroup::create(plan_);
  const Member member(cgroup);
  const std::string text = read_file(sentence("/proc/", member.pid(), "/cgroup"));
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(path_ + "\n", at)) != std::string::npos; ++at) ++count;
  EXPECT_EQ(count, plan_.directories.size()) << text;
  EXPECT_EQ(processes(plan_.directories), std::vector<pid_t>{member.pid()});
}

TEST_F(CgroupTest, AnOpenedCgroupIsEnteredAndNotRemoved) {
  Cgroup::create(plan_).keep();
  {
    const Cgroup cgroup = Cgroup::open(plan_.directories);
    const Member member(cgroup);
    EXPECT_EQ(processes(plan_.directories), std::vector<pid_t>{member.pid()});
  }
  EXPECT_EQ(existing(), plan_.directories.size());
  remove_all();
}

TEST_F(CgroupTest, LimitsAreWritten) {
  plan::CgroupDirectory* pids = with("pids");
  if (pids == nullptr) GTEST_SKIP() << "no pids controller";
  pids->writes = {{.file = "pids.max", .value = "42"}};
  const Cgroup cgroup = Cgroup::create(plan_);
  EXPECT_EQ(read_file(name(*pids) + "/pids.max"), "42\n");
}

TEST_F(CgroupTest, ARefusedLimitLeavesNothing) {
  plan_.directories.back().path += "/deeper";
  plan_.directories.back().writes = {{.file = "nosuch.max", .value = "7"}};
  const std::string words = failure([&] { Cgroup::create(plan_); });
  EXPECT_NE(words.find("nosuch.max"), std::string::npos) << words;
  EXPECT_NE(words.find("\"7\""), std::string::npos) << words;
  EXPECT_EQ(existing(), 0U);
}

TEST_F(CgroupTest, AControllerThatCannotBeHadIsNamed) {
  if (!keep_v2_only()) GTEST_SKIP() << "no v2 hierarchy";
  plan_.directories[0].controllers = {"nosuch"};
  {
    const Cgroup cgroup = Cgroup::create(plan_);
  }  // no limit needs it
  plan_.directories[0].writes = {{.file = "nosuch.max", .value = "7"}};
  const std::string words = failure([&] { Cgroup::create(plan_); });
  EXPECT_NE(words.find("the cgroup controller nosuch cannot be enabled"), std::string::npos)
      << words;
}

TEST_F(CgroupTest, ACgroupWithProcessesIsRefused) {
  const Cgroup first = Cgroup::create(plan_);
  const Member member(first);
  const std::string words = failure([&] { Cgroup::create(plan_); });
  EXPECT_NE(words.find("container's cgroup is not empty: 1 process(es) found"), std::string::npos)
      << words;
  EXPECT_EQ(existing(), plan_.directories.size()) << "the refused one removed the first one's";
}

TEST_F(CgroupTest, AFrozenCgroupIsRefused) {
  const Cgroup first = Cgroup::create(plan_);
  freeze(plan_.directories);
  const std::string words = failure([&] { Cgroup::create(plan_); });
  EXPECT_NE(words.find("container's cgroup unexpectedly frozen"), std::string::npos) << words;
  thaw(plan_.directories);
}

TEST_F(CgroupTest, AnEmptyExistingCgroupIsTakenAndLeft) {
  Cgroup::create(plan_).keep();
  {
    const Cgroup again = Cgroup::create(plan_);
  }
  EXPECT_EQ(existing(), plan_.directories.size()) << "undone though it was not made";
  remove_all();
}

TEST_F(CgroupTest, AV1CpusetIsFilledFromItsParents) {
  plan::CgroupDirectory* cpuset = with("cpuset");
  if (cpuset == nullptr || cpuset->is_v2) GTEST_SKIP() << "no v1 cpuset";
  // A parent that somebody made and left empty.
  ::mkdir((cpuset->mount_point + path_).c_str(), 0755);
  for (plan::CgroupDirectory& one : plan_.directories) one.path += "/a/b";
  {
    const Cgroup cgroup = Cgroup::create(plan_);
    for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
      EXPECT_EQ(read_file(name(*cpuset) + file), read_file(cpuset->mount_point + file));
    }
    const Member member(cgroup);
  }
  EXPECT_EQ(::rmdir((cpuset->mount_point + path_).c_str()), 0) << "not made by toyrun, yet removed";
}

class Freezer : public CgroupTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    const std::string version = GetParam();
    if (version == "v1" && !keep_v1_only()) GTEST_SKIP() << "no v1 freezer";
    if (version == "v2" && !keep_v2_only()) GTEST_SKIP() << "no v2 hierarchy";
  }
};
INSTANTIATE_TEST_SUITE_P(Versions, Freezer, testing::Values("v1", "v2"),
                         [](const auto& version) { return std::string(version.param); });

TEST_P(Freezer, StopsAndGoesOn) {
  const Cgroup cgroup = Cgroup::create(plan_);
  auto* counter = static_cast<volatile unsigned long*>(
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const Member member(cgroup, [&] {
    for (;;) *counter = *counter + 1;
  });
  EXPECT_FALSE(is_frozen(freezer_file(plan_.directories)));
  freeze(plan_.directories);
  EXPECT_TRUE(is_frozen(freezer_file(plan_.directories)));
  const unsigned long before = *counter;
  ::usleep(20000);
  EXPECT_EQ(*counter, before);
  freeze(plan_.directories);  // again: no error
  thaw(plan_.directories);
  EXPECT_FALSE(is_frozen(freezer_file(plan_.directories)));
  const auto end = steady_clock::now() + std::chrono::seconds(10);
  while (*counter == before && steady_clock::now() < end) ::usleep(1000);
  EXPECT_GT(*counter, before);
  ::munmap(const_cast<unsigned long*>(counter), 4096);
}

TEST_P(Freezer, EverySubgroupIsSignalled) {
  const Cgroup cgroup = Cgroup::create(plan_);
  plan::CgroupPlan inner = plan_;
  for (plan::CgroupDirectory& one : inner.directories) one.path += "/inner";
  // Before there is a subgroup: a v2 group that passes controllers on takes no process of its own.
  Member outer_member(cgroup);
  Cgroup nested = Cgroup::create(inner);
  nested.keep();
  Member inner_member(nested);
  std::vector<pid_t> both{outer_member.pid(), inner_member.pid()};
  std::ranges::sort(both);
  EXPECT_EQ(processes(plan_.directories), both);
  signal_all(plan_.directories, SIGTERM);
  EXPECT_EQ(WTERMSIG(outer_member.wait()), SIGTERM);
  EXPECT_EQ(WTERMSIG(inner_member.wait()), SIGTERM);
  EXPECT_FALSE(is_frozen(freezer_file(plan_.directories)));
}

TEST_P(Freezer, AFrozenOneKeepsFrozenUnderASignalAndDiesUnderKill) {
  const Cgroup cgroup = Cgroup::create(plan_);
  Member member(cgroup);
  freeze(plan_.directories);
  // Not a fatal one: v2 lets a frozen process die of those, v1 does not.
  signal_all(plan_.directories, SIGURG);
  EXPECT_TRUE(is_frozen(freezer_file(plan_.directories)));
  EXPECT_FALSE(member.has_ended());
  signal_all(plan_.directories, SIGKILL);
  EXPECT_EQ(WTERMSIG(member.wait()), SIGKILL);
}

TEST_P(Freezer, RemoveKillsWhatIsLeft) {
  Cgroup cgroup = Cgroup::create(plan_);
  cgroup.keep();
  const Member one(cgroup), two(cgroup), three(cgroup);
  ::mkdir((name(plan_.directories[0]) + "/by-the-container").c_str(), 0755);
  const auto start = steady_clock::now();
  remove(plan_.directories, true, milliseconds(10000));
  const auto took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
  EXPECT_EQ(existing(), 0U);
  EXPECT_TRUE(one.has_ended() && two.has_ended() && three.has_ended());
  EXPECT_LT(took.count(), 2000);
  RecordProperty("milliseconds", static_cast<int>(took.count()));
}

TEST_P(Freezer, RemoveWithoutKillNamesWhoIsInTheWay) {
  Cgroup cgroup = Cgroup::create(plan_);
  cgroup.keep();
  {
    const Member member(cgroup);
    const std::string words = failure([&] { remove(plan_.directories, false, milliseconds(50)); });
    EXPECT_NE(words.find(sentence("process ", member.pid(), " (")), std::string::npos) << words;
    EXPECT_NE(words.find("is in state S"), std::string::npos) << words;
    EXPECT_FALSE(member.has_ended());
  }
  remove_all();
}

TEST_P(Freezer, RemoveWaitsForAProcessThatEndsByItself) {
  Cgroup cgroup = Cgroup::create(plan_);
  cgroup.keep();
  const Member member(cgroup, [] {
    ::usleep(50000);
    ::_exit(0);
  });
  remove(plan_.directories, false, milliseconds(10000));
  EXPECT_EQ(existing(), 0U);
  EXPECT_TRUE(member.has_ended());
}

TEST_F(CgroupTest, ADeepTreeIsRemoved) {
  Cgroup::create(plan_).keep();
  const std::string top = name(plan_.directories[0]);
  std::string deep = top;
  for (int level = 0; level < 100; ++level) {
    deep += "/d";
    ASSERT_EQ(::mkdir(deep.c_str(), 0755), 0) << ::strerror(errno);
    ::mkdir((deep + "e").c_str(), 0755);
  }
  remove_all();
  EXPECT_EQ(existing(), 0U);
}

TEST_F(CgroupTest, MemoryAndSwapAreRaisedAndLoweredTogether) {
  plan::CgroupDirectory* memory = with("memory");
  if (memory == nullptr || memory->is_v2 ||
      !std::filesystem::exists(memory->mount_point + "/memory.memsw.limit_in_bytes")) {
    GTEST_SKIP() << "no v1 memory controller with swap accounting";
  }
  const auto writes = [](const std::string& limit, const std::string& swap) {
    return std::vector<plan::FileWrite>{{.file = "memory.limit_in_bytes", .value = limit},
                                        {.file = "memory.memsw.limit_in_bytes", .value = swap}};
  };
  memory->writes = writes("67108864", "67108864");
  const Cgroup cgroup = Cgroup::create(plan_);
  for (const char* value : {"134217728", "33554432"}) {
    memory->writes = writes(value, value);
    apply_update(plan_.directories, [] {});
    EXPECT_EQ(read_file(name(*memory) + "/memory.limit_in_bytes"), sentence(value, "\n"));
    EXPECT_EQ(read_file(name(*memory) + "/memory.memsw.limit_in_bytes"), sentence(value, "\n"));
  }
}

TEST_F(CgroupTest, AnOomKillIsCounted) {
  plan::CgroupDirectory* memory = with("memory");
  if (memory == nullptr) GTEST_SKIP() << "no memory controller";
  const char* file = memory->is_v2 ? "memory.max" : "memory.limit_in_bytes";
  memory->writes = {{.file = file, .value = "8388608"}};
  const Cgroup cgroup = Cgroup::create(plan_);
  EXPECT_EQ(oom_kills(plan_.directories), 0U);
  CgroupWatch watch(plan_.directories);
  EXPECT_EQ(watch.take_out_of_memory(), 0U);
  Member member(cgroup, [] {
    const std::size_t size = std::size_t{64} << 20;
    void* bytes = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ::memset(bytes, 1, size);
    ::_exit(0);
  });
  const int status = member.wait();
  if (WIFEXITED(status)) GTEST_SKIP() << "the machine swaps instead of killing";
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_EQ(oom_kills(plan_.directories), 1U);
  EXPECT_EQ(watch.take_out_of_memory(), 1U);
  EXPECT_EQ(watch.take_out_of_memory(), 0U);
  remove_all();
  EXPECT_EQ(watch.take_out_of_memory(), 0U) << "the removal is announced in the same way";
}

/// "null zero": the devices that a member of the cgroup can open for reading.
std::string readable_devices(const Cgroup& cgroup) {
  int ends[2];
  check(::pipe2(ends, O_CLOEXEC), "pipe2");
  const Member member(cgroup, [&] {
    std::string answer;
    for (const std::string device : {"null", "zero", "full"}) {
      if (::open(("/dev/" + device).c_str(), O_RDONLY | O_CLOEXEC) >= 0) answer += device + " ";
    }
    if (::write(ends[1], answer.data(), answer.size()) < 0) ::_exit(1);
    ::close(ends[1]);
  });
  ::close(ends[1]);
  char answer[64];
  const ssize_t length = ::read(ends[0], answer, sizeof answer);
  ::close(ends[0]);
  return std::string(answer, static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
}

/// if (major == 1 && minor == allowed) return 1; return 0. By hand, so that the planner is not what
/// is tested.
plan::DeviceProgram only_minor(std::int32_t allowed) {
  plan::DeviceProgram program;
  program.instructions = {
      {.code = 0x61, .registers = 0x12, .offset = 4, .immediate = 0},        // r2 = major
      {.code = 0x61, .registers = 0x13, .offset = 8, .immediate = 0},        // r3 = minor
      {.code = 0xb7, .registers = 0x00, .offset = 0, .immediate = 0},        // r0 = 0
      {.code = 0x55, .registers = 0x02, .offset = 2, .immediate = 1},        // r2 != 1: exit
      {.code = 0x55, .registers = 0x03, .offset = 1, .immediate = allowed},  // r3 != allowed: exit
      {.code = 0xb7, .registers = 0x00, .offset = 0, .immediate = 1},        // r0 = 1
      {.code = 0x95, .registers = 0x00, .offset = 0, .immediate = 0},        // exit
  };
  return program;
}

TEST_F(CgroupTest, TheDeviceProgramFiltersAndIsReplaced) {
  if (!keep_v2_only()) GTEST_SKIP() << "no v2 hierarchy";
  plan_.device_program = only_minor(5);
  Cgroup first = Cgroup::create(plan_);
  first.keep();
  EXPECT_EQ(readable_devices(first), "zero ");
  plan_.device_program = only_minor(3);
  for (int round = 0; round < 70; ++round)
    Cgroup::create(plan_).keep();  // 64 programs are the kernel's limit
  EXPECT_EQ(readable_devices(first), "null ");
  remove_all();
}

TEST_F(CgroupTest, UpdatesReplaceTheDeviceProgramAndDoNotPileUp) {
  if (!keep_v2_only()) GTEST_SKIP() << "no v2 hierarchy";
  plan_.device_program = only_minor(5);
  const Cgroup cgroup = Cgroup::create(plan_);
  // The kernel takes 64 on one cgroup.
  for (int round = 0; round < 70; ++round)
    replace_device_program(plan_.directories, only_minor(round % 2 == 0 ? 3 : 5), [] {});
  EXPECT_EQ(readable_devices(cgroup), "zero ");
  replace_device_program(plan_.directories, only_minor(3), [] {});
  EXPECT_EQ(readable_devices(cgroup), "null ");
}

TEST_F(CgroupTest, ThePlannedDeviceProgramIsAccepted) {
  if (!keep_v2_only()) GTEST_SKIP() << "no v2 hierarchy";
  plan_.device_program = plan::device_program(
      {{.allow = false, .type = "a", .major = {}, .minor = {}, .access = "rwm"},
       {.allow = true, .type = "c", .major = 10, .minor = 229, .access = "rw"}});
  const Cgroup cgroup = Cgroup::create(plan_);
  EXPECT_EQ(readable_devices(cgroup), "null zero full ");
}

TEST_F(CgroupTest, V1DeviceLinesFilter) {
  plan::CgroupDirectory* devices = with("devices");
  if (devices == nullptr || devices->is_v2) GTEST_SKIP() << "no v1 devices controller";
  devices->device_writes = {{.file = "devices.deny", .value = "a"},
                            {.file = "devices.allow", .value = "c 1:3 rwm"},
                            {.file = "devices.allow", .value = "c 1:7 rwm"}};
  const Cgroup cgroup = Cgroup::create(plan_);
  EXPECT_EQ(readable_devices(cgroup), "null full ");
}

TEST_F(CgroupTest, WithoutPermissionItGoesWithoutWhereThePlanSaysSo) {
  const auto as_nobody = [&](bool ignore) {
    return in_child([&]() -> std::string {
      check(::setgid(65534), "setgid");
      check(::setuid(65534), "setuid");
      plan_.ignore_permission = ignore;
      const Cgroup cgroup = Cgroup::create(plan_);
      cgroup.enter();
      return sentence("v2 ", cgroup.v2_directory());
    });
  };
  EXPECT_EQ(as_nobody(true), "v2 -1");
  EXPECT_NE(as_nobody(false).find("Permission denied"), std::string::npos);
}

}  // namespace
}  // namespace kernel
