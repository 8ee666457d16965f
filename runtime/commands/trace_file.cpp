// SPDX-License-Identifier: Apache-2.0
#include "runtime/commands/trace_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/container/json_writer.hpp"

namespace commands {
namespace {

using trace::Event;

/// The format counts in microseconds: "12.345".
std::string microseconds(std::uint64_t nanoseconds) {
  const std::string rest = std::to_string(nanoseconds % 1000);
  return sentence(nanoseconds / 1000, ".", std::string(3 - rest.size(), '0'), rest);
}

void begin_event(JsonWriter& json, std::string_view phase, std::uint32_t half) {
  json.begin_object().key("ph").text(phase).key("pid").number(::getpid());
  json.key("tid").number(half);
}

void write_name(JsonWriter& json, std::string_view kind, std::uint32_t half,
                std::string_view name) {
  begin_event(json, "M", half);
  json.key("name").text(kind).key("args").begin_object();
  json.key("name").text(name).end_object().end_object();
}

void write_moment(JsonWriter& json, std::string_view phase, const Event& event) {
  begin_event(json, phase, event.half);
  if (!event.text.empty()) json.key("name").text(event.text);
  json.key("cat").text(event.kind == Event::Kind::kCall ? "call" : "step");
  json.key("ts").raw(microseconds(event.start));
  if (event.kind == Event::Kind::kCall) json.key("dur").raw(microseconds(event.duration));
  json.end_object();
}

/// One track a half; a step that never ended (its process executed the program, waits, or died)
/// ends with the trace.
class Tracks {
 public:
  explicit Tracks(JsonWriter& json) : json_(json) {}

  void add(const Event& event) {
    if (event.half >= open_.size()) open_.resize(event.half + 1);
    last_ = std::max(last_, event.start + event.duration);
    switch (event.kind) {
      case Event::Kind::kName:
        return write_name(json_, "thread_name", event.half, event.text);
      case Event::Kind::kCall:
        return write_moment(json_, "X", event);
      case Event::Kind::kBegin:
        ++open_[event.half];
        return write_moment(json_, "B", event);
      case Event::Kind::kEnd:
        if (open_[event.half] == 0) return;
        --open_[event.half];
        return write_moment(json_, "E", event);
    }
  }

  void close() {
    for (std::uint32_t half = 0; half < open_.size(); ++half)
      for (; open_[half] > 0; --open_[half])
        write_moment(
            json_, "E",
            {.kind = Event::Kind::kEnd, .half = half, .start = last_, .duration = 0, .text = {}});
  }

 private:
  JsonWriter& json_;
  std::vector<unsigned> open_;
  std::uint64_t last_ = 0;
};

std::string document(const std::string& title) {
  std::size_t lost = 0;
  const std::vector<Event> events = trace::events(lost);
  JsonWriter json(JsonWriter::Layout::kCompact);
  json.begin_object().key("displayTimeUnit").text("ns").key("otherData").begin_object();
  json.key("version").text(TOYRUN_VERSION).key("lostEvents").number(lost).end_object();
  json.key("traceEvents").begin_array();
  write_name(json, "process_name", 0, title);
  write_name(json, "thread_name", 0, "toyrun");
  Tracks tracks(json);
  for (const Event& one : events) tracks.add(one);
  tracks.close();
  return json.end_array().end_object().take() += '\n';
}

}  // namespace

TraceFile::TraceFile(const std::string& path, std::string title)
    : path_(path),
      title_(std::move(title)),
      file_(open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, 0644)) {
  trace::start();
}

TraceFile::~TraceFile() {
  try {
    const std::string text = document(title_);
    trace::stop();
    write_all(file_.get(), text, path_);
  } catch (const std::exception& error) {
    logging::warning(error.what());
  }
}

}  // namespace commands
