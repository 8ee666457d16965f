// SPDX-License-Identifier: Apache-2.0
// Checkpoint and restore through CRIU, as runc does it. Host side. restore() is in launch/restore.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/container/container.hpp"
#include "runtime/launch/launch.hpp"
#include "runtime/plan/criu_messages.hpp"
#include "runtime/plan/launch_plan.hpp"

namespace launch {

/// What the command line says to CRIU.
struct CriuChoices {
  std::string image_path;   // exists
  std::string work_path;    // of the log: as the images, unless named
  std::string parent_path;  // relative to the images
  std::vector<plan::CriuSwitch> switches;
  bool pre_dump = false, lazy_pages = false;
  std::optional<int> status_fd;  // gets a byte when the lazy page server is ready
  std::optional<plan::CriuPageServer> page_server;
  std::optional<plan::CriuCgroupMode> cgroup_mode;
  std::uint32_t empty_namespaces = 0;  // CLONE_NEW*
  std::string lsm_profile, lsm_mount_context;
  std::optional<plan::CriuNetworkLock> network_lock;
};

/// Where CRIU writes its log.
std::string criu_log(const CriuChoices& choices, std::string_view name);

/// The file of more options for CRIU that the annotation org.criu.config names, else that of
/// /etc/criu, as CRIU can open it; empty without one. The file stays open in `file`. Throws Error
/// for an annotation that names a file elsewhere: an image may have written both.
std::string criu_config(const oci::Annotations& annotations, UniqueFd& file);

/// Mount points of this host, for plan::external_mounts.
std::vector<std::string> host_mount_points();

/// Writes the images. `launch` is the container's plan. Throws Error; the container runs on then.
void checkpoint(const Container& container, const plan::LaunchPlan& launch,
                const CriuChoices& choices);

/// The file among the images that tells what stdio was.
inline constexpr const char* kDescriptorsName = "descriptors.json";

/// Namespaces named by path, which CRIU leaves outside, and runc's names for them in the images.
struct ExternalNamespace {
  const char* type;
  const char* key;
};
inline constexpr ExternalNamespace kExternalNamespaces[] = {{"network", "extRootNetNS"},
                                                            {"pid", "extRootPidNS"}};

struct RestoreOptions {
  ProcessOptions process;
  CriuChoices criu;
  std::vector<std::string> descriptors;  // what kDescriptorsName has
};

/// A container's processes from the images, with the plan's cgroup, mounts and credentials, or not
/// at all. The record is written before any of them runs. On failure everything made is undone.
Launched restore(const plan::LaunchPlan& plan, Container& container, const RestoreOptions& options);

}  // namespace launch
