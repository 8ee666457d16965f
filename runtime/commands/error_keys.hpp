// SPDX-License-Identifier: Apache-2.0
// What a program may want to know of an error beside its sentence: further keys of the JSON log
// line. Taken from the sentence, whose form is fixed: contexts, then the cause, ": " between, the
// errno's own words last. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bundle-spec/error.hpp"

namespace commands {

/// Those of these keys that are known: "layer" (options, config, state, cgroup, systemd, hooks,
/// rootfs, process), "pointer" into config.json, "syscall", "errno" ("ENOENT"), "path" on the host
/// or in the container, "hint" (what to do).
std::vector<std::pair<std::string, std::string>> error_keys(const Error& error);

}  // namespace commands
