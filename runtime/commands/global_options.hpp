// SPDX-License-Identifier: Apache-2.0
// The options in front of the verb, and what the verbs need of them. Host side.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/cli/options.hpp"
#include "runtime/plan/systemd_unit.hpp"

namespace commands {

extern const std::span<const cli::Option> kGlobalOptions;

/// Where the log goes. Throws Error for an unknown format or level.
logging::Settings log_settings(const cli::Parsed& global);
/// Throws UsageError for a global option whose meaning we cannot give: --rootless=maybe,
/// --cgroup-manager=nobody.
void check_global(const cli::Parsed& global);
/// The directory of the state records: --root, else /run/toyrun, or $XDG_RUNTIME_DIR/toyrun for an
/// ordinary user.
std::string state_root(const cli::Parsed& global);
/// Who is to make cgroups: --cgroup-manager, which --systemd-cgroup overrides. Throws UsageError
/// for another word.
plan::CgroupDriver cgroup_driver(const cli::Parsed& global);
/// Writes a result to stdout.
void print(std::string_view text);

}  // namespace commands
