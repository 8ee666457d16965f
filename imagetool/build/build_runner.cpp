// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/build_runner.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
#include <thread>

#include "bundle-spec/error.hpp"
#include "imagetool/build/content_digests.hpp"
#include "imagetool/build/layer_maker.hpp"
#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

constexpr const char* kComment = "buildkit.dockerfile.v0";
constexpr std::size_t kMostStagesAtOnce = 8;

std::string rfc3339(std::int64_t time) {
  std::time_t seconds = time;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

}  // namespace

std::optional<std::string> image_of_context(std::string_view place) {
  constexpr std::string_view kImage = "docker-image://";
  if (place.starts_with(kImage)) return std::string(place.substr(kImage.size()));
  if (place.starts_with(kLayoutContext)) return std::string(place);
  return std::nullopt;
}

BuildRunner::BuildRunner(BuildStore& store, const Options& options, const Services& services,
                         BuildProgress& progress)
    : store_(store), options_(options), services_(services), progress_(progress) {
  options_.stop = failed_.get_token();
}

std::string BuildRunner::now() const {
  return rfc3339(options_.epoch.value_or(std::time(nullptr)));
}

BaseImage BuildRunner::image(const std::string& reference, const oci::Platform& platform) {
  const std::lock_guard<std::mutex> guard(mutex_);
  const std::string key = sentence(reference, " ", platform.str());
  const auto known = images_.find(key);
  if (known != images_.end()) return known->second;
  return images_.emplace(key, services_.image(reference, platform)).first->second;
}

BaseImage BuildRunner::base_image(const Stage& stage) {
  if (stage.base.kind == Origin::Kind::kImage) return image(stage.base.name, stage.platform);
  const std::string& place = options_.named_contexts.at(stage.base.name);
  const std::optional<std::string> reference = image_of_context(place);
  if (!reference)
    throw error_at(
        graph_.file, stage.from,
        sentence("the build context ", stage.base.name, " is a directory: FROM needs an image"));
  return image(*reference, stage.platform);
}

StageBase BuildRunner::base_of(const Stage& stage) {
  if (stage.base.kind == Origin::Kind::kNothing) return {.config = scratch_config(stage.platform)};
  if (stage.base.kind == Origin::Kind::kStage) {
    const StagePlan& plan = plans_.at(stage.base.stage);
    return {plan.config, plan.args};
  }
  try {
    return {.config = base_image(stage).config};
  } catch (Error& error) {
    error.add_context(graph_.file, ":", stage.from.line);
    throw;
  }
}

/// Triggers of the base may bring needs that the Dockerfile does not show.
bool BuildRunner::add_trigger_needs(Stage& stage, const oci::ImageConfig& base) {
  const std::size_t before = stage.needs.size();
  for (const Instruction& trigger : read_triggers(graph_, base))
    for (const Origin& origin : origins_of(graph_, options_.request, trigger))
      stage.needs.insert(origin);
  return stage.needs.size() != before;
}

void BuildRunner::plan(const Dockerfile& file) {
  graph_ = build_graph(file, options_.request);
  bool again = true;
  while (again) {
    again = false;
    for (const std::size_t index : graph_.order) {
      if (plans_.contains(index)) continue;
      Stage& stage = graph_.stages[index];
      StageBase base = base_of(stage);
      again = add_trigger_needs(stage, base.config);
      plans_[index] = plan_stage(graph_, options_.request, stage, std::move(base));
      if (again) break;
    }
    if (again) order_stages(graph_);
  }
}

StageResult BuildRunner::base_result(const Stage& stage) {
  if (stage.base.kind == Origin::Kind::kNothing) return {};
  if (stage.base.kind == Origin::Kind::kStage) return result_of(stage.base.stage);
  const BaseImage base = base_image(stage);
  StageResult result{.history = base.config.history};
  for (std::size_t index = 0; index < base.manifest.layers.size(); ++index)
    result.layers.push_back({base.manifest.layers[index], base.config.diff_ids.at(index)});
  return result;
}

StageResult BuildRunner::result_of(std::size_t stage) { return results_.at(stage).get(); }

std::string BuildRunner::place_of(const Stage& stage, std::size_t number) const {
  const std::string platform =
      options_.several_platforms ? options_.request.platform.str() + " " : "";
  return sentence(platform, stage.label(), " ", number, "/", plans_.at(stage.index).steps.size());
}

