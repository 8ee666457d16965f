// SPDX-License-Identifier: Apache-2.0
// What a stage does, decided: every instruction with its variables expanded, as a step that makes a
// layer or only changes the image config. Needs nothing but the Dockerfile and the base's config.
// Pure; toyimg.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "imagetool/build/build_graph.hpp"
#include "imagetool/build/mount_flag.hpp"
#include "imagetool/oci/image_config.hpp"

namespace build {

struct PlannedMount {
  MountFlag flag{};
  Origin origin{};
};

struct RunAction {
  std::vector<std::string> args{};
  std::vector<std::string> env{};      // image's, then ARGs
  std::vector<std::string> proxies{};  // predefined ARGs: in the environment, not in key or history
  std::string cwd{};
  std::string user{};
  std::vector<PlannedMount> mounts{};
  std::string network{"default"};
  std::string script_name{};  // a heredoc that is a program of its own
  std::string script{};
};

struct CopyAction {
  bool is_add = false;
  Origin origin{};
  std::vector<std::string> sources{};
  std::string destination{};  // absolute; a directory when it ends in '/'
  std::string chown{}, chmod{};
  bool link = false, parents = false, keep_git_dir = false;
  std::optional<bool> unpack{};
  std::string checksum{};
  std::vector<std::string> excludes{};
  std::vector<Heredoc> files{};  // expanded
};

struct WorkdirAction {
  std::string path{};
  std::string user{};
};

struct Step {
  Instruction instruction{};
  std::string shown{};    // for progress: "RUN make"
  std::string history{};  // created_by; empty for none
  std::variant<std::monostate, RunAction, CopyAction, WorkdirAction> action{};

  bool makes_layer() const { return action.index() != 0; }
};

/// A variable that ARG declared: nullopt without a value.
using ArgValues = std::vector<std::pair<std::string, std::optional<std::string>>>;

struct StagePlan {
  std::vector<Step> steps{};
  oci::ImageConfig config{};  // as it is in the end; history and layers are the base's
  ArgValues args{};           // in scope at the end
  std::vector<Warning> warnings{};
};

/// What a stage begins with: its base's config and, when that is a stage, its ARGs.
struct StageBase {
  oci::ImageConfig config{};
  ArgValues args{};
};

/// The base's ONBUILD triggers as instructions. Throws Error.
std::vector<Instruction> read_triggers(const BuildGraph& graph, const oci::ImageConfig& base);

/// Plans the stage on top of its base, ONBUILD triggers first. Throws Error with file, line,
/// column.
StagePlan plan_stage(const BuildGraph& graph, const Request& request, const Stage& stage,
                     StageBase base);

/// An empty image for this platform: what FROM scratch begins with.
oci::ImageConfig scratch_config(const oci::Platform& platform);

}  // namespace build
