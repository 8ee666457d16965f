// SPDX-License-Identifier: Apache-2.0
// Carries a build out: stages side by side, each step from the cache or made. toyimg.
#pragma once

#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/build/build_progress.hpp"
#include "imagetool/build/build_store.hpp"
#include "imagetool/build/services.hpp"
#include "imagetool/build/stage_plan.hpp"

namespace build {

class ContentDigests;
class LayerMaker;

inline constexpr std::string_view kLayoutContext = "oci-layout://";
/// What Services::image is asked for a named context that is an image: "docker-image://REF", or a
/// kLayoutContext; nullopt for a directory.
std::optional<std::string> image_of_context(std::string_view place);

struct StageResult {
  std::vector<Layer> layers{};
  std::vector<oci::HistoryEntry> history{};
};

struct BuiltImage {
  oci::ImageConfig config{};
  std::vector<Layer> layers{};
  std::size_t base_layers = 0;  // how many of them are the base image's
  std::string base_config{};    // digest of the base image's config; empty: no base
};

class BuildRunner {
 public:
  /// Borrows all but the options. The calling thread must have entered private mounts.
  BuildRunner(BuildStore& store, const Options& options, const Services& services,
              BuildProgress& progress);

  /// Plans all stages that the target needs; images they begin with are fetched. Throws Error.
  void plan(const Dockerfile& file);
  const BuildGraph& graph() const { return graph_; }
  const std::map<std::size_t, StagePlan>& plans() const { return plans_; }
  /// Makes the target's image. Throws the first Error of any stage.
  BuiltImage run();
  /// Ends what runs; run() then throws.
  void stop() { failed_.request_stop(); }
  /// After run(): the keys of its steps and what they made, for another build's cache.
  const std::vector<KnownStep>& known_steps() const { return known_steps_; }
  /// The stages and steps as text: --dry-run.
  std::string describe();

  /// The layers that an origin's files are in; a stage is waited for. For LayerMaker.
  std::vector<Layer> layers_of(const Origin& origin, const oci::Platform& platform);

 private:
  BaseImage image(const std::string& reference, const oci::Platform& platform);
  BaseImage base_image(const Stage& stage);
  StageBase base_of(const Stage& stage);
  bool add_trigger_needs(Stage& stage, const oci::ImageConfig& base);
  StageResult base_result(const Stage& stage);
  StageResult result_of(std::size_t stage);
  StageResult run_stage(std::size_t index, ContentDigests& digests);
  void run_stages();
  CachedStep run_step(const Stage& stage, const Step& step, std::size_t number, LayerMaker& maker);
  static bool still_has_key(LayerMaker& maker, const Step& step, const std::string& key);
  void keep(const std::string& key, const CachedStep& step, bool is_new);
  void explain(const std::string& place, bool found, const Inputs& inputs);
  std::string place_of(const Stage& stage, std::size_t number) const;
  const Stage& first_stage_of(std::size_t index) const;
  std::string now() const;

  BuildStore& store_;
  Options options_;
  const Services& services_;
  BuildProgress& progress_;
  std::stop_source failed_{};  // set by the first stage that fails, and by stop()
  BuildGraph graph_{};
  std::map<std::size_t, StagePlan> plans_{};
  std::map<std::string, BaseImage> images_{};
  std::vector<KnownStep> known_steps_{};
  std::mutex mutex_{};  // of images_ and known_steps_
  std::map<std::size_t, std::shared_future<StageResult>> results_{};
};

}  // namespace build
