// SPDX-License-Identifier: Apache-2.0
// The tables of config.json's "linux" part: runtime-spec, config-linux.md, in its order.
#include "bundle-spec/oci/linux_config_fields.hpp"

#include "bundle-spec/error.hpp"
#include "bundle-spec/oci/rules.hpp"

namespace oci {

template <>
struct Fields<Namespace> {
  static constexpr Field list[] = {
      field<&Namespace::type>("type", Presence::kRequired),
      field<&Namespace::path>("path"),
  };
};

template <>
struct Fields<TimeOffset> {
  static constexpr Field list[] = {
      field<&TimeOffset::secs>("secs"),
      field<&TimeOffset::nanosecs>("nanosecs"),
  };
};

template <>
struct Fields<Device> {
  static constexpr Field list[] = {
      field<&Device::type>("type", Presence::kRequired),
      field<&Device::path>("path", Presence::kRequired),
      field<&Device::major>("major"),
      field<&Device::minor>("minor"),
      field<&Device::file_mode>("fileMode"),
      field<&Device::uid>("uid"),
      field<&Device::gid>("gid"),
  };
};

template <>
struct Fields<NetDevice> {
  static constexpr Field list[] = {
      field<&NetDevice::name>("name"),
  };
};

template <>
struct Fields<DeviceRule> {
  static constexpr Field list[] = {
      field<&DeviceRule::allow>("allow", Presence::kRequired),
      field<&DeviceRule::type>("type"),
      field<&DeviceRule::major>("major"),
      field<&DeviceRule::minor>("minor"),
      field<&DeviceRule::access>("access"),
  };
};

template <>
struct Fields<Memory> {
  static constexpr Field list[] = {
      field<&Memory::limit>("limit"),
      field<&Memory::reservation>("reservation"),
      field<&Memory::swap>("swap"),
      field<&Memory::kernel>("kernel"),
      field<&Memory::kernel_tcp>("kernelTCP"),
      field<&Memory::swappiness>("swappiness"),
      field<&Memory::disable_oom_killer>("disableOOMKiller"),
      field<&Memory::use_hierarchy>("useHierarchy"),
      field<&Memory::check_before_update>("checkBeforeUpdate"),
  };
};

template <>
struct Fields<Cpu> {
  static constexpr Field list[] = {
      field<&Cpu::shares>("shares"),
      field<&Cpu::quota>("quota"),
      field<&Cpu::burst>("burst"),
      field<&Cpu::period>("period"),
      field<&Cpu::realtime_runtime>("realtimeRuntime"),
      field<&Cpu::realtime_period>("realtimePeriod"),
      field<&Cpu::cpus>("cpus"),
      field<&Cpu::mems>("mems"),
      field<&Cpu::idle>("idle"),
  };
};

template <>
struct Fields<WeightDevice> {
  static constexpr Field list[] = {
      field<&WeightDevice::major>("major", Presence::kRequired),
      field<&WeightDevice::minor>("minor", Presence::kRequired),
      field<&WeightDevice::weight>("weight"),
      field<&WeightDevice::leaf_weight>("leafWeight"),
  };
};

template <>
struct Fields<ThrottleDevice> {
  static constexpr Field list[] = {
      field<&ThrottleDevice::major>("major", Presence::kRequired),
      field<&ThrottleDevice::minor>("minor", Presence::kRequired),
      field<&ThrottleDevice::rate>("rate", Presence::kRequired),
  };
};

template <>
struct Fields<BlockIo> {
  static constexpr Field list[] = {
      field<&BlockIo::weight>("weight"),
      field<&BlockIo::leaf_weight>("leafWeight"),
      field<&BlockIo::weight_device>("weightDevice"),
      field<&BlockIo::throttle_read_bps_device>("throttleReadBpsDevice"),
      field<&BlockIo::throttle_write_bps_device>("throttleWriteBpsDevice"),
      field<&BlockIo::throttle_read_iops_device>("throttleReadIOPSDevice"),
      field<&BlockIo::throttle_write_iops_device>("throttleWriteIOPSDevice"),
  };
};

template <>
struct Fields<HugepageLimit> {
  static constexpr Field list[] = {
      field<&HugepageLimit::page_size>("pageSize", Presence::kRequired),
      field<&HugepageLimit::limit>("limit", Presence::kRequired),
  };
};

template <>
struct Fields<InterfacePriority> {
  static constexpr Field list[] = {
      field<&InterfacePriority::name>("name", Presence::kRequired),
      field<&InterfacePriority::priority>("priority", Presence::kRequired),
  };
};

template <>
struct Fields<Network> {
  static constexpr Field list[] = {
      field<&Network::class_id>("classID"),
      field<&Network::priorities>("priorities"),
  };
};

template <>
struct Fields<Pids> {
  static constexpr Field list[] = {
      field<&Pids::limit>("limit"),
  };
};

template <>
struct Fields<Rdma> {
  static constexpr Field list[] = {
      field<&Rdma::hca_handles>("hcaHandles"),
      field<&Rdma::hca_objects>("hcaObjects"),
  };
};

template <>
struct Fields<Resources> {
  static constexpr Field list[] = {
      field<&Resources::devices>("devices"),  field<&Resources::memory>("memory"),
      field<&Resources::cpu>("cpu"),          field<&Resources::pids>("pids"),
      field<&Resources::block_io>("blockIO"), field<&Resources::hugepage_limits>("hugepageLimits"),
      field<&Resources::network>("network"),  field<&Resources::rdma>("rdma"),
      field<&Resources::unified>("unified"),
  };
};

template <>
struct Fields<SeccompArg> {
  static constexpr Field list[] = {
      field<&SeccompArg::index>("index", Presence::kRequired),
      field<&SeccompArg::value>("value", Presence::kRequired),
      field<&SeccompArg::value_two>("valueTwo"),
      field<&SeccompArg::op>("op", Presence::kRequired),
  };
};

template <>
struct Fields<SeccompSyscall> {
  static constexpr Field list[] = {
      field<&SeccompSyscall::names>("names", Presence::kRequired),
      field<&SeccompSyscall::action>("action", Presence::kRequired),
      field<&SeccompSyscall::errno_ret>("errnoRet"),
      field<&SeccompSyscall::args>("args"),
  };
};

template <>
struct Fields<Seccomp> {
  static constexpr Field list[] = {
      field<&Seccomp::default_action>("defaultAction", Presence::kRequired),
      field<&Seccomp::default_errno_ret>("defaultErrnoRet"),
      field<&Seccomp::architectures>("architectures"),
      field<&Seccomp::flags>("flags"),
      field<&Seccomp::listener_path>("listenerPath"),
      field<&Seccomp::listener_metadata>("listenerMetadata"),
      field<&Seccomp::syscalls>("syscalls"),
  };
};

template <>
struct Fields<IntelRdt> {
  static constexpr Field list[] = {
      field<&IntelRdt::clos_id>("closID"),
      field<&IntelRdt::schemata>("schemata"),
      field<&IntelRdt::l3_cache_schema>("l3CacheSchema"),
      field<&IntelRdt::mem_bw_schema>("memBwSchema"),
      field<&IntelRdt::enable_monitoring>("enableMonitoring"),
  };
};

template <>
struct Fields<MemoryPolicy> {
  static constexpr Field list[] = {
      field<&MemoryPolicy::mode>("mode", Presence::kRequired),
      field<&MemoryPolicy::nodes>("nodes"),
      field<&MemoryPolicy::flags>("flags"),
  };
};

template <>
struct Fields<Personality> {
  static constexpr Field list[] = {
      field<&Personality::domain>("domain", Presence::kRequired),
      field<&Personality::flags>("flags"),
  };
};

template <>
struct Fields<Linux> {
  static constexpr Field list[] = {
      field<&Linux::namespaces>("namespaces"),
      field<&Linux::uid_mappings>("uidMappings"),
      field<&Linux::gid_mappings>("gidMappings"),
      field<&Linux::time_offsets>("timeOffsets"),
      field<&Linux::devices>("devices"),
      field<&Linux::net_devices>("netDevices"),
      field<&Linux::cgroups_path>("cgroupsPath"),
      field<&Linux::resources>("resources"),
      field<&Linux::intel_rdt>("intelRdt"),
      field<&Linux::memory_policy>("memoryPolicy"),
      field<&Linux::sysctl>("sysctl"),
      field<&Linux::seccomp>("seccomp"),
      field<&Linux::rootfs_propagation>("rootfsPropagation"),
      field<&Linux::masked_paths>("maskedPaths"),
      field<&Linux::readonly_paths>("readonlyPaths"),
      field<&Linux::mount_label>("mountLabel"),
      field<&Linux::personality>("personality"),
  };
};

constinit const Type TypeOf<Linux>::type = {.kind = Kind::kObject, .fields = Fields<Linux>::list};

Resources read_resources(const std::string& json_text, const std::string& name) {
  Resources resources;
  read_document(TypeOf<Resources>::type, &resources, json_text, name);
  check_resources_rules(resources, Place(name));
  return resources;
}

}  // namespace oci
