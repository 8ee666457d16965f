// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/process.hpp"

namespace kernel {
namespace {

class FindExecutable : public testing::Test {
 protected:
  FindExecutable() {
    char name[] = "/tmp/toyrun-executable-XXXXXX";
    path_ = ::mkdtemp(name);
    for (const char* directory : {"/a", "/b", "/b/prog.d"})
      ::mkdir((path_ + directory).c_str(), 0755);
    make("/a/plain", 0644);
    make("/b/plain", 0755);
    make("/b/prog", 0755);
  }
  ~FindExecutable() override { std::filesystem::remove_all(path_); }
  void make(const std::string& name, mode_t mode) {
    replace_file(path_ + name, "#!/bin/sh\n", mode);
    ::chmod((path_ + name).c_str(), mode);
  }
  std::string search_path() const {
    return "PATH=" + path_ + "/none:" + path_ + "/a/:" + path_ + "/b";
  }
  std::string found(const std::string& name) { return find_executable({name}, {search_path()}); }
  static std::string refusal(const std::string& name, const std::vector<std::string>& env) {
    try {
      return "found " + find_executable({name, "argument"}, env);
    } catch (const Error& error) {
      return error.what();
    }
  }

  std::string path_;
};

TEST_F(FindExecutable, TakesTheFirstThatCanBeExecuted) {
  EXPECT_EQ(found("prog"), path_ + "/b/prog");
  EXPECT_EQ(found("plain"), path_ + "/b/plain") << "the one in a/ is not executable";
}

TEST_F(FindExecutable, ANameWithASlashIsUsedAsItIs) {
  EXPECT_EQ(found(path_ + "/b/prog"), path_ + "/b/prog");
}

TEST_F(FindExecutable, TheLastPathCounts) {
  EXPECT_EQ(find_executable({"prog"}, {"PATH=/nowhere", "X=1", search_path()}), path_ + "/b/prog");
}

TEST_F(FindExecutable, SaysWhyInRuncsWords) {
  const std::string missing = "exec: \"nope\": executable file not found in $PATH";
  EXPECT_EQ(refusal("nope", {search_path()}), missing);
  EXPECT_EQ(refusal("nope", {}), missing);
  EXPECT_EQ(refusal("nope", {"PATH="}), missing);
  EXPECT_EQ(refusal("prog.d", {search_path()}),
            "exec: \"prog.d\": executable file not found in $PATH");
  EXPECT_EQ(refusal("", {search_path()}), "exec: \"\": executable file not found in $PATH");
  EXPECT_EQ(refusal("/nope", {}), "exec: \"/nope\": stat /nope: no such file or directory");
  const std::string plain = path_ + "/a/plain";
  EXPECT_EQ(refusal(plain, {}), "exec: \"" + plain + "\": permission denied");
  EXPECT_EQ(refusal(plain + "/x", {}),
            "exec: \"" + plain + "/x\": stat " + plain + "/x: not a directory");
  EXPECT_EQ(refusal(path_ + "/a", {}), "exec: \"" + path_ + "/a\": permission denied");
}

TEST_F(FindExecutable, RefusesWhatTheWorkingDirectoryHappensToHold) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(path_);
  const std::string words =
      "exec: \"prog\": cannot run executable found relative to current directory";
  EXPECT_EQ(refusal("prog", {"PATH=b"}), words);
  std::filesystem::current_path(path_ + "/b");
  EXPECT_EQ(refusal("prog", {"PATH=:/nowhere"}), words);
  std::filesystem::current_path(before);
}

TEST(HomeDirectory, ComesFromPasswd) {
  EXPECT_EQ(home_directory(0), "/root");
  EXPECT_EQ(home_directory(4294967294U), "/");
}

}  // namespace
}  // namespace kernel
