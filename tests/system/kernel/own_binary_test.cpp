// SPDX-License-Identifier: Apache-2.0
// PROTECTED_BINARY names the program that calls continue_from_protected_binary
// (protected_binary.cpp).
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace {

std::string output_of(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "re");
  std::string text;
  for (int letter; pipe != nullptr && (letter = ::fgetc(pipe)) != EOF;)
    text += static_cast<char>(letter);
  if (pipe == nullptr || ::pclose(pipe) != 0) text += "[failed]";
  return text;
}

class OwnBinary : public testing::Test {
 protected:
  void SetUp() override {
    if (::getenv("PROTECTED_BINARY") == nullptr) GTEST_SKIP() << "PROTECTED_BINARY is not set";
    char name[] = "/tmp/toyrun-own-binary-XXXXXX";
    directory_ = ::mkdtemp(name);
    ::chmod(directory_.c_str(), 0755);
    program_ = directory_ + "/program";
    // World-writable, so that "safe" is not due to file permissions.
    std::filesystem::copy_file(::getenv("PROTECTED_BINARY"), program_);
    ::chmod(program_.c_str(), 0777);
  }
  void TearDown() override {
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }
  std::string directory_, program_;
};

TEST_F(OwnBinary, ContinuesFromAReadOnlyMountWithTheSameArguments) {
  EXPECT_EQ(output_of("KEPT=yes " + program_ + " as-root last 3>&-"),
            "read-only safe 3 last yes fd3 closed\n");
}

TEST_F(OwnBinary, ContinuesFromASealedCopyWhereMountsAreRefused) {
  EXPECT_EQ(output_of("KEPT=yes " + program_ + " without-privilege last 3>&-"),
            "sealed safe 3 last yes fd3 closed\n");
}

TEST_F(OwnBinary, StaysWhereTheMountIsReadOnlyAlready) {
  const std::string script = "mount --bind " + directory_ + " " + directory_ +
                             " && mount -o remount,ro,bind " + directory_ + " && " + program_ +
                             " as-root last 3>&-";
  EXPECT_EQ(output_of("unshare -m --propagation private sh -c '" + script + "'"),
            "same safe 3 last (none) fd3 closed\n");
}

}  // namespace
