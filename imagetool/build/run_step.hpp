// SPDX-License-Identifier: Apache-2.0
// One RUN: the step's bundle written, the runtime started on it. toyimg.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "imagetool/build/run_mounts.hpp"

namespace build {

struct RunRequest {
  const RunAction& action;
  const oci::ImageConfig& config;  // of the stage, for what the platform says
  std::string root{};              // the mounted root file system
  std::string id{};
};

/// Adds the files every step sees: resolv.conf, hosts, a heredoc's script.
void add_step_files(RunMounts& mounts, const RunAction& action, const Options& options);
/// config.json of the step. Throws Error.
oci::RuntimeConfig step_config(const RunRequest& request, const RunMounts& mounts,
                               const Options& options);
/// Runs it. Throws Error in BuildKit's words when it does not exit with 0.
void run_step(const RunRequest& request, RunMounts& mounts, const Options& options,
              const std::function<void(std::string_view)>& output);

}  // namespace build
