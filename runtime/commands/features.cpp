// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/plan/annotations.hpp"
#include "runtime/plan/mount_options.hpp"
#include "runtime/plan/process.hpp"
#include "runtime/plan/seccomp.hpp"

namespace commands {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> sorted(std::vector<std::string> words) {
  std::ranges::sort(words);
  return words;
}

Json seccomp_features() {
  const std::vector<std::string> flags = sorted(plan::known_seccomp_flags());
  return {{"enabled", true},
          {"actions", sorted(plan::known_seccomp_actions())},
          {"operators", sorted(plan::known_seccomp_operators())},
          {"archs", sorted(plan::known_seccomp_architectures())},
          {"knownFlags", flags},
          {"supportedFlags", flags}};
}

Json linux_features() {
  const Json no = {{"enabled", false}};
  const Json yes = {{"enabled", true}};
  return {
      {"namespaces", {"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"}},
      {"capabilities", plan::known_capabilities()},
      {"cgroup",
       {{"v1", true}, {"v2", true}, {"systemd", true}, {"systemdUser", true}, {"rdma", true}}},
      {"seccomp", seccomp_features()},
      {"apparmor", yes},
      {"selinux", yes},
      {"intelRdt", {{"enabled", true}, {"schemata", true}, {"monitoring", true}}},
      {"memoryPolicy",
       {{"modes",
         {"MPOL_BIND", "MPOL_DEFAULT", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED",
          "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE"}},
        {"flags", {"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"}}}},
      {"mountExtensions", {{"idmap", yes}}},
      {"netDevices", yes},
  };
}

/// Those that change what is done; an engine may drop them where images or users choose them.
std::vector<std::string> unsafe_annotations() {
  std::vector<std::string> keys = plan::known_annotations();
  keys.emplace_back("org.criu.config");
  keys.emplace_back("org.systemd.property.");
  keys.emplace_back("org.toyrun.network.");
  return sorted(std::move(keys));
}

int features(const cli::Parsed&, const cli::Parsed&) {
  // Fixed when toyrun is built, never probed: what this binary can do, not what this host can.
  const Json document = {
      {"ociVersionMin", "1.0.0"},
      {"ociVersionMax", oci::kRuntimeSpecVersion},
      {"hooks",
       {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}},
      {"mountOptions", plan::known_mount_options()},
      {"linux", linux_features()},
      {"annotations",
       {{"org.toyrun.version", TOYRUN_VERSION},
        {"org.opencontainers.runc.checkpoint.enabled", "true"}}},
      {"potentiallyUnsafeConfigAnnotations", unsafe_annotations()},
  };
  print(document.dump(4) + '\n');
  return 0;
}

}  // namespace

cli::Command features_command() {
  return {.name = "features",
          .summary = "Print as JSON what this runtime supports",
          .words = {},
          .options = {},
          .run = features};
}

}  // namespace commands
