// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/id_map.hpp"

#include <gtest/gtest.h>
#include <linux/sched.h>

#include <variant>

#include "runtime/plan/cgroup.hpp"
#include "runtime/plan/rootfs.hpp"
#include "tests/unit/runtime/plan/expect_error.hpp"

namespace plan {
namespace {

using Mappings = std::vector<oci::IdMapping>;
const Mappings kContainer = {{.container_id = 0, .host_id = 0, .size = 1},
                             {.container_id = 1, .host_id = 2, .size = 1000}};

std::optional<IdMap> id_map_for(const std::vector<std::string>& words, const oci::Mount& mount = {},
                                const NamespacePlan& namespaces = {}) {
  return plan_id_map(mount, read_mount_options(words, "/mounts/0/options"), namespaces,
                     "/mounts/0");
}

NamespacePlan user_namespace() {
  NamespacePlan plan;
  plan.create_flags = CLONE_NEWUSER;
  plan.uid_mappings = kContainer;
  plan.gid_mappings = {{.container_id = 0, .host_id = 7, .size = 5}};
  return plan;
}

std::string error_for(const std::string& word, const NamespacePlan& namespaces = {}) {
  return error_of([&] { id_map_for({word}, {}, namespaces); });
}

TEST(IdMap, NoneUnlessAskedFor) { EXPECT_FALSE(id_map_for({"bind", "ro"}, {}, user_namespace())); }

TEST(IdMap, TheMountsOwnMappingsComeFirst) {
  oci::Mount mount;
  mount.uid_mappings = {{.container_id = 3, .host_id = 4, .size = 5}};
  mount.gid_mappings = {{.container_id = 6, .host_id = 7, .size = 8}};
  const IdMap map = *id_map_for({"bind"}, mount, user_namespace());
  EXPECT_EQ(map.uids, mount.uid_mappings);
  EXPECT_EQ(map.gids, mount.gid_mappings);
  EXPECT_FALSE(map.recursive);
  EXPECT_TRUE(id_map_for({"rbind", "ridmap"}, mount)->recursive);
  EXPECT_TRUE(contains(error_of([&] { id_map_for({"idmap=uids=0-0-1;gids=0-0-1"}, mount); }),
                       "exclude each other"));
}

TEST(IdMap, TheContainersMappingsElse) {
  EXPECT_EQ(id_map_for({"idmap"}, {}, user_namespace())->uids, kContainer);
  NamespacePlan joined;
  joined.join = {{.type = "user", .flag = CLONE_NEWUSER, .path = "/u"}};
  EXPECT_TRUE(id_map_for({"idmap"}, {}, joined)->of_joined_namespace);
  EXPECT_TRUE(contains(error_for("idmap"), "/mounts/0/options: idmap needs"));
}

TEST(IdMap, CrunsWord) {
  const IdMap map = *id_map_for({"idmap=uids=0-1-10#10-11-20;gids=0-100-10"});
  EXPECT_EQ(map.uids, (Mappings{{.container_id = 0, .host_id = 1, .size = 10},
                                {.container_id = 10, .host_id = 11, .size = 20}}));
  EXPECT_EQ(map.gids, (Mappings{{.container_id = 0, .host_id = 100, .size = 10}}));
  // The example of crun(1).
  const IdMap relative = *id_map_for({"idmap=uids=@1-3-10;gids=@0-4-1"}, {}, user_namespace());
  EXPECT_EQ(relative.uids, (Mappings{{.container_id = 1, .host_id = 4, .size = 10}}));
  EXPECT_EQ(relative.gids, (Mappings{{.container_id = 0, .host_id = 11, .size = 1}}));
}

TEST(IdMap, CrunsWordMalformed) {
  EXPECT_TRUE(contains(error_for("idmap=uids=0-1-1"), "needs uids and gids"));
  EXPECT_TRUE(contains(error_for("idmap=users=0-1-1"), "\"users\" is neither uids nor gids"));
  EXPECT_TRUE(contains(error_for("idmap=uids=0-1;gids=0-1-1"), "\"\" is no id"));
  EXPECT_TRUE(contains(error_for("idmap=uids=0-1-0;gids=0-1-1"), "maps no id"));
  EXPECT_TRUE(contains(error_for("idmap=uids=0-1-1-1;gids=0-1-1"), "\"1-1\" is no id"));
  EXPECT_TRUE(contains(error_for("idmap=uids=4294967296-1-1;gids=0-1-1"), "is no id"));
  EXPECT_TRUE(contains(error_for("idmap=uids=@0-1001-1;gids=0-1-1", user_namespace()),
                       "is not within one mapping"));
  EXPECT_TRUE(contains(error_for("idmap=uids=@0-0-2;gids=0-1-1", user_namespace()),
                       "is not within one mapping"));
}

RootfsPlan rootfs_with(const oci::Mount& mount, std::uint32_t euid = 0) {
  oci::RuntimeConfig config;
  config.root = oci::Root{.path = "rootfs"};
  config.linux_.namespaces = {{.type = "mount"}, {.type = "user"}};
  config.linux_.uid_mappings =
      config.linux_.gid_mappings = {{.container_id = 0, .host_id = 1000, .size = 10}};
  config.mounts = {mount};
  HostFacts facts = example_host("v2");
  facts.euid = euid;
  return plan_rootfs(config, "/b", facts, plan_namespaces(config, facts), {}, false);
}

TEST(IdMap, OfANewFileSystemInAUserNamespace) {
  oci::Mount tmpfs{.destination = "/t", .type = "tmpfs", .options = {"idmap"}};
  EXPECT_FALSE(std::get<MountFilesystem>(rootfs_with(tmpfs).mounts.front()).id_map);
  tmpfs.options = {"idmap=uids=0-5-1;gids=0-5-1"};
  EXPECT_TRUE(contains(error_of([&] { rootfs_with(tmpfs); }), "no other id mapping"));
}

TEST(IdMap, WhoAndWhatCannot) {
  oci::Mount bind{.destination = "/t", .type = "bind", .source = "/s", .options = {"idmap"}};
  EXPECT_TRUE(std::get<BindMount>(rootfs_with(bind).mounts.front()).id_map);
  EXPECT_TRUE(contains(error_of([&] { rootfs_with(bind, 1000); }), "root only"));
  bind.options = {"remount", "idmap"};
  EXPECT_TRUE(contains(error_of([&] { rootfs_with(bind); }), "a remount takes no idmap"));
}

}  // namespace
}  // namespace plan
