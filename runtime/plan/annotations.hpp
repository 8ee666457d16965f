// SPDX-License-Identifier: Apache-2.0
// The annotations that change what is done and weaken nothing: run.oci.* of crun(1), and ours
// (bundle-spec/README.md). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/plan/host_facts.hpp"

namespace plan {

struct AnnotationChoices {
  std::string label_option = "context";  // which mount option takes linux.mountLabel
  bool keep_groups = false;              // an ordinary user's supplementary groups stay
  bool refuse_unknown_syscalls = false;
  std::optional<std::string> pidfd_socket;
  /// org.toyrun.rootfs.layers: names in the bundle's directory overlay/, lowest first.
  std::vector<std::string> root_layers = {};
  bool operator==(const AnnotationChoices&) const = default;
};

/// Throws Error naming the annotation for a value that is none, and for run.oci.handler: a program
/// for another kind of machine must not run as if it were for this one.
AnnotationChoices read_annotations(const oci::Annotations& annotations, const HostFacts& facts);
/// The keys it heeds: for `features`.
std::vector<std::string> known_annotations();

}  // namespace plan
