// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: any text as Dockerfile, planned as far as that goes without images. It must end
// with a plan or an Error.
#include <cstdint>
#include <map>
#include <string>

#include "imagetool/build/glob.hpp"
#include "imagetool/build/lint.hpp"
#include "imagetool/build/stage_plan.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  using namespace build;
  const Request request{.arguments = {{"A", "a b"}},
                        .target = {},
                        .platform = {.architecture = "amd64", .os = "linux"},
                        .build_platform = {.architecture = "amd64", .os = "linux"}};
  try {
    const Dockerfile file = parse_dockerfile(text, "Dockerfile");
    const BuildGraph graph = build_graph(file, request);
    std::map<std::size_t, StagePlan> plans;
    for (const std::size_t index : graph.order) {
      const Stage& stage = graph.stages[index];
      StageBase base{.config = scratch_config(stage.platform)};
      if (stage.base.kind == Origin::Kind::kStage)
        base = {plans.at(stage.base.stage).config, plans.at(stage.base.stage).args};
      plans[index] = plan_stage(graph, request, stage, base);
    }
    static_cast<void>(lint(file, graph, plans, IgnoreRules()));
  } catch (const Error&) {
  }
  try {
    static_cast<void>(IgnoreRules::parse(text, "ignore").excludes("a/b/c"));
  } catch (const Error&) {
  }
  return 0;
}
