// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/pull_account.hpp"

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "bundle-spec/error.hpp"

namespace {

using Json = nlohmann::ordered_json;
using Duration = std::chrono::steady_clock::duration;

std::string seconds(Duration time) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f s", std::chrono::duration<double>(time).count());
  return text.data();
}

double microseconds(Duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

struct PlaceTotal {
  std::size_t requests = 0, failures = 0;
  std::uint64_t bytes = 0;
  Duration time{};
};

/// "already here", or each phase that took time with how long it did.
std::string course_of(const Progress::LayerHistory& layer,
                      std::chrono::steady_clock::time_point end) {
  std::string course;
  for (std::size_t at = 0; at < layer.phases.size(); ++at) {
    const auto [phase, begin] = layer.phases[at];
    const auto until = at + 1 < layer.phases.size() ? layer.phases[at + 1].second : end;
    const bool takes_time = phase == LayerPhase::kDownloading || phase == LayerPhase::kExtracting;
    if (!takes_time && phase != LayerPhase::kPresent) continue;
    course += sentence(course.empty() ? "" : ", ", word(phase));
    if (takes_time) course += " " + seconds(until - begin);
  }
  return course.empty() ? "reused" : course;
}

bool was_fetched(const Progress::LayerHistory& layer) {
  return std::ranges::any_of(layer.phases,
                             [](const auto& one) { return one.first == LayerPhase::kDownloading; });
}

}  // namespace

void PullAccount::listen(registry::Options& options) {
  options.observe = [this](const registry::Exchange& one) {
    const std::lock_guard guard(lock_);
    const std::size_t thread =
        threads_.emplace(std::this_thread::get_id(), threads_.size()).first->second;
    heard_.push_back({.exchange = one, .thread = thread});
  };
}

std::string PullAccount::text(const PullRequest& request, const PulledImage& image,
                              const std::string& why_name, Progress& progress) {
  const auto end = Clock::now();
  const std::lock_guard guard(lock_);
  std::map<std::string, PlaceTotal> places;
  for (const Heard& one : heard_) {
    PlaceTotal& place = places[one.exchange.host];
    ++place.requests;
    if (one.exchange.status == 0 || one.exchange.status >= 400) ++place.failures;
    place.bytes += one.exchange.received;
    place.time += one.exchange.end - one.exchange.begin;
  }
  std::string text = sentence(image.name.canonical(), "\n");
  if (!why_name.empty()) text += sentence("  the name is ", why_name, "\n");
  for (const std::string& one : image.refused) text += sentence("  tried first ", one, "\n");
  for (const auto& [host, place] : places)
    text += sentence("  from ", host, ": ", place.requests, " requests, ", place.failures,
                     " of them refused or unanswered, ", byte_count(place.bytes), ", ",
                     seconds(place.time), "\n");
  const auto source = image.descriptor.annotations.find(kSourceDigest);
  text += sentence("  manifest ", image.descriptor.digest, "\n");
  const oci::Platform host = oci::host_platform();
  const std::string why = request.platform ? sentence("asked for as ", request.platform->str())
                                           : sentence("this host is ", host.str());
  const bool was_index =
      source != image.descriptor.annotations.end() && source->second != image.descriptor.digest;
  text += sentence("  platform ", image.config.platform().str(), ": ", why,
                   was_index ? sentence("; the best of the index ", source->second)
                             : "; the name means one image, not an index",
                   "\n");
  const std::vector<Progress::LayerHistory> layers = progress.history();
  for (std::size_t index = 0; index < layers.size(); ++index)
    text += sentence("  layer ", index + 1, " ", layers[index].digest, ", ",
                     byte_count(layers[index].size), ": ", course_of(layers[index], end), "\n");
  if (std::ranges::none_of(layers, was_fetched))
    text += "  all layers were in the store: nothing was fetched\n";
  return text + sentence("  in ", seconds(end - begin_), "\n");
}

std::string PullAccount::trace(Progress& progress) {
  const auto end = Clock::now();
  const std::lock_guard guard(lock_);
  Json events = Json::array();
  const auto add = [&](const std::string& name, const char* kind, std::size_t track,
                       Clock::time_point from, Clock::time_point until) {
    events.push_back({{"ph", "X"},
                      {"pid", ::getpid()},
                      {"tid", track},
                      {"name", name},
                      {"cat", kind},
                      {"ts", microseconds(from - begin_)},
                      {"dur", microseconds(until - from)}});
  };
  const auto name_track = [&](std::size_t track, const std::string& name) {
    events.push_back({{"ph", "M"},
                      {"pid", ::getpid()},
                      {"tid", track},
                      {"name", "thread_name"},
                      {"args", {{"name", name}}}});
  };
  for (std::size_t thread = 0; thread < threads_.size(); ++thread)
    name_track(thread, sentence("requests ", thread + 1));
  for (const Heard& one : heard_)
    add(sentence(one.exchange.method, " ", one.exchange.host, one.exchange.path, ": ",
                 one.exchange.status),
        "request", one.thread, one.exchange.begin, one.exchange.end);
  std::size_t track = threads_.size();
  for (const Progress::LayerHistory& layer : progress.history()) {
    name_track(track, "layer " + layer.digest);
    for (std::size_t at = 0; at < layer.phases.size(); ++at)
      add(word(layer.phases[at].first), "layer", track, layer.phases[at].second,
          at + 1 < layer.phases.size() ? layer.phases[at + 1].second : end);
    ++track;
  }
  const Json document = {{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}};
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}
