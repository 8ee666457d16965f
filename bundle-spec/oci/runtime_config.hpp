// SPDX-License-Identifier: Apache-2.0
// config.json of the OCI runtime-spec 1.3.0, Linux part, as plain structs: the spec's order, the
// spec's words in snake_case. No behaviour. Sections of other systems (windows, vm, solaris, zos,
// freebsd) are ignored as the spec demands.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bundle-spec/oci/problem.hpp"

namespace oci {

using Annotations = std::map<std::string, std::string>;

struct Root {
  std::string path;
  bool readonly = false;
  bool operator==(const Root&) const = default;
};

struct IdMapping {
  std::uint32_t container_id = 0;
  std::uint32_t host_id = 0;
  std::uint32_t size = 0;
  bool operator==(const IdMapping&) const = default;
};

struct Mount {
  std::string destination;
  std::optional<std::string> type;
  std::optional<std::string> source;
  std::vector<std::string> options;
  std::vector<IdMapping> uid_mappings;
  std::vector<IdMapping> gid_mappings;
  bool operator==(const Mount&) const = default;
};

struct ConsoleSize {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  bool operator==(const ConsoleSize&) const = default;
};

struct User {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::optional<std::uint32_t> umask;
  std::vector<std::uint32_t> additional_gids;
  bool operator==(const User&) const = default;
};

struct Capabilities {
  std::vector<std::string> bounding, effective, inheritable, permitted, ambient;
  bool operator==(const Capabilities&) const = default;
};

struct Rlimit {
  std::string type;
  std::uint64_t hard = 0;
  std::uint64_t soft = 0;
  bool operator==(const Rlimit&) const = default;
};

struct Scheduler {
  std::string policy;
  std::optional<std::int32_t> nice;
  std::optional<std::int32_t> priority;
  std::vector<std::string> flags;
  std::optional<std::uint64_t> runtime, deadline, period;  // nanoseconds
  bool operator==(const Scheduler&) const = default;
};

struct IoPriority {
  std::string klass;  // JSON "class"
  std::int32_t priority = 0;
  bool operator==(const IoPriority&) const = default;
};

struct ExecCpuAffinity {
  std::optional<std::string> initial;
  std::optional<std::string> final;
  bool operator==(const ExecCpuAffinity&) const = default;
};

struct Process {
  bool terminal = false;
  std::optional<ConsoleSize> console_size;
  std::string cwd;
  std::vector<std::string> env;
  std::vector<std::string> args;
  User user;
  std::vector<Rlimit> rlimits;
  std::optional<std::string> apparmor_profile;
  std::optional<Capabilities> capabilities;
  bool no_new_privileges = false;
  std::optional<std::int32_t> oom_score_adj;
  std::optional<Scheduler> scheduler;
  std::optional<std::string> selinux_label;
  std::optional<IoPriority> io_priority;
  std::optional<ExecCpuAffinity> exec_cpu_affinity;
  bool operator==(const Process&) const = default;
};

struct Hook {
  std::string path;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::optional<std::int64_t> timeout;  // seconds
  bool operator==(const Hook&) const = default;
};

struct Hooks {
  std::vector<Hook> prestart, create_runtime, create_container, start_container, poststart,
      poststop;
  bool operator==(const Hooks&) const = default;
};

struct Namespace {
  std::string type;
  std::optional<std::string> path;
  bool operator==(const Namespace&) const = default;
};

struct TimeOffset {
  std::int64_t secs = 0;
  std::uint32_t nanosecs = 0;
  bool operator==(const TimeOffset&) const = default;
};

struct Device {
  std::string type;
  std::string path;
  std::optional<std::int64_t> major, minor;
  std::optional<std::uint32_t> file_mode;
  std::optional<std::uint32_t> uid, gid;
  bool operator==(const Device&) const = default;
};

struct NetDevice {
  std::optional<std::string> name;
  bool operator==(const NetDevice&) const = default;
};

struct DeviceRule {
  bool allow = false;
  std::optional<std::string> type;
  std::optional<std::int64_t> major, minor;
  std::optional<std::string> access;
  bool operator==(const DeviceRule&) const = default;
};

struct Memory {
  std::optional<std::int64_t> limit, reservation, swap, kernel, kernel_tcp;  // bytes, -1 unlimited
  std::optional<std::uint64_t> swappiness;
  std::optional<bool> disable_oom_killer, use_hierarchy, check_before_update;
  bool operator==(const Memory&) const = default;
};

struct Cpu {
  std::optional<std::uint64_t> shares;
  std::optional<std::int64_t> quota;
  std::optional<std::uint64_t> burst;
  std::optional<std::uint64_t> period;
  std::optional<std::int64_t> realtime_runtime;
  std::optional<std::uint64_t> realtime_period;
  std::optional<std::string> cpus, mems;
  std::optional<std::int64_t> idle;
  bool operator==(const Cpu&) const = default;
};

struct WeightDevice {
  std::int64_t major = 0, minor = 0;
  std::optional<std::uint16_t> weight, leaf_weight;
  bool operator==(const WeightDevice&) const = default;
};

struct ThrottleDevice {
  std::int64_t major = 0, minor = 0;
  std::uint64_t rate = 0;
  bool operator==(const ThrottleDevice&) const = default;
};

struct BlockIo {
  std::optional<std::uint16_t> weight, leaf_weight;
  std::vector<WeightDevice> weight_device;
  std::vector<ThrottleDevice> throttle_read_bps_device, throttle_write_bps_device;
  std::vector<ThrottleDevice> throttle_read_iops_device, throttle_write_iops_device;
  bool operator==(const BlockIo&) const = default;
};

struct HugepageLimit {
  std::string page_size;
  std::uint64_t limit = 0;
  bool operator==(const HugepageLimit&) const = default;
};

struct InterfacePriority {
  std::string name;
  std::uint32_t priority = 0;
  bool operator==(const InterfacePriority&) const = default;
};

struct Network {
  std::optional<std::uint32_t> class_id;
  std::vector<InterfacePriority> priorities;
  bool operator==(const Network&) const = default;
};

struct Pids {
  std::optional<std::int64_t> limit;
  bool operator==(const Pids&) const = default;
};

struct Rdma {
  std::optional<std::uint32_t> hca_handles, hca_objects;
  bool operator==(const Rdma&) const = default;
};

struct Resources {
  std::optional<Memory> memory;
  std::optional<Cpu> cpu;
  std::optional<BlockIo> block_io;
  std::vector<HugepageLimit> hugepage_limits;
  std::optional<Network> network;
  std::optional<Pids> pids;
  std::map<std::string, Rdma> rdma;
  std::map<std::string, std::string> unified;
  std::vector<DeviceRule> devices;
  bool operator==(const Resources&) const = default;
};

struct SeccompArg {
  std::uint32_t index = 0;
  std::uint64_t value = 0;
  std::optional<std::uint64_t> value_two;
  std::string op;
  bool operator==(const SeccompArg&) const = default;
};

struct SeccompSyscall {
  std::vector<std::string> names;
  std::string action;
  std::optional<std::uint32_t> errno_ret;
  std::vector<SeccompArg> args;
  bool operator==(const SeccompSyscall&) const = default;
};

struct Seccomp {
  std::string default_action;
  std::optional<std::uint32_t> default_errno_ret;
  std::vector<std::string> architectures;
  // Absent and empty differ: absent means SPEC_ALLOW (runc).
  std::optional<std::vector<std::string>> flags;
  std::optional<std::string> listener_path;
  std::optional<std::string> listener_metadata;
  std::vector<SeccompSyscall> syscalls;
  bool operator==(const Seccomp&) const = default;
};

struct IntelRdt {
  std::optional<std::string> clos_id;
  std::vector<std::string> schemata;
  std::optional<std::string> l3_cache_schema, mem_bw_schema;
  bool enable_monitoring = false;
  bool operator==(const IntelRdt&) const = default;
};

struct MemoryPolicy {
  std::string mode;
  std::string nodes;
  std::vector<std::string> flags;
  bool operator==(const MemoryPolicy&) const = default;
};

struct Personality {
  std::string domain;
  std::vector<std::string> flags;
  bool operator==(const Personality&) const = default;
};

struct Linux {
  std::vector<Namespace> namespaces;
  std::vector<IdMapping> uid_mappings, gid_mappings;
  std::map<std::string, TimeOffset> time_offsets;
  std::vector<Device> devices;
  std::map<std::string, NetDevice> net_devices;
  std::optional<std::string> cgroups_path;
  std::optional<Resources> resources;
  std::optional<IntelRdt> intel_rdt;
  std::optional<MemoryPolicy> memory_policy;
  std::map<std::string, std::string> sysctl;
  std::optional<Seccomp> seccomp;
  std::optional<std::string> rootfs_propagation;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::optional<std::string> mount_label;
  std::optional<Personality> personality;
  bool operator==(const Linux&) const = default;
};

struct RuntimeConfig {
  std::string oci_version;
  std::optional<Root> root;
  std::vector<Mount> mounts;
  std::optional<Process> process;
  std::optional<std::string> hostname, domainname;
  std::optional<Hooks> hooks;
  Annotations annotations;
  Linux linux_;  // JSON "linux"; `linux` itself is a macro in GNU mode
  bool operator==(const RuntimeConfig&) const = default;
};

/// Parses and checks config.json. Throws Error with the JSON pointer: "config.json: /process/cwd:
/// is required". `name` is the file's name for messages. Runs check_rules (rules that span fields)
/// as well.
RuntimeConfig read_runtime_config(const std::string& json_text, const std::string& name);
/// The same for `toyrun check`: reads what can be read and lists all that is wrong with the rest.
/// Throws Error only for a text that is no JSON at all.
RuntimeConfig inspect_runtime_config(const std::string& json_text, const std::string& name,
                                     std::vector<Problem>& problems);
/// The document as JSON text with tabs, fields in the spec's order, absent ones left out.
std::string write_runtime_config(const RuntimeConfig& config);
/// One part alone, for `exec --process FILE` and the state record (compact JSON, no line breaks).
/// Reading a part runs its rules too.
Process read_process(const std::string& json_text, const std::string& name);
std::string write_process(const Process& process);
Resources read_resources(const std::string& json_text, const std::string& name);
/// An array of mounts, or an object with that array as "mounts".
std::vector<Mount> read_mounts(const std::string& json_text, const std::string& name);
/// Hooks as compact JSON, for the state record.
Hooks read_hooks(const std::string& json_text, const std::string& name);
std::string write_hooks(const Hooks& hooks);

/// Rules that span fields (duplicate namespaces and rlimits, "a mapping needs a user namespace",
/// absolute paths, hook timeouts …). Throws Error naming the JSON pointer; `name` as above.
void check_rules(const RuntimeConfig& config, const std::string& name);
void check_process_rules(const Process& process, const std::string& name);

/// The highest runtime-spec version understood; reported by features and `--version`.
inline constexpr const char* kRuntimeSpecVersion = "1.3.0";

}  // namespace oci
