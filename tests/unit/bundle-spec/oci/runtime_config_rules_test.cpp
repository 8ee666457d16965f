// SPDX-License-Identifier: Apache-2.0
// Each rule once: what breaks it, and where the message points.
#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"
#include "bundle-spec/oci/runtime_config.hpp"

namespace {

/// "<pointer>" and the words after it of what reading `json` throws.
std::string failure(const std::string& json) {
  try {
    oci::read_runtime_config(json, "c");
  } catch (const Error& error) {
    return std::string(error.what()).substr(3);
  }
  return "ok";
}

std::string document(const std::string& property) {
  return failure(R"({"ociVersion":"1.0.2",)" + property + "}");
}
std::string process(const std::string& property) {
  return document(R"("process":{"cwd":"/","args":["a"],)" + property + "}");
}
/// The linux part of a container with all namespaces.
std::string linux_part(const std::string& property) {
  return document(
      R"("linux":{"namespaces":[{"type":"pid"},{"type":"mount"},{"type":"network"},{"type":"uts"},{"type":"time"}],)" +
      property + "}");
}
std::string resources(const std::string& property) {
  return linux_part(R"("resources":{)" + property + "}");
}
std::string seccomp(const std::string& property) {
  return linux_part(R"("seccomp":{"defaultAction":"SCMP_ACT_ERRNO",)" + property + "}");
}
std::string seccomp_call(const std::string& property) {
  return seccomp(R"("syscalls":[{"names":["write"],)" + property + "}]");
}

struct Case {
  std::string found;
  std::string wanted;  // how the message starts
};

void expect_all(const std::vector<Case>& cases) {
  for (const Case& one : cases)
    EXPECT_EQ(one.found.substr(0, one.wanted.size()), one.wanted) << one.found;
}

TEST(ConfigRules, Version) {
  const auto version = [](const std::string& text) {
    return failure(R"({"ociVersion":")" + text + "\"}");
  };
  for (const char* good : {"1.0.0", "1.0.2-dev", "1.3.0", "1.99.0", "1.0.0-rc5+dev.1"})
    EXPECT_EQ(version(good), "ok") << good;
  for (const char* bad : {"", "1", "1.0", "1.0.", "01.0.0", "1.0.0 ", "1.0.0-", "v1.0.0", "1.0.0.0",
                          "2.0.0", "0.9.0"})
    EXPECT_EQ(version(bad).substr(0, 12), "/ociVersion:") << bad;
}

TEST(ConfigRules, General) {
  expect_all({
      {document(R"("root":{"path":""})"), "/root/path: must not be empty"},
      {document(R"("annotations":{"":"x"})"), "/annotations: the name"},
      {document(R"("hostname":"x")"),
       "/hostname: unable to set hostname without a private UTS namespace"},
      {document(R"("domainname":"x")"), "/domainname: unable to set domainname without"},
      {document(R"("hostname":"","domainname":"")"), "ok"},
      {document(
           R"("hostname":"x","linux":{"namespaces":[{"type":"uts","path":"/proc/1/ns/uts"}]})"),
       "ok"},
  });
}

TEST(ConfigRules, Mounts) {
  const std::string map = R"([{"containerID":0,"hostID":1,"size":1}])";
  const auto mount = [](const std::string& property) {
    return document(R"("mounts":[{"destination":"/a",)" + property + "}]");
  };
  expect_all({
      {document(R"("mounts":[{"destination":""}])"), "/mounts/0/destination: must not be empty"},
      {document(R"("mounts":[{"destination":"relative"}])"), "ok"},
      {mount(R"("uidMappings":)" + map), "/mounts/0: uidMappings and gidMappings must"},
      {mount(R"("uidMappings":)" + map + R"(,"gidMappings":)" + map), "ok"},
      {mount(R"("options":["ro","idmap"])"), "/mounts/0/options/1: needs uidMappings"},
      {mount(R"("options":["ridmap"],"uidMappings":)" + map + R"(,"gidMappings":)" + map), "ok"},
  });
}