StageResult BuildRunner::run_stage(std::size_t index, ContentDigests& digests) {
  const Stage& stage = graph_.stages[index];
  StageResult result = base_result(stage);
  const StagePlan& plan = plans_.at(index);
  LayerMaker maker(store_, options_, services_, *this, stage, plan.config, result.layers, digests);
  for (std::size_t number = 1; number <= plan.steps.size(); ++number) {
    const Step& step = plan.steps[number - 1];
    oci::HistoryEntry entry{
        .created = result.history.empty() ? now() : result.history.back().created,
        .created_by = step.history,
        .comment = kComment,
        .empty_layer = !step.makes_layer()};
    if (step.makes_layer()) {
      if (options_.stop.stop_requested()) throw Error("stopped");
      const CachedStep made = run_step(stage, step, number, maker);
      result.layers.push_back(made.layer);
      entry.created = options_.epoch ? now() : made.created;
    } else if (options_.epoch) {
      entry.created = now();
    }
    if (!step.history.empty()) result.history.push_back(std::move(entry));
  }
  return result;
}

/// False also when a file is gone meanwhile.
bool BuildRunner::still_has_key(LayerMaker& maker, const Step& step, const std::string& key) {
  try {
    return key_of(maker.inputs(step, LayerMaker::Depth::kNames)) == key;
  } catch (const Error&) {
    return false;
  }
}

/// From the cache, or made and then remembered.
CachedStep BuildRunner::run_step(const Stage& stage, const Step& step, std::size_t number,
                                 LayerMaker& maker) {
  const std::string place = place_of(stage, number);
  progress_.begin(place, step.shown);
  try {
    const bool may_look =
        !options_.no_cache && !options_.no_cache_stages.contains(to_lower(stage.name));
    Inputs inputs = maker.inputs(step, LayerMaker::Depth::kNames);
    std::string key = key_of(inputs);
    std::optional<CachedStep> found = may_look ? store_.find(key) : std::nullopt;
    if (!found && maker.has_deeper_inputs(step)) {
      const std::string shallow = key;
      inputs = maker.inputs(step, LayerMaker::Depth::kContent);
      key = key_of(inputs);
      found = may_look ? store_.find(key) : std::nullopt;
      if (found) {
        found->content_key = key;
        keep(shallow, *found, true);
      }
    }
    if (options_.explain_cache) explain(place, found.has_value(), inputs);
    if (found) {
      keep(key, *found, found->is_offered);
      progress_.end(place, BuildProgress::End::kCached);
      return *found;
    }
    CachedStep made{
        .layer = maker.make(step, [&](std::string_view text) { progress_.output(place, text); }),
        .created = now()};
    if (maker.has_deeper_inputs(step)) {
      made.content_key = key;
      keep(key_of(maker.inputs(step, LayerMaker::Depth::kNames)), made, true);
    }
    // What the layer is made of must be what the key says, for every later build.
    if (maker.reads_contexts(step) && !still_has_key(maker, step, key))
      progress_.note(sentence("warning: [", place,
                              "] files of the build context changed during this step: the next "
                              "build makes it again"));
    else
      keep(key, made, true);
    progress_.end(place, BuildProgress::End::kDone);
    return made;
  } catch (const Error& error) {
    progress_.end(place, BuildProgress::End::kFailed);
    if (options_.stop.stop_requested()) throw;
    throw error_at(graph_.file, step.instruction, error.what());
  }
}

void BuildRunner::keep(const std::string& key, const CachedStep& step, bool is_new) {
  if (is_new) store_.remember(key, step);
  const std::lock_guard<std::mutex> guard(mutex_);
  known_steps_.push_back({key, step});
  if (!step.content_key.empty() && step.content_key != key)
    known_steps_.push_back({step.content_key, step});
}

