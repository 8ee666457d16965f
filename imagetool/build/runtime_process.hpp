// SPDX-License-Identifier: Apache-2.0
// Runs one bundle by an OCI runtime that is a program. A watcher process stands between: when this
// program dies, by kill -9 too, it has the runtime delete the container with its cgroup. toyimg.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace build {

struct RuntimeCall {
  std::string runtime{};     // path of the program
  std::string state_root{};  // its --root
  std::string bundle{};
  std::string id{};
};

/// Where `chosen` is (a path, or a name on PATH); empty: toyrun beside this program, then on PATH.
/// Throws Error saying where was looked.
std::string find_runtime(const std::string& chosen);

/// Runs it to its end; `output` gets what it writes. Returns the program's status, 128 + signal for
/// a killed one. When told to stop the container is deleted. Throws Error.
int run_container(const RuntimeCall& call, const std::function<void(std::string_view)>& output,
                  const std::stop_token& stop);

/// Runs a program of the host with a plain environment; returns its standard output. Throws Error
/// with its last words when it fails.
std::string run_program(const std::vector<std::string>& words, const std::string& directory,
                        const std::stop_token& stop);

}  // namespace build