TEST(ConfigRules, Process) {
  expect_all({
      {document(R"("process":{"cwd":"","args":["a"]})"),
       "/process/cwd: Cwd property must not be empty"},
      {document(R"("process":{"cwd":"a","args":["a"]})"),
       "/process/cwd: Cwd must be an absolute path"},
      {document(R"("process":{"cwd":"/"})"), "/process/args: args must not be empty"},
      {process(R"("env":["A=","B=1"])"), "ok"},
      {process(R"("env":["A=1","B"])"),
       "/process/env/1: invalid environment variable: missing '='"},
      {process(R"("env":["=1"])"),
       "/process/env/0: invalid environment variable: name cannot be empty"},
      {process(R"("user":{"uid":4294967295,"gid":0})"), "/process/user/uid: 4294967295 is no id"},
      {process(R"("user":{"uid":0,"gid":0,"additionalGids":[1,4294967295]})"),
       "/process/user/additionalGids/1:"},
      {process(R"("user":{"uid":0,"gid":0,"umask":4096})"), "/process/user/umask:"},
      {process(R"("oomScoreAdj":-1001)"), "/process/oomScoreAdj: must be from"},
      {process(R"("ioPriority":{"class":"IOPRIO_CLASS_BE","priority":8})"),
       "/process/ioPriority/priority:"},
      {process(R"("ioPriority":{"class":"BE","priority":1})"),
       "/process/ioPriority/class: \"BE\" is unknown"},
      {process(R"("execCPUAffinity":{"initial":"0-3,7","final":""})"), "ok"},
      {process(R"("execCPUAffinity":{"initial":"3-0"})"), "/process/execCPUAffinity/initial:"},
      {process(R"("execCPUAffinity":{"final":"1,,2"})"), "/process/execCPUAffinity/final:"},
  });
}

TEST(ConfigRules, Rlimits) {
  expect_all({
      {process(
           R"("rlimits":[{"type":"RLIMIT_CPU","soft":1,"hard":2},{"type":"RLIMIT_AS","soft":1,"hard":1}])"),
       "ok"},
      {process(R"("rlimits":[{"type":"CPU","soft":1,"hard":2}])"),
       "/process/rlimits/0/type: \"CPU\" is unknown"},
      {process(
           R"("rlimits":[{"type":"RLIMIT_CPU","soft":1,"hard":2},{"type":"RLIMIT_CPU","soft":1,"hard":2}])"),
       "/process/rlimits/1/type: duplicated rlimit RLIMIT_CPU"},
      {process(R"("rlimits":[{"type":"RLIMIT_CPU","soft":3,"hard":2}])"),
       "/process/rlimits/0/soft: 3 is above"},
  });
}

TEST(ConfigRules, Scheduler) {
  expect_all({
      {process(
           R"("scheduler":{"policy":"SCHED_FIFO","priority":10,"flags":["SCHED_FLAG_RESET_ON_FORK"]})"),
       "ok"},
      {process(R"("scheduler":{"policy":"FIFO"})"),
       "/process/scheduler/policy: \"FIFO\" is unknown"},
      {process(R"("scheduler":{"policy":"SCHED_RR","nice":1})"), "/process/scheduler/nice: is for"},
      {process(R"("scheduler":{"policy":"SCHED_OTHER","nice":20})"),
       "/process/scheduler/nice: must be"},
      {process(R"("scheduler":{"policy":"SCHED_OTHER","priority":1})"),
       "/process/scheduler/priority:"},
      {process(R"("scheduler":{"policy":"SCHED_OTHER","runtime":1})"),
       "/process/scheduler: scheduler runtime"},
      {process(R"("scheduler":{"policy":"SCHED_OTHER","flags":["X"]})"),
       "/process/scheduler/flags/0:"},
  });
}

TEST(ConfigRules, Hooks) {
  expect_all({
      {document(R"("hooks":{"prestart":[{"path":"/h","timeout":1}]})"), "ok"},
      {document(R"("hooks":{"createRuntime":[{"path":"/h"},{"path":"h"}]})"),
       "/hooks/createRuntime/1/path: must be an absolute path"},
      {document(R"("hooks":{"poststop":[{"path":"/h","timeout":0}]})"),
       "/hooks/poststop/0/timeout: must be greater than zero"},
      {document(R"("hooks":{"startContainer":[{"path":"/h","timeout":-1}]})"),
       "/hooks/startContainer/0/timeout:"},
  });
}

