// SPDX-License-Identifier: Apache-2.0
// What is remembered on disk of a container: one flat file ROOT/ID.json. Its first line has what
// state and list tell, and no more, for list reads it of every container; the second its cgroups;
// the others what exec, update and the hooks need. The bundle is never read again after create.
// Host side.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/plan/cgroup.hpp"
#include "runtime/plan/intel_rdt.hpp"
#include "runtime/plan/memory_policy.hpp"
#include "runtime/plan/seccomp.hpp"

/// First line.
struct ContainerRecord {
  int version = 2;
  std::string id;
  std::string oci_version;
  std::string bundle;   // absolute
  std::string rootfs;   // absolute
  std::string created;  // RFC 3339 with nanoseconds, UTC
  std::string owner;    // login name or number of the creator
  oci::Annotations annotations;
  pid_t pid = 0;                 // 0 while creating
  std::uint64_t start_time = 0;  // kernel::start_time of pid
  bool has_poststart = false,
       has_poststop = false;  // whether the details must be read for hooks
  bool own_pid_namespace = true;
  bool has_notify_socket = false;
  std::string freezer;  // kernel::freezer_file of the cgroups
};

/// Second line.
struct ContainerCgroups {
  std::vector<plan::CgroupDirectory> directories;  // mount_point, path, controllers, is_v2
  std::optional<plan::UnitName> unit;              // systemd's, which has made them
  std::optional<plan::RdtPlace> rdt;               // class and monitoring group in resctrl
};

/// Three lines, for hooks and process have readers of their own.
struct ContainerDetails {
  std::optional<oci::Process> process;
  oci::Hooks hooks;  // poststart, poststop (startContainer runs in init)
  std::uint64_t namespace_flags =
      0;  // CLONE_NEW* kinds that differ from the host's: what exec enters
  bool setgroups_denied = false;
  bool check_memory_before_update = false;  // memory.checkBeforeUpdate holds for every update
  bool no_pivot = false;                    // --no-pivot
  bool session_keyring = false;             // exec joins "_ses.<id>"
  std::string config_file;                  // empty: config.json in the bundle
  std::optional<plan::SeccompPlan> seccomp;
  /// What config.json keeps beside the process, for those of exec as well.
  std::optional<std::uint32_t> personality;
  std::optional<plan::MemoryPolicyPlan> memory_policy;
};

/// Lines of JSON, each with "\n" at its end; the seccomp program as base64. What is read has no
/// such end; `name` is the file's, for errors.
std::string write_record(const ContainerRecord& record);
ContainerRecord read_record(const std::string& line, const std::string& name);
std::string write_cgroups(const ContainerCgroups& cgroups);
ContainerCgroups read_cgroups(const std::string& line, const std::string& name);
std::string write_details(const ContainerDetails& details);
ContainerDetails read_details(const std::string& lines, const std::string& name);
