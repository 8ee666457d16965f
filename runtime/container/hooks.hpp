// SPDX-License-Identifier: Apache-2.0
// Runs one list of hooks in order, the state on stdin (runtime-spec config "POSIX-platform Hooks").
// On the host, or in init for createContainer and startContainer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"
#include "bundle-spec/oci/state.hpp"

/// Where a hook starts and what it gets when it names no `env` of its own.
struct HookSurroundings {
  int working_directory = -1;  // descriptor; -1: unchanged
};

/// Runs every hook of the list; `kind` is the spec's word ("createRuntime"). The environment is the
/// hook's `env`, or only a PATH. Output up to 64 KiB is captured and put into the Error of a
/// failing hook: "error running createRuntime hook #0: exit status 1, stdout: …, stderr: …". The
/// process group is killed when the timeout passes. EPIPE on its stdin is ignored.
void run_hooks(const std::vector<oci::Hook>& hooks, std::string_view kind, const oci::State& state,
               const HookSurroundings& surroundings);
/// poststop: a failing hook is a warning and the rest runs.
void run_hooks_warning_only(const std::vector<oci::Hook>& hooks, std::string_view kind,
                            const oci::State& state, const HookSurroundings& surroundings);