TEST(ConfigRules, Namespaces) {
  const std::string map = R"([{"containerID":0,"hostID":1000,"size":1}])";
  const std::string maps = R"("uidMappings":)" + map + R"(,"gidMappings":)" + map;
  const auto spaces = [](const std::string& list, const std::string& more = "") {
    return document(R"("linux":{"namespaces":[)" + list + "]" + more + "}");
  };
  expect_all({
      {spaces(R"({"type":"net"})"), "/linux/namespaces/0/type: \"net\" is unknown"},
      {spaces(R"({"type":"pid"},{"type":"pid","path":"/x"})"),
       "/linux/namespaces/1: malformed spec file: duplicated ns \"pid\""},
      {spaces(R"({"type":"pid","path":"x"})"),
       "/linux/namespaces/0/path: must be an absolute path"},
      {spaces("", "," + maps), "/linux/uidMappings: User namespace mappings specified, but"},
      {spaces(R"({"type":"user"})"),
       "/linux/uidMappings: User namespaces enabled, but no uid mappings found"},
      {spaces(R"({"type":"user"})", "," + maps), "ok"},
      {spaces(R"({"type":"user"})", R"(,"uidMappings":)" + map), "/linux/gidMappings:"},
      {spaces(R"({"type":"user","path":"/proc/1/ns/user"})"), "ok"},
      {spaces(R"({"type":"user","path":"/proc/1/ns/user"})", "," + maps), "ok"},
      {spaces(R"({"type":"user"})",
              R"(,"uidMappings":[{"containerID":0,"hostID":1,"size":0}],"gidMappings":)" + map),
       "/linux/uidMappings/0/size:"},
      {spaces(R"({"type":"user"})",
              R"(,"uidMappings":[{"containerID":1,"hostID":0,"size":4294967295}],"gidMappings":)" +
                  map),
       "/linux/uidMappings/0: goes beyond"},
      {spaces("", R"(,"timeOffsets":{"monotonic":{"secs":1}})"),
       "/linux/timeOffsets: time offsets"},
      {spaces(R"({"type":"time","path":"/x"})", R"(,"timeOffsets":{"monotonic":{"secs":1}})"),
       "/linux/timeOffsets: time offsets"},
      {spaces(R"({"type":"time"})", R"(,"timeOffsets":{"realtime":{"secs":1}})"),
       "/linux/timeOffsets/realtime:"},
      {spaces(R"({"type":"time"})", R"(,"timeOffsets":{"boottime":{"nanosecs":1000000000}})"),
       "/linux/timeOffsets/boottime/nanosecs:"},
      {spaces("", R"(,"maskedPaths":["/proc"])"),
       "/linux/maskedPaths: unable to restrict sys entries without a private MNT namespace"},
      {spaces("", R"(,"netDevices":{"eth0":{}})"), "/linux/netDevices: unable to move"},
  });
}

