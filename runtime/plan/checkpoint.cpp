// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/checkpoint.hpp"

#include <linux/sched.h>

#include <algorithm>
#include <array>
#include <optional>
#include <variant>

#include "bundle-spec/error.hpp"
#include "runtime/plan/criu_messages.hpp"
#include "runtime/plan/paths.hpp"

namespace plan {
namespace {

class Externals {
 public:
  explicit Externals(const LaunchPlan& launch, const std::vector<std::string>& host_mounts)
      : launch_(launch), host_mounts_(host_mounts) {}

  std::vector<ExternalMount> collect() {
    for (const auto* steps : {&launch_.rootfs.mounts, &launch_.rootfs.protections})
      for (const RootfsStep& step : *steps)
        std::visit([&](const auto& one) { collect(one); }, step);
    return std::move(found_);
  }

 private:
  template <typename Step>
  void collect(const Step&) {}
  void collect(const BindMount& bind) {
    add(bind.target, bind.source);
    if (!bind.recursive) return;
    const std::string source = clean_path(bind.source);
    for (const std::string& mount : host_mounts_) {
      if (mount == source || !is_at_or_below(mount, source)) continue;
      const std::string rest = mount.substr(source == "/" ? 0 : source.size());
      add(clean_path(bind.target) + rest, mount);
    }
  }
  void collect(const MaskPath& mask) {
    add(mask.target, "/dev/null");
    found_.back().is_file_mask = true;
  }
  void collect(const MakeDevice& device) {
    if (device.bind_from_host) add(device.path, device.path);
  }
  void collect(const MountCgroups& mount) {
    if (mount.is_v2 && mount.own_namespace) return;  // a mount like any other
    for (const MountCgroups::Hierarchy& one : mount.hierarchies) {
      const CgroupDirectory& directory = launch_.cgroup.directories.at(one.directory);
      const std::string target = mount.is_v2 ? mount.target : join_path(mount.target, one.name);
      add(target, directory.mount_point + directory.path);
    }
  }
  void add(const std::string& target, const std::string& source) {
    found_.push_back({.target = target, .name = external_name(target), .source = source});
  }

  const LaunchPlan& launch_;
  const std::vector<std::string>& host_mounts_;
  std::vector<ExternalMount> found_;
};

/// CRIU's images: two magic numbers, then messages with their lengths in front, little-endian.
std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t at = 0; at < 4; ++at)
    value |= std::uint32_t{static_cast<unsigned char>(bytes[at])} << 8 * at;
  return value;
}

std::string_view first_entry(std::string_view image) {
  constexpr std::size_t kHeader = 12;
  if (image.size() < kHeader || image.size() - kHeader < little_endian(image.substr(8)))
    throw Error("seccomp.img of the checkpoint is damaged");
  return image.substr(kHeader, little_endian(image.substr(8)));
}

bool is_program(const std::vector<FilterInstruction>& program, std::string_view bytes) {
  if (bytes.size() != program.size() * 8) return false;
  for (std::size_t i = 0; i < program.size(); ++i) {
    const FilterInstruction& one = program[i];
    const std::string_view at = bytes.substr(i * 8);
    const std::uint32_t head = little_endian(at);
    const std::uint32_t wanted =
        one.code | std::uint32_t{one.jump_true} << 16 | std::uint32_t{one.jump_false} << 24;
    if (head != wanted || little_endian(at.substr(4)) != one.k) return false;
  }
  return true;
}

bool has_id_map(const RootfsStep& step) {
  return std::visit(
      [](const auto& one) {
        if constexpr (requires { one.id_map; }) return one.id_map.has_value();
        return false;
      },
      step);
}

std::vector<Finding> only_drift(const std::vector<Finding>& findings) {
  std::vector<Finding> drift;
  std::ranges::copy_if(findings, std::back_inserter(drift),
                       [](const Finding& one) { return one.verdict == Finding::Verdict::kDrift; });
  return drift;
}

}  // namespace

std::string external_name(std::string_view target) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string name;
  for (const char letter : target) {
    const bool is_plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                          (letter >= '0' && letter <= '9') || letter == '/' || letter == '.' ||
                          letter == '_' || letter == '-';
    if (is_plain) {
      name += letter;
      continue;
    }
    const auto byte = static_cast<unsigned char>(letter);
    name += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return name;
}

std::vector<ExternalMount> external_mounts(const LaunchPlan& launch,
                                           const std::vector<std::string>& host_mounts) {
  return Externals(launch, host_mounts).collect();
}

void require_restorable(const LaunchPlan& launch) {
  if (launch.seccomp && launch.seccomp->notify)
    throw Error(
        "/linux/seccomp: a filter with SCMP_ACT_NOTIFY cannot be restored, its listener is lost");
  for (const RootfsStep& step : launch.rootfs.mounts)
    if (has_id_map(step))
      throw Error(sentence(describe(step), ": CRIU restores no idmapped mount"));
  if (launch.network)
    throw Error("/annotations/org.toyrun.network: CRIU restores no network that toyrun made");
  if (!launch.rootfs.has_mount_namespace)
    throw Error("CRIU restores no container without a mount namespace of its own");
  // CRIU finds net and pid by their files, and enters uts and ipc before it restores.
  constexpr std::array<std::string_view, 4> kKnown = {"network", "pid", "uts", "ipc"};
  for (const JoinNamespace& one : launch.namespaces.join)
    if (std::ranges::find(kKnown, one.type) == kKnown.end())
      throw Error(sentence("/linux/namespaces: CRIU restores no joined ", one.type, " namespace"));
}

bool all_filters_hold(const SeccompPlan& seccomp, std::string_view image) {
  struct Filter {
    bool is_ours = false;
    std::optional<std::uint64_t> below;  // the one installed before it
  };
  std::vector<Filter> filters;
  for (const ProtobufField& filter : read_protobuf(first_entry(image))) {
    if (filter.number != 1) continue;
    Filter& one = filters.emplace_back();
    for (const ProtobufField& field : read_protobuf(filter.bytes)) {
      if (field.number == 1) one.is_ours = is_program(seccomp.program, field.bytes);
      if (field.number == 2) one.below = field.value;
    }
  }
  const auto holds = [&](const Filter& filter) {
    const Filter* at = &filter;
    for (std::size_t steps = 0; !at->is_ours; ++steps) {
      if (!at->below || *at->below >= filters.size() || steps == filters.size()) return false;
      at = &filters[*at->below];
    }
    return true;
  };
  return !filters.empty() && std::ranges::all_of(filters, holds);
}

std::vector<Finding> drift_of_restored(const LaunchPlan& launch, const Isolation& isolation,
                                       bool limits_may_differ) {
  std::vector<Finding> drift = only_drift(audit(launch, isolation));
  // CRIU gives the root peers of its own; the host's mounts are not among them (launch/restore).
  std::erase_if(drift, [](const Finding& one) { return one.aspect == kRootPropagation; });
  if (limits_may_differ)
    std::erase_if(drift, [](const Finding& one) {
      return one.aspect.starts_with("cgroup ") && one.aspect != "cgroup v2" &&
             !one.aspect.starts_with("cgroup of ");
    });
  return drift;
}

std::vector<Finding> drift_of_descendant(const LaunchPlan& launch, const Isolation& isolation) {
  std::vector<Finding> drift = only_drift(audit(launch, isolation));
  std::erase_if(drift, [](const Finding& one) {
    return !one.aspect.starts_with("capabilities") && one.aspect != "no_new_privs" &&
           one.aspect != "seccomp filter" && one.aspect != "security label";
  });
  return drift;
}

}  // namespace plan
