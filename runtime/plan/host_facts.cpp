// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/host_facts.hpp"

#include <utility>

#include "bundle-spec/error.hpp"

namespace plan {
namespace {

CgroupHierarchy hierarchy(std::string directory, std::vector<std::string> controllers) {
  return {.mount_point = "/sys/fs/cgroup/" + directory,
          .controllers = std::move(controllers),
          .is_v2 = false,
          .own_path = "/"};
}

// The order and the merged pairs are systemd's (system.conf, JoinControllers=).
std::vector<CgroupHierarchy> v1_hierarchies() {
  return {hierarchy("systemd", {"name=systemd"}),
          hierarchy("cpuset", {"cpuset"}),
          hierarchy("cpu,cpuacct", {"cpu", "cpuacct"}),
          hierarchy("blkio", {"blkio"}),
          hierarchy("memory", {"memory"}),
          hierarchy("devices", {"devices"}),
          hierarchy("freezer", {"freezer"}),
          hierarchy("net_cls,net_prio", {"net_cls", "net_prio"}),
          hierarchy("perf_event", {"perf_event"}),
          hierarchy("hugetlb", {"hugetlb"}),
          hierarchy("pids", {"pids"}),
          hierarchy("rdma", {"rdma"})};
}

}  // namespace

HostFacts example_host(std::string_view layout) {
  HostFacts facts;
  facts.systemd = SystemdFacts{.version = 252, .root = "", .of_user = false};
  if (layout == "v2") {
    facts.hierarchies = {
        {.mount_point = "/sys/fs/cgroup",
         .controllers = {"cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"},
         .is_v2 = true,
         .own_path = "/"}};
    return facts;
  }
  if (layout != "v1" && layout != "hybrid") {
    throw Error(sentence("no example host \"", layout, "\": choose v1, hybrid or v2"));
  }
  facts.hierarchies = v1_hierarchies();
  if (layout == "hybrid") {
    facts.hierarchies.insert(facts.hierarchies.begin(), {.mount_point = "/sys/fs/cgroup/unified",
                                                         .controllers = {},
                                                         .is_v2 = true,
                                                         .own_path = "/"});
  }
  return facts;
}

}  // namespace plan
