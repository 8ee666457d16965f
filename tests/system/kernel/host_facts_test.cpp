// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/host_facts.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <string>

#include "runtime/kernel/mount_table.hpp"
#include "tests/system/kernel/children.hpp"

namespace kernel {
namespace {

std::string words(const plan::HostFacts& facts) {
  std::string text;
  for (const plan::CgroupHierarchy& one : facts.hierarchies) {
    text += one.mount_point + (one.is_v2 ? " v2" : "");
    for (const std::string& controller : one.controllers) text += " " + controller;
    text += " " + one.own_path + "\n";
  }
  return text;
}

TEST(HostFacts, FindsWhatMountinfoSays) {
  std::set<std::string> mounted, found;
  for (const MountEntry& one : read_mount_table()) {
    if (one.type == "cgroup" || one.type == "cgroup2") mounted.insert(one.mount_point);
  }
  for (const plan::CgroupHierarchy& one : host_facts().hierarchies) found.insert(one.mount_point);
  EXPECT_EQ(found, mounted);
}

TEST(HostFacts, AnUnusualMountPointIsFoundThroughMountinfo) {
  const plan::HostFacts usual = host_facts();
  const auto v1 = std::ranges::find(usual.hierarchies, false, &plan::CgroupHierarchy::is_v2);
  if (v1 == usual.hierarchies.end()) GTEST_SKIP() << "no v1 hierarchy";
  const std::string moved = in_child([&] {
    check(::unshare(CLONE_NEWNS), "unshare");
    check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "mount");
    check(::mount("tmpfs", "/mnt", "tmpfs", 0, nullptr), "mount /mnt");
    check(::mkdir("/mnt/a b", 0755), "mkdir");
    check(::mount(v1->mount_point.c_str(), "/mnt/a b", nullptr, MS_BIND, nullptr), "bind");
    check(::umount2("/sys/fs/cgroup", MNT_DETACH), "umount");
    return words(host_facts());
  });
  plan::HostFacts same;
  same.hierarchies = {*v1};
  same.hierarchies[0].mount_point = "/mnt/a b";
  EXPECT_EQ(moved, words(same));
}

TEST(HostFacts, AHierarchyThatIsNotMountedIsLeftOut) {
  const plan::HostFacts usual = host_facts();
  const std::string count = in_child([&] {
    check(::unshare(CLONE_NEWNS), "unshare");
    check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "mount");
    check(::umount2("/sys/fs/cgroup", MNT_DETACH), "umount");
    return std::to_string(host_facts().hierarchies.size());
  });
  EXPECT_EQ(count, "0");
}

TEST(HostFacts, KnowsTheInitialUserNamespaceFromAnother) {
  const bool here = in_initial_user_namespace();
  EXPECT_EQ(host_facts().in_user_namespace, !here);
  EXPECT_EQ(in_child([]() -> std::string {
              if (::unshare(CLONE_NEWUSER) < 0) return "nested";  // forbidden here: nothing to see
              return in_initial_user_namespace() ? "initial" : "nested";
            }),
            "nested");
}

}  // namespace
}  // namespace kernel
