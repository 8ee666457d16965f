// SPDX-License-Identifier: Apache-2.0
// The stages of a Dockerfile and what each needs of the others; stages that the target does not
// need are dropped. Pure; toyimg.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "imagetool/build/dockerfile.hpp"
#include "imagetool/build/expand.hpp"
#include "imagetool/oci/platform.hpp"

namespace build {

/// What the user says about a build, as far as planning needs it.
struct Request {
  std::map<std::string, std::string> arguments{};  // --build-arg
  std::set<std::string> contexts{};                // names of --build-context, lower case
  std::string target{};                            // --target; empty: the last stage
  oci::Platform platform{};                        // of the result
  oci::Platform build_platform{};                  // of this host
};

/// Where COPY and bind mounts take files from.
struct Origin {
  enum class Kind { kContext, kStage, kNamed, kImage, kNothing };
  Kind kind = Kind::kContext;
  std::size_t stage = 0;
  std::string name{};  // of a named context, or an image reference
  auto operator<=>(const Origin&) const = default;
};

struct Stage {
  std::string name{};  // as written; empty without AS
  std::size_t index = 0;
  Instruction from{};
  Origin base{};  // a stage, a named context, an image; kNothing is scratch
  oci::Platform platform{};
  std::vector<Instruction> instructions{};
  std::set<Origin> needs{};  // the base included

  /// For messages and progress: its name, or "stage-2".
  std::string label() const;
};

struct BuildGraph {
  std::string file{};  // the Dockerfile's name for messages
  char escape = '\\';
  std::vector<Stage> stages{};
  std::size_t target = 0;
  std::vector<std::size_t> order{};               // needed stages, each behind what it needs
  std::map<std::string, std::string> global{};    // ARGs before the first FROM, and predefined ones
  std::map<std::string, std::string> defaults{};  // the same without --build-arg
  std::vector<Warning> warnings{};
};

/// Throws Error in BuildKit's words: no stage, unknown target, circular dependency.
BuildGraph build_graph(const Dockerfile& file, const Request& request);

/// What `from` (of COPY --from or a mount) means. Throws Error for an index that no stage has.
Origin resolve_origin(const BuildGraph& graph, const Request& request, const std::string& from,
                      const Instruction& instruction);
/// Which origins an instruction takes files from.
std::vector<Origin> origins_of(const BuildGraph& graph, const Request& request,
                               const Instruction& instruction);
/// Orders what the target needs again, after ONBUILD triggers brought new needs. Throws Error.
void order_stages(BuildGraph& graph);

}  // namespace build
