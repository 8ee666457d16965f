// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/bundle.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

std::string failure(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Bundle, WhatIsWrittenIsRead) {
  const TemporaryDirectory directory;
  const Bundle bundle = Bundle::create(directory / "new/bundle");
  oci::RuntimeConfig config;
  config.oci_version = "1.3.0";
  config.root = oci::Root{.path = "rootfs"};
  bundle.write(config);
  std::filesystem::create_symlink("new", directory / "link");
  const Bundle opened = Bundle::open(directory / "link/bundle");
  EXPECT_EQ(opened.directory(), real_path(directory / "new/bundle"));
  EXPECT_TRUE(opened.runtime_config() == config);
}

TEST(Bundle, AMissingConfigIsNamed) {
  const TemporaryDirectory directory;
  EXPECT_EQ(failure([&] { Bundle::open(directory.path()); }),
            "JSON specification file " + directory.path() + "/config.json not found");
  EXPECT_NE(failure([&] { Bundle::open(directory / "none"); }).find("No such file"),
            std::string::npos);
}

TEST(Bundle, CreateRefusesABundle) {
  const TemporaryDirectory directory;
  replace_file(directory / "config.json", "{}");
  EXPECT_NE(failure([&] { Bundle::create(directory.path()); }).find("is a bundle already"),
            std::string::npos);
}

TEST(Bundle, OnlyARegularConfigIsRead) {
  const TemporaryDirectory directory;
  ASSERT_EQ(::mkfifo((directory / "config.json").c_str(), 0600), 0);
  const Bundle bundle = Bundle::open(directory.path());
  EXPECT_NE(failure([&] { bundle.runtime_config(); }).find("is not a regular file"),
            std::string::npos);
}

TEST(Bundle, ErrorsNameFileAndPointer) {
  const TemporaryDirectory directory;
  replace_file(directory / "config.json", R"({"ociVersion":"1.0.0","root":{}})");
  EXPECT_EQ(failure([&] { Bundle::open(directory.path()).runtime_config(); }),
            "config.json: /root/path: is required");
}

}  // namespace
