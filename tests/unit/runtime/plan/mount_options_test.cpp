// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/mount_options.hpp"

#include <gtest/gtest.h>
#include <linux/mount.h>

#include <algorithm>

#include "tests/unit/runtime/plan/expect_error.hpp"

namespace plan {
namespace {

MountOptions read(const std::vector<std::string>& words) {
  return read_mount_options(words, "/mounts/0/options");
}

TEST(MountOptions, EveryWordOfTheSpecIsKnown) {
  // runtime-spec 1.3.0, config.md "Linux mount options"
  const std::vector<std::string> words = {
      "async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "iversion",
      "lazytime", "loud", "mand", "noatime", "nodev", "nodiratime", "noexec", "noiversion",
      "nolazytime", "nomand", "norelatime", "nostrictatime", "nosuid", "nosymfollow", "private",
      "ratime", "rbind", "rdev", "rdiratime", "relatime", "remount", "rexec", "ridmap", "idmap",
      "rnoatime", "rnodev", "rnodiratime", "rnoexec", "rnorelatime", "rnostrictatime", "rnosuid",
      "rnosymfollow", "ro", "rprivate", "rrelatime", "rro", "rrw", "rshared", "rslave",
      "rstrictatime", "rsuid", "rsymfollow", "runbindable", "rw", "shared", "silent", "slave",
      "strictatime", "suid", "symfollow", "sync", "tmpcopyup", "unbindable",
      // crun's
      "copy-symlink", "dest-nofollow", "rasync", "rdirsync", "rmand", "rsync", "src-nofollow"};
  const std::vector<std::string> known = known_mount_options();
  EXPECT_TRUE(std::ranges::is_sorted(known));
  EXPECT_EQ(known.size(), words.size());
  for (const std::string& word : words) {
    EXPECT_TRUE(std::ranges::binary_search(known, word)) << word;
    EXPECT_TRUE(read({word}).data.empty()) << word;
  }
}

TEST(MountOptions, AttributesOfDockersProc) {
  const MountOptions options = read({"nosuid", "noexec", "nodev"});
  EXPECT_EQ(options.attributes.set,
            std::uint64_t{MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV});
  EXPECT_EQ(options.attributes.clear, 0U);
  EXPECT_TRUE(options.recursive_attributes.empty());
}

TEST(MountOptions, IdMapWithAMappingOfItsOwn) {
  const MountOptions options = read({"ridmap=uids=0-1-2#@3-4-5;gids=0-1-2"});
  EXPECT_TRUE(options.idmap);
  EXPECT_TRUE(options.recursive_idmap);
  EXPECT_EQ(options.idmap_text, "uids=0-1-2#@3-4-5;gids=0-1-2");
  EXPECT_EQ(read({"idmaps=1"}).data, (std::vector<std::string>{"idmaps=1"}));
}

TEST(MountOptions, TheLastOfAPairWins) {
  const MountOptions writable = read({"ro", "rw"});
  EXPECT_EQ(writable.attributes.set, 0U);
  EXPECT_EQ(writable.attributes.clear, std::uint64_t{MOUNT_ATTR_RDONLY});
  EXPECT_EQ(writable.superblock_flags, 0U);
  const MountOptions readonly = read({"rw", "ro"});
  EXPECT_EQ(readonly.attributes.set, std::uint64_t{MOUNT_ATTR_RDONLY});
  EXPECT_EQ(readonly.attributes.clear, 0U);
  EXPECT_EQ(readonly.superblock_flags, std::uint64_t{MS_RDONLY});
}

TEST(MountOptions, TheAtimeFieldIsClearedAsAWhole) {
  const MountOptions strict = read({"noatime", "strictatime"});
  EXPECT_EQ(strict.attributes.set, std::uint64_t{MOUNT_ATTR_STRICTATIME});
  EXPECT_EQ(strict.attributes.clear, std::uint64_t{MOUNT_ATTR__ATIME});
  const MountOptions relative = read({"relatime"});
  EXPECT_EQ(relative.attributes.set, 0U);
  EXPECT_EQ(relative.attributes.clear, std::uint64_t{MOUNT_ATTR__ATIME});
  const MountOptions recursive = read({"rnoatime"});
  EXPECT_EQ(recursive.recursive_attributes.set, std::uint64_t{MOUNT_ATTR_NOATIME});
  EXPECT_EQ(recursive.recursive_attributes.clear, std::uint64_t{MOUNT_ATTR__ATIME});
  EXPECT_EQ(read({"strictatime", "atime"}).attributes.set, std::uint64_t{MOUNT_ATTR_STRICTATIME});
  EXPECT_EQ(read({"noatime", "atime"}).attributes.set, 0U);
}

TEST(MountOptions, RecursiveWordsAreApart) {
  const MountOptions options = read({"rbind", "ro", "rro", "rnosuid", "rsuid"});
  EXPECT_TRUE(options.bind);
  EXPECT_TRUE(options.recursive_bind);
  EXPECT_EQ(options.attributes.set, std::uint64_t{MOUNT_ATTR_RDONLY});
  EXPECT_EQ(options.recursive_attributes.set, std::uint64_t{MOUNT_ATTR_RDONLY});
  EXPECT_EQ(options.recursive_attributes.clear, std::uint64_t{MOUNT_ATTR_NOSUID});
}

TEST(MountOptions, PropagationKeepsItsOrder) {
  const std::vector<std::uint64_t> expected = {MS_PRIVATE | MS_REC, MS_SHARED};
  EXPECT_EQ(read({"rprivate", "shared"}).propagation, expected);
}

TEST(MountOptions, UnknownWordsAreForTheFilesystem) {
  const std::vector<std::string> expected = {"mode=755", "size=65536k", "acl"};
  EXPECT_EQ(read({"nosuid", "mode=755", "size=65536k", "defaults", "acl", ""}).data, expected);
}

TEST(MountOptions, OneWordIsOneOption) {
  EXPECT_TRUE(contains(error_of([] { read({"nosuid", "rprivate,rw"}); }), "/mounts/0/options/1"));
  EXPECT_TRUE(contains(error_of([] { read({std::string("ro\0rw", 5)}); }), "NUL"));
  EXPECT_TRUE(contains(error_of([] { read({"context=\"a,b"}); }), "more than one"));
  const std::string label = "context=\"system_u:object_r:container_file_t:s0:c1,c2\"";
  EXPECT_EQ(read({label}).data, std::vector<std::string>{label});
}

TEST(MountOptions, Describe) {
  EXPECT_EQ(describe(read({"ro", "nosuid", "dev", "noatime"}).attributes), "ro,nosuid,dev,noatime");
  EXPECT_EQ(describe(read({"relatime"}).attributes), "relatime");
  EXPECT_EQ(describe_propagation(MS_SLAVE | MS_REC), "rslave");
  EXPECT_EQ(describe_propagation(MS_UNBINDABLE), "unbindable");
}

}  // namespace
}  // namespace plan
