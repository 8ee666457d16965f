// SPDX-License-Identifier: Apache-2.0
#include "imagetool/bundle/bundle_draft.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bundle-spec/error.hpp"

namespace {

class BundleDraftTest : public testing::Test {
 protected:
  BundleDraftTest() {
    std::string name = "/tmp/bundle-draft-test.XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~BundleDraftTest() override { std::filesystem::remove_all(directory_); }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory_),
                                                  std::filesystem::directory_iterator()));
  }
  std::filesystem::path directory_;
};

TEST_F(BundleDraftTest, AppearsOnlyWhenFinished) {
  const std::filesystem::path bundle = directory_ / "b";
  BundleDraft draft = BundleDraft::begin(bundle.string() + "/");
  EXPECT_FALSE(std::filesystem::exists(bundle));
  draft.write_config({});
  draft.finish();
  EXPECT_TRUE(std::filesystem::exists(bundle / "config.json"));
  struct stat status{};
  ASSERT_EQ(::stat(bundle.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0700U);
  EXPECT_EQ(entries(), 1U);
}

TEST_F(BundleDraftTest, LeavesNothingWhenDropped) {
  {
    const BundleDraft draft = BundleDraft::begin((directory_ / "b").string());
    draft.root().make_directories("a/b/c");
  }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(BundleDraftTest, TakesAnEmptyDirectoryAndRefusesAnother) {
  const std::filesystem::path bundle = directory_ / "b";
  std::filesystem::create_directory(bundle);
  BundleDraft draft = BundleDraft::begin(bundle.string());
  draft.write_config({});
  draft.finish();
  EXPECT_THROW(BundleDraft::begin(bundle.string()), Error);
  EXPECT_THROW(BundleDraft::begin((directory_ / "..").string()), Error);
}

TEST_F(BundleDraftTest, RemovesTheDraftOfAKilledMakerButNotALivingOnes) {
  const std::string bundle = (directory_ / "b").string();
  const BundleDraft living = BundleDraft::begin(bundle);
  const pid_t child = ::fork();
  if (child == 0) {
    const BundleDraft doomed = BundleDraft::begin(bundle);
    ::raise(SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(entries(), 2U);
  const BundleDraft next = BundleDraft::begin((directory_ / "other").string());
  EXPECT_EQ(entries(), 3U) << "another bundle's drafts are not its business";
}

TEST_F(BundleDraftTest, RemovesAbandonedDraftsOfTheSameName) {
  const std::string bundle = (directory_ / "b").string();
  const pid_t child = ::fork();
  if (child == 0) {
    const BundleDraft doomed = BundleDraft::begin(bundle);
    ::raise(SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  ASSERT_EQ(entries(), 1U);
  BundleDraft::begin(bundle).finish();
  EXPECT_EQ(entries(), 1U);
}

TEST_F(BundleDraftTest, LeavesWhatOnlyLooksLikeADraftAlone) {
  std::filesystem::create_directory(directory_ / ".b.old.partial");
  std::filesystem::create_directory(directory_ / ".b..partial");
  std::filesystem::create_directory(directory_ / ".b.partial");
  BundleDraft::begin((directory_ / "b").string()).finish();
  EXPECT_EQ(entries(), 4U);
}

TEST_F(BundleDraftTest, MissingParentsGoWithABundleThatIsNotFinished) {
  const std::filesystem::path bundle = directory_ / "x" / "y" / "b";
  {
    const BundleDraft draft = BundleDraft::begin(bundle.string());
  }
  EXPECT_EQ(entries(), 0U);
  BundleDraft::begin(bundle.string() + "//").finish();
  EXPECT_TRUE(std::filesystem::is_directory(bundle));
}

TEST_F(BundleDraftTest, GoesWhereASymlinkLeads) {
  std::filesystem::create_directories(directory_ / "real" / "b");
  std::filesystem::create_directory_symlink("real/b", directory_ / "link");
  BundleDraft draft = BundleDraft::begin((directory_ / "link").string());
  draft.write_config({});
  draft.finish();
  EXPECT_TRUE(std::filesystem::exists(directory_ / "real" / "b" / "config.json"));
  EXPECT_TRUE(std::filesystem::is_symlink(directory_ / "link"));
}

TEST_F(BundleDraftTest, RefusesAtOnceWhatItCouldNotReplaceInTheEnd) {
  std::ofstream(directory_ / "file") << "mine";
  std::filesystem::create_symlink("nowhere", directory_ / "dangling");
  for (const char* const name : {"file", "dangling", "file/b", "."})
    EXPECT_THROW(BundleDraft::begin((directory_ / name).string()), Error) << name;
  EXPECT_THROW(BundleDraft::begin("/proc"), Error);
  EXPECT_THROW(BundleDraft::begin(""), Error);
  EXPECT_EQ(entries(), 2U);
}

}  // namespace
