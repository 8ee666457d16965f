// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/cgroup_files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace kernel {
namespace {

TEST(ValueOfKey, FindsWholeKeysOnly) {
  const char* text = "low 0\noom 4\noom_kill 12\noom_group_kill 1\n";
  EXPECT_EQ(value_of_key(text, "oom"), 4U);
  EXPECT_EQ(value_of_key(text, "oom_kill"), 12U);
  EXPECT_EQ(value_of_key(text, "oom_group"), std::nullopt);
  EXPECT_EQ(value_of_key("oom_kill", "oom_kill"), std::nullopt);
  EXPECT_EQ(value_of_key("oom_kill many\n", "oom_kill"), std::nullopt);
  EXPECT_EQ(value_of_key("", "oom"), std::nullopt);
}

/// An ordinary directory in a cgroup's place: what is tested here is which files are written, in
/// what order of attempts.
class WriteValues : public testing::Test {
 protected:
  WriteValues() {
    char name[] = "/tmp/toyrun-cgroup-files-XXXXXX";
    path_ = ::mkdtemp(name);
    dir_.reset(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  ~WriteValues() override { std::filesystem::remove_all(path_); }
  void make(const std::string& file) { replace_file(path_ + "/" + file, ""); }
  std::string content(const std::string& file) { return read_file(path_ + "/" + file); }
  void write(const std::vector<plan::FileWrite>& writes) {
    write_values(dir_.get(), path_, writes);
  }

  std::string path_;
  UniqueFd dir_;
};

TEST_F(WriteValues, WritesEachValueAsItIs) {
  make("pids.max");
  make("memory.max");
  write({{.file = "pids.max", .value = "100"}, {.file = "memory.max", .value = "max"}});
  EXPECT_EQ(content("pids.max"), "100");
  EXPECT_EQ(content("memory.max"), "max");
}

TEST_F(WriteValues, LinesForOneFileShareADescriptor) {
  make("devices.allow");
  write({{.file = "devices.allow", .value = "c 1:3 rwm"},
         {.file = "devices.allow", .value = "b *:* m"}});
  EXPECT_EQ(content("devices.allow"), "c 1:3 rwmb *:* m");
}

TEST_F(WriteValues, AMissingFileIsAnErrorThatNamesItAndTheValue) {
  try {
    write({{.file = "memory.max", .value = "4096"}});
    FAIL() << "no Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.number(), ENOENT);
    EXPECT_NE(std::string(error.what()).find("\"4096\" to " + path_ + "/memory.max"),
              std::string::npos)
        << error.what();
  }
}

TEST_F(WriteValues, OptionalAndFallback) {
  make("io.weight");
  write({{.file = "memory.use_hierarchy", .value = "1", .optional = true},
         {.file = "io.bfq.weight",
          .value = "50",
          .optional = false,
          .fallback_file = "io.weight",
          .fallback_value = "405"}});
  EXPECT_EQ(content("io.weight"), "405");
}

TEST_F(WriteValues, NeverLeavesTheDirectoryNorFollowsALink) {
  make("target");
  std::filesystem::create_symlink("target", path_ + "/link");
  EXPECT_THROW(write({{.file = "../../etc/hostname", .value = "x"}}), Error);
  EXPECT_THROW(write({{.file = "link", .value = "x"}}), Error);
  EXPECT_EQ(content("target"), "");
}

}  // namespace
}  // namespace kernel
