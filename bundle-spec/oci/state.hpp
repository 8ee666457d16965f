// SPDX-License-Identifier: Apache-2.0
// The OCI state document: what hooks read on stdin and `toyrun state` prints (runtime-spec,
// runtime.md "State").
#pragma once

#include <string>

#include "bundle-spec/oci/runtime_config.hpp"

namespace oci {

enum class Status { kCreating, kCreated, kRunning, kPaused, kStopped };
/// "creating", "created", "running", "paused", "stopped".
const char* name(Status status);

struct State {
  std::string oci_version;
  std::string id;
  Status status = Status::kCreating;
  int pid = 0;  // 0: none
  std::string bundle;
  Annotations annotations;
};

/// The spec's document as one line of JSON, pid left out when 0.
std::string write_state(const State& state);

/// "The Container Process State" (config-linux, Seccomp): what a seccomp agent gets with the
/// listener; `pid` is the process's own. One line of JSON.
std::string write_container_process_state(const State& state, int pid, const std::string& metadata);

}  // namespace oci
