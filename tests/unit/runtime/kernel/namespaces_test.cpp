// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/namespaces.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/procfs.hpp"

namespace {

std::string error_of(const plan::NamespacePlan& plan) {
  try {
    kernel::open_namespaces(plan);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

plan::NamespacePlan joining(const std::string& type, std::uint64_t flag, const std::string& path) {
  plan::NamespacePlan plan;
  plan.join = {{.type = type, .flag = flag, .path = path}};
  return plan;
}

TEST(Namespaces, OpensOneOfTheRightType) {
  const auto open = kernel::open_namespaces(joining("network", CLONE_NEWNET, "/proc/self/ns/net"));
  ASSERT_EQ(open.size(), 1U);
  EXPECT_TRUE(open[0].file);
}

TEST(Namespaces, RefusesWhatIsNone) {
  EXPECT_EQ(error_of(joining("network", CLONE_NEWNET, "/proc/self/ns/ipc")),
            "/proc/self/ns/ipc is a namespace of another type than network");
  EXPECT_EQ(error_of(joining("network", CLONE_NEWNET, "/proc/self/status")),
            "/proc/self/status is not a namespace (network namespace wanted)");
  EXPECT_EQ(error_of(joining("pid", CLONE_NEWPID, "/none")),
            "pid namespace /none: No such file or directory");
}

/// A directory with one program in it, first in PATH.
class Program {
 public:
  Program(const std::string& name, const std::string& script) : old_path_(::getenv("PATH")) {
    EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
    file_ = directory_ + "/" + name;
    std::ofstream(file_) << "#!/bin/sh\n" << script;
    ::chmod(file_.c_str(), 0755);
    ::setenv("PATH", (directory_ + ":" + old_path_).c_str(), 1);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    ::setenv("PATH", old_path_.c_str(), 1);
    ::unlink(file_.c_str());
    ::unlink((directory_ + "/said").c_str());
    ::rmdir(directory_.c_str());
  }
  std::string said() const {
    std::string text;
    std::getline(std::ifstream(directory_ + "/said"), text, '\0');
    return text;
  }

 private:
  std::string old_path_, directory_ = "/tmp/namespaces-test-XXXXXX", file_;
};

plan::NamespacePlan mapped_by_programs() {
  plan::NamespacePlan plan;
  plan.map_with_helpers = true;
  plan.uid_mappings = {{.container_id = 0, .host_id = 1000, .size = 1},
                       {.container_id = 1, .host_id = 100000, .size = 65536}};
  plan.gid_mappings = plan.uid_mappings;
  return plan;
}

TEST(Namespaces, PassesTheMappingProgramsWordsOn) {
  const Program program("newuidmap",
                        "echo 'newuidmap: uid range [1-2) -> [3-4) not allowed' >&2; exit 1\n");
  try {
    kernel::write_id_maps(123, mapped_by_programs());
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(std::string_view(error.what())
                    .starts_with("newuidmap: uid range [1-2) -> [3-4) not allowed ("))
        << error.what();
  }
}

TEST(Namespaces, CallsTheMappingProgramsWithAllRanges) {
  const Program uid("newuidmap", "exit 0\n");
  const Program gid("newgidmap", "echo \"$@\" >\"${0%/*}/said\"\n");
  kernel::write_id_maps(123, mapped_by_programs());
  EXPECT_EQ(gid.said(), "123 0 1000 1 1 100000 65536\n");
}

TEST(Procfs, OpensWithinProcOnly) {
  const kernel::Procfs procfs = kernel::Procfs::open();
  EXPECT_TRUE(procfs.open_file("self/stat", O_RDONLY));
  EXPECT_THROW(procfs.open_file("../etc/passwd", O_RDONLY), Error);
  EXPECT_THROW(procfs.open_file("/etc/passwd", O_RDONLY), Error);
  EXPECT_THROW(procfs.open_file("self/exe", O_RDONLY), Error);
  EXPECT_THROW(procfs.open_file("self/root/etc/passwd", O_RDONLY), Error);
  try {
    procfs.write("self/none", "1");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "open /proc/self/none: No such file or directory");
  }
}

}  // namespace