void BuildRunner::explain(const std::string& place, bool found, const Inputs& inputs) {
  const std::string record =
      sha256_of(sentence(options_.context_name, "\n", graph_.file, "\n", place)).hex;
  const std::optional<Inputs> last = store_.last_inputs(record);
  store_.remember_inputs(record, inputs);
  if (found)
    return progress_.note(sentence("[", place, "] cache hit: ", key_of(inputs).substr(0, 12)));
  if (!last) return progress_.note(sentence("[", place, "] cache miss: never built here"));
  const std::map<std::string, std::string> before(last->begin(), last->end());
  const std::map<std::string, std::string> after(inputs.begin(), inputs.end());
  std::string changes;
  const auto add = [&](const std::string& name, std::string_view what) {
    changes += sentence(changes.empty() ? "" : ", ", printable(name, 200), " ", what);
  };
  for (const auto& [name, value] : after)
    if (const auto old = before.find(name); old == before.end())
      add(name, "is new");
    else if (old->second != value)
      add(name, name == "parent" ? "differs: an earlier step made other files" : "changed");
  for (const auto& [name, value] : before)
    if (!after.contains(name)) add(name, "is gone");
  progress_.note(
      sentence("[", place, "] cache miss: ",
               changes.empty() ? "same inputs, but the layer is not there any more" : changes));
}

/// A stage waits for earlier ones alone: what is begun in order comes to an end with any number of
/// threads.
void BuildRunner::run_stages() {
  std::map<std::size_t, std::promise<StageResult>> promises;
  for (const std::size_t index : graph_.order)
    results_[index] = promises[index].get_future().share();
  ContentDigests digests(store_.digest_file(options_.context_name));
  std::exception_ptr first;
  std::mutex first_mutex;
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t at = next++; at < graph_.order.size(); at = next++) try {
        promises.at(graph_.order[at]).set_value(run_stage(graph_.order[at], digests));
      } catch (...) {
        {
          const std::lock_guard<std::mutex> guard(first_mutex);
          if (!first) first = std::current_exception();
        }
        failed_.request_stop();
        promises.at(graph_.order[at]).set_exception(std::current_exception());
      }
  };
  {
    std::vector<std::jthread> threads;
    while (threads.size() + 1 < std::min(graph_.order.size(), kMostStagesAtOnce))
      threads.emplace_back(work);
    work();
  }
  if (first) std::rethrow_exception(first);
  try {
    digests.save();
  } catch (const Error&) {
    // Files are read again the next time.
  }
}

BuiltImage BuildRunner::run() {
  run_stages();
  StageResult result = result_of(graph_.target);
  BuiltImage image{.config = plans_.at(graph_.target).config};
  const Stage& root = first_stage_of(graph_.target);
  image.base_layers = base_result(root).layers.size();
  if (root.base.kind != Origin::Kind::kNothing)
    image.base_config = base_image(root).manifest.config.digest;
  image.layers = std::move(result.layers);
  image.config.history = std::move(result.history);
  image.config.diff_ids.clear();
  for (const Layer& layer : image.layers) image.config.diff_ids.push_back(layer.diff_id);
  image.config.created =
      options_.epoch || image.config.history.empty() ? now() : image.config.history.back().created;
  return image;
}

/// The stage that this one begins with in the end.
const Stage& BuildRunner::first_stage_of(std::size_t index) const {
  while (graph_.stages[index].base.kind == Origin::Kind::kStage)
    index = graph_.stages[index].base.stage;
  return graph_.stages[index];
}

std::vector<Layer> BuildRunner::layers_of(const Origin& origin, const oci::Platform& platform) {
  if (origin.kind == Origin::Kind::kStage) return result_of(origin.stage).layers;
  if (origin.kind == Origin::Kind::kNothing) return {};
  const std::string reference =
      origin.kind == Origin::Kind::kImage
          ? origin.name
          : image_of_context(options_.named_contexts.at(origin.name)).value();
  const BaseImage base = image(reference, platform);
  std::vector<Layer> layers;
  for (std::size_t index = 0; index < base.manifest.layers.size(); ++index)
    layers.push_back({base.manifest.layers[index], base.config.diff_ids.at(index)});
  return layers;
}

std::string BuildRunner::describe() {
  std::string text;
  for (const std::size_t index : graph_.order) {
    const Stage& stage = graph_.stages[index];
    text += sentence("stage ", stage.label(), ": ", printable(stage.from.original, 200), " (",
                     stage.platform.str(), ")\n");
    const StagePlan& plan = plans_.at(index);
    for (std::size_t number = 1; number <= plan.steps.size(); ++number)
      text +=
          sentence("  ", number, " ", plan.steps[number - 1].makes_layer() ? "layer  " : "config ",
                   plan.steps[number - 1].shown, "\n");
  }
  return text;
}

}  // namespace build
