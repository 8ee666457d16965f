// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "bundle-spec/fs/file.hpp"
#include "tests/system/kernel/children.hpp"

namespace kernel {
namespace {

constexpr std::uint64_t bit(unsigned capability) { return std::uint64_t{1} << capability; }

/// "CapBnd:" of /proc/self/status, without blanks.
std::string status_field(const std::string& name) {
  const std::string text = read_file("/proc/self/status");
  const std::size_t start = text.find("\n" + name + ":") + name.size() + 2;
  std::string value = text.substr(start, text.find('\n', start) - start);
  value.erase(0, value.find_first_not_of(" \t"));
  while (value.ends_with(' ')) value.pop_back();
  return value;
}

std::string hex(std::uint64_t set) {
  char text[17];
  ::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(set));
  return text;
}

plan::ProcessPlan ordinary(uid_t uid, std::uint64_t set) {
  plan::ProcessPlan process;
  process.uid = uid;
  process.gid = uid;
  process.capabilities = {
      .bounding = set, .effective = set, .inheritable = 0, .permitted = set, .ambient = 0};
  return process;
}

constexpr std::uint64_t kSome = bit(CAP_CHOWN) | bit(CAP_NET_BIND_SERVICE) | bit(CAP_KILL);

TEST(Identity, EverySetIsExactlyThePlans) {
  for (const uid_t uid : {0U, 1000U}) {
    plan::ProcessPlan process = ordinary(uid, kSome);
    process.capabilities.effective = bit(CAP_KILL);
    process.capabilities.inheritable = bit(CAP_CHOWN) | bit(CAP_KILL);
    process.capabilities.ambient = bit(CAP_CHOWN);
    const std::string sets = in_child([&] {
      become_user(process);
      set_capabilities(process);
      return sentence(status_field("CapBnd"), " ", status_field("CapPrm"), " ",
                      status_field("CapEff"), " ", status_field("CapInh"), " ",
                      status_field("CapAmb"), " keep ", ::prctl(PR_GET_KEEPCAPS));
    });
    EXPECT_EQ(sets,
              sentence(hex(kSome), " ", hex(kSome), " ", hex(bit(CAP_KILL)), " ",
                       hex(bit(CAP_CHOWN) | bit(CAP_KILL)), " ", hex(bit(CAP_CHOWN)), " keep 0"));
  }
}

TEST(Identity, LibcapAgrees) {
  const std::string text = in_child([] {
    const plan::ProcessPlan process = ordinary(1000, bit(CAP_NET_RAW) | bit(CAP_SYS_CHROOT));
    become_user(process);
    set_capabilities(process);
    const cap_t current = ::cap_get_proc();
    char* words = ::cap_to_text(current, nullptr);
    const std::string result = words;
    ::cap_free(words);
    ::cap_free(current);
    return sentence(result, " ", ::cap_get_bound(CAP_NET_RAW), ::cap_get_bound(CAP_SYS_ADMIN));
  });
  EXPECT_EQ(text, "cap_net_raw,cap_sys_chroot=ep 10");
}

TEST(Identity, NoCapabilitiesAtAll) {
  const std::string sets = in_child([] {
    become_user(ordinary(0, 0));
    set_capabilities(ordinary(0, 0));
    return status_field("CapBnd") + status_field("CapPrm") + status_field("CapEff");
  });
  EXPECT_EQ(sets, hex(0) + hex(0) + hex(0));
}

TEST(Identity, WhatCannotBeGrantedIsLeftOutAndTheRestHolds) {
  const std::string sets = in_child([] {
    become_user(ordinary(0, kSome));
    set_capabilities(ordinary(0, kSome));
    plan::ProcessPlan more = ordinary(0, kSome | bit(CAP_SYS_ADMIN));
    more.capabilities.bounding = kSome;
    set_capabilities(more);
    return status_field("CapPrm") + " " + status_field("CapEff");
  });
  EXPECT_EQ(sets, hex(kSome) + " " + hex(kSome));
}

TEST(Identity, GroupsAreExactlyTheList) {
  const auto groups = [](std::vector<std::uint32_t> gids) {
    return in_child([&] {
      const gid_t before[] = {4, 24};
      check(::setgroups(2, before), "setgroups");
      plan::ProcessPlan process = ordinary(1000, 0);
      process.gid = 2000;
      process.additional_gids = std::move(gids);
      process.umask = 0027;
      become_user(process);
      return sentence(status_field("Uid"), "/", status_field("Gid"), "/", status_field("Groups"),
                      "/", status_field("Umask"));
    });
  };
  const std::string ids = "1000\t1000\t1000\t1000/2000\t2000\t2000\t2000/";
  EXPECT_EQ(groups({}), ids + "/0027");
  EXPECT_EQ(groups({5, 7, 4000000000U}), ids + "5 7 4000000000/0027");
}

TEST(Limits, AreSetExactly) {
  const std::string limits = in_child([] {
    set_limits({{.resource = RLIMIT_NOFILE, .soft = 100, .hard = 200},
                {.resource = RLIMIT_CORE, .soft = 0, .hard = 0}},
               0);
    rlimit files{}, core{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    ::getrlimit(RLIMIT_CORE, &core);
    return sentence(files.rlim_cur, "/", files.rlim_max, " ", core.rlim_cur, "/", core.rlim_max);
  });
  EXPECT_EQ(limits, "100/200 0/0");
}

TEST(Limits, ARefusalNamesLimitAndRemedy) {
  const std::string words = in_child([]() -> std::string {
    set_limits({{.resource = RLIMIT_NOFILE, .soft = 10, .hard = 20}}, 0);
    become_user(ordinary(1000, 0));
    set_capabilities(ordinary(1000, 0));
    set_limits({{.resource = RLIMIT_NOFILE, .soft = 10, .hard = RLIM_INFINITY}}, 0);
    return "no Error";
  });
  EXPECT_EQ(words,
            "Error: setting RLIMIT_NOFILE to 10/unlimited: Operation not permitted; "
            "raising a hard limit needs CAP_SYS_RESOURCE");
}

TEST(OomScore, IsWrittenThroughTheHostsProc) {
  EXPECT_EQ(in_child([] {
              set_oom_score_adj(Procfs::open(), 321);
              return read_file("/proc/self/oom_score_adj");
            }),
            "321\n");
}

TEST(OomScore, AnOrdinaryUserMayBeRefused) {
  EXPECT_EQ(in_child([] {
              const Procfs procfs = Procfs::open();
              set_oom_score_adj(procfs, 321);
              become_user(ordinary(1000, 0));
              set_capabilities(ordinary(1000, 0));
              check(::prctl(PR_SET_DUMPABLE, 1), "prctl");
              set_oom_score_adj(procfs, -900);
              return read_file("/proc/self/oom_score_adj");
            }),
            "321\n");
}

TEST(Keyring, ASecondProcessJoinsTheSameByName) {
  const std::string id = sentence("toyrun-test-", ::getpid());
  const auto serial = [&] {
    return in_child([&] {
      join_session_keyring(id);
      constexpr int kGetKeyringId = 0, kSessionKeyring = -3;
      return std::to_string(::syscall(SYS_keyctl, kGetKeyringId, kSessionKeyring, 0));
    });
  };
  std::string inner;
  const std::string outer = in_child([&] {
    join_session_keyring(id);
    const long own = ::syscall(SYS_keyctl, 0, -3, 0);
    return sentence(own, " ", serial());
  });
  const std::size_t blank = outer.find(' ');
  ASSERT_NE(blank, std::string::npos);
  EXPECT_EQ(outer.substr(0, blank), outer.substr(blank + 1));
}

TEST(Scheduling, PolicyNiceAndIoPriority) {
  EXPECT_EQ(in_child([] {
              plan::ProcessPlan process;
              process.scheduler = plan::SchedulerPlan{.policy = SCHED_BATCH, .nice = 7};
              process.io_priority = 2 << 13 | 5;  // best effort, 5
              set_scheduling(process);
              return sentence(::sched_getscheduler(0), " ", ::getpriority(PRIO_PROCESS, 0), " ",
                              ::syscall(SYS_ioprio_get, 1, 0));
            }),
            sentence(SCHED_BATCH, " 7 ", 2 << 13 | 5));
}

TEST(Scheduling, AffinityIsResetToAllCpus) {
  EXPECT_EQ(in_child([] {
              cpu_set_t all, one;
              ::sched_getaffinity(0, sizeof all, &all);
              CPU_ZERO(&one);
              for (std::size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
                if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
              }
              check(::sched_setaffinity(0, sizeof one, &one), "sched_setaffinity");
              reset_cpu_affinity();
              cpu_set_t after;
              ::sched_getaffinity(0, sizeof after, &after);
              return std::string(CPU_EQUAL(&all, &after) ? "all" : "some");
            }),
            "all");
}

TEST(Scheduling, MemoryPolicyIsTaken) {
  EXPECT_EQ(in_child([] {
              plan::ProcessPlan process;
              process.memory_policy =
                  plan::MemoryPolicyPlan{.mode = 2, .nodes = {1}};  // MPOL_BIND, node 0
              set_scheduling(process);
              int mode = -1;
              check(::syscall(SYS_get_mempolicy, &mode, nullptr, 0, nullptr, 0), "get_mempolicy");
              return std::to_string(mode);
            }),
            "2");
}

TEST(Stdio, APipeIsGivenToTheUserAndTheNullDeviceIsNot) {
  EXPECT_EQ(in_child([] {
              int ends[2];
              check(::pipe2(ends, O_CLOEXEC), "pipe2");
              struct stat null_before, null_after, pipe;
              const int null = check(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null");
              ::fstat(null, &null_before);
              ::dup2(null, STDIN_FILENO);
              ::dup2(ends[1], STDOUT_FILENO);
              ::close(STDERR_FILENO);
              own_stdio(ordinary(1234, 0));
              ::fstat(null, &null_after);
              ::fstat(STDOUT_FILENO, &pipe);
              return sentence(null_before.st_uid == null_after.st_uid ? "same " : "changed ",
                              pipe.st_uid);
            }),
            "same 1234");
}

TEST(WorkingDirectory, IsEntered) {
  EXPECT_EQ(in_child([] {
              enter_working_directory("/usr/../tmp");
              return std::filesystem::current_path().string();
            }),
            "/tmp");
}

TEST(WorkingDirectory, AMissingOneIsNamedInRuncsWords) {
  EXPECT_EQ(in_child([]() -> std::string {
              enter_working_directory("/nope");
              return "no Error";
            }),
            "Error: chdir to cwd (\"/nope\") set in config.json failed: No such file or directory");
}

TEST(WorkingDirectory, OneOutsideTheRootIsRefused) {
  const std::string words = in_child([]() -> std::string {
    const int outside = check(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), "open /");
    check(::chroot("/proc"), "chroot");  // any directory with a way out: here /proc/self/fd
    enter_working_directory(sentence("/self/fd/", outside));
    return "no Error";
  });
  EXPECT_NE(words.find("possible container breakout detected"), std::string::npos) << words;
}

}  // namespace
}  // namespace kernel