TEST(ConfigRules, LinuxPart) {
  expect_all({
      {linux_part(R"("maskedPaths":["/a","b"])"), "/linux/maskedPaths/1: must be an absolute path"},
      {linux_part(R"("readonlyPaths":[""])"), "/linux/readonlyPaths/0: must be an absolute path"},
      {linux_part(R"("rootfsPropagation":"rslave")"), "ok"},
      {linux_part(R"("rootfsPropagation":"public")"),
       "/linux/rootfsPropagation: \"public\" is unknown"},
      {linux_part(R"("cgroupsPath":"system.slice:toyrun:x")"), "ok"},
      {linux_part(R"("cgroupsPath":"/a..b/c")"), "ok"},
      {linux_part(R"("cgroupsPath":"/a/../b")"), "/linux/cgroupsPath:"},
      {linux_part(R"("cgroupsPath":"..")"), "/linux/cgroupsPath:"},
      {linux_part(R"("sysctl":{"net.ipv4.conf.eth0/1.x":"1","net/core/somaxconn":"2"})"), "ok"},
      {linux_part(R"("sysctl":{"net..x":"1"})"), "/linux/sysctl/net..x:"},
      {linux_part(R"("sysctl":{"/net/x":"1"})"), "/linux/sysctl/~1net~1x:"},
      {linux_part(R"("sysctl":{"a+b":"1"})"), "/linux/sysctl/a+b:"},
      {linux_part(R"("sysctl":{"net.x":"1\n2"})"),
       "/linux/sysctl/net.x: must not contain a line break"},
      {linux_part(R"("personality":{"domain":"LINUX32"})"), "ok"},
      {linux_part(R"("personality":{"domain":"BSD"})"), "/linux/personality/domain:"},
      {linux_part(R"("personality":{"domain":"LINUX","flags":["X"]})"),
       "/linux/personality/flags:"},
      {linux_part(
           R"("memoryPolicy":{"mode":"MPOL_BIND","nodes":"0-1","flags":["MPOL_F_STATIC_NODES"]})"),
       "ok"},
      {linux_part(R"("memoryPolicy":{"mode":"MPOL_BIND"})"),
       "/linux/memoryPolicy/nodes: must not be empty"},
      {linux_part(R"("memoryPolicy":{"mode":"MPOL_LOCAL","nodes":"0"})"),
       "/linux/memoryPolicy/nodes: must be empty"},
      {linux_part(R"("memoryPolicy":{"mode":"BIND","nodes":"0"})"), "/linux/memoryPolicy/mode:"},
      {linux_part(R"("intelRdt":{"closID":"/"})"), "ok"},
      {linux_part(R"("intelRdt":{"closID":"../x"})"), "/linux/intelRdt/closID:"},
      {linux_part(R"("netDevices":{"eth0":{"name":"eth%d"}})"), "ok"},
      {linux_part(R"("netDevices":{"a name":{}})"), "/linux/netDevices/a name:"},
      {linux_part(R"("netDevices":{"eth0":{"name":"sixteen-letters-"}})"),
       "/linux/netDevices/eth0/name:"},
  });
}

TEST(ConfigRules, Devices) {
  const auto device = [](const std::string& text) {
    return linux_part(R"("devices":[{)" + text + "}]");
  };
  expect_all({
      {device(
           R"("type":"c","path":"/dev/x","major":1,"minor":1048575,"fileMode":438,"uid":0,"gid":0)"),
       "ok"},
      {device(R"("type":"p","path":"/run/fifo")"), "ok"},
      {device(R"("type":"a","path":"/dev/x")"), "/linux/devices/0/type:"},
      {device(R"("type":"c","path":"dev/x","major":1,"minor":1)"), "/linux/devices/0/path:"},
      {device(R"("type":"c","path":"/dev/x","minor":1)"), "/linux/devices/0/major: is required"},
      {device(R"("type":"b","path":"/dev/x","major":4096,"minor":1)"),
       "/linux/devices/0/major: must be from 0"},
      {device(R"("type":"b","path":"/dev/x","major":1,"minor":-1)"),
       "/linux/devices/0/minor: must be from 0"},
      {device(R"("type":"p","path":"/x","uid":4294967295)"), "/linux/devices/0/uid:"},
  });
}

TEST(ConfigRules, Resources) {
  expect_all({
      {resources(R"("memory":{"limit":-2})"), "/linux/resources/memory/limit:"},
      {resources(R"("cpu":{"idle":2})"), "/linux/resources/cpu/idle:"},
      {resources(R"("cpu":{"cpus":"0-3,5","mems":""})"), "ok"},
      {resources(R"("cpu":{"cpus":"all"})"), "/linux/resources/cpu/cpus:"},
      {resources(R"("pids":{"limit":0})"), "ok"},
      {resources(R"("pids":{"limit":-2})"), "/linux/resources/pids/limit:"},
      {resources(R"("blockIO":{"weight":0})"), "ok"},
      {resources(R"("blockIO":{"weight":9})"), "/linux/resources/blockIO/weight:"},
      {resources(R"("blockIO":{"weightDevice":[{"major":8,"minor":0}]})"),
       "/linux/resources/blockIO/weightDevice/0: needs weight"},
      {resources(R"("blockIO":{"throttleReadIOPSDevice":[{"major":-1,"minor":0,"rate":1}]})"),
       "/linux/resources/blockIO/throttleReadIOPSDevice/0/major:"},
      {resources(
           R"("hugepageLimits":[{"pageSize":"2MB","limit":1},{"pageSize":"../2MB","limit":1}])"),
       "/linux/resources/hugepageLimits/1/pageSize:"},
      {resources(R"("network":{"priorities":[{"name":"a b","priority":1}]})"),
       "/linux/resources/network/priorities/0/name:"},
      {resources(R"("rdma":{"mlx5_1":{"hcaHandles":3}})"), "ok"},
      {resources(R"("rdma":{"mlx5_1":{}})"), "/linux/resources/rdma/mlx5_1: needs"},
      {resources(R"("unified":{"a/b":"1"})"), "/linux/resources/unified/a~1b: unified resource"},
      {resources(R"("unified":{"..":"1"})"), "/linux/resources/unified/..:"},
      {resources(
           R"("devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":-1}])"),
       "ok"},
      {resources(R"("devices":[{"allow":false,"access":"rx"}])"),
       "/linux/resources/devices/0/access:"},
      {resources(R"("devices":[{"allow":false,"type":"p"}])"), "/linux/resources/devices/0/type:"},
      {resources(R"("devices":[{"type":"a"}])"), "/linux/resources/devices/0/allow: is required"},
  });
}

TEST(ConfigRules, Seccomp) {
  expect_all({
      {linux_part(R"("seccomp":{"defaultAction":"ALLOW"})"),
       "/linux/seccomp/defaultAction: \"ALLOW\" is unknown"},
      {linux_part(R"("seccomp":{"defaultAction":"SCMP_ACT_NOTIFY"})"),
       "/linux/seccomp/defaultAction: SCMP_ACT_NOTIFY"},
      {linux_part(R"("seccomp":{"defaultAction":"SCMP_ACT_ALLOW","defaultErrnoRet":1})"),
       "/linux/seccomp/defaultErrnoRet:"},
      {seccomp(
           R"("defaultErrnoRet":38,"architectures":["SCMP_ARCH_X86_64"],"flags":["SECCOMP_FILTER_FLAG_LOG"])"),
       "ok"},
      {seccomp(R"("architectures":["x86"])"), "/linux/seccomp/architectures/0:"},
      {seccomp(R"("flags":["TSYNC"])"), "/linux/seccomp/flags/0:"},
      {seccomp(R"("listenerMetadata":"x")"), "/linux/seccomp/listenerMetadata: needs"},
      {seccomp(R"("syscalls":[{"names":[],"action":"SCMP_ACT_LOG"}])"),
       "/linux/seccomp/syscalls/0/names:"},
      {seccomp_call(R"("action":"SCMP_ACT_LOG","errnoRet":1)"),
       "/linux/seccomp/syscalls/0/errnoRet:"},
      {seccomp_call(R"("action":"SCMP_ACT_ERRNO","errnoRet":4096)"),
       "/linux/seccomp/syscalls/0/errnoRet: must be"},
      {seccomp_call(R"("action":"SCMP_ACT_NOTIFY")"),
       "/linux/seccomp/syscalls/0: SCMP_ACT_NOTIFY cannot"},
      {seccomp(R"("syscalls":[{"names":["read"],"action":"SCMP_ACT_NOTIFY"}])"),
       "/linux/seccomp/syscalls/0: SCMP_ACT_NOTIFY needs"},
      {seccomp(R"("listenerPath":"/s","syscalls":[{"names":["read"],"action":"SCMP_ACT_NOTIFY"}])"),
       "ok"},
      {seccomp_call(R"("action":"SCMP_ACT_LOG","args":[{"index":6,"value":0,"op":"SCMP_CMP_EQ"}])"),
       "/linux/seccomp/syscalls/0/args/0/index:"},
      {seccomp_call(R"("action":"SCMP_ACT_LOG","args":[{"index":5,"value":0,"op":"EQ"}])"),
       "/linux/seccomp/syscalls/0/args/0/op:"},
  });
}

}  // namespace
