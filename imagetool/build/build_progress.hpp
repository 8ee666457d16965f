// SPDX-License-Identifier: Apache-2.0
// What a build tells on stderr: plain lines with the step in front, JSON lines, or, on a terminal,
// finished steps as lines and below them the running ones with their last output. All methods may
// be called from several threads. toyimg.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace build {

enum class ProgressKind { kTerminal, kPlain, kJson, kQuiet };

class BuildProgress {
 public:
  explicit BuildProgress(ProgressKind kind) : kind_(kind) {}
  ~BuildProgress();
  BuildProgress(const BuildProgress&) = delete;
  BuildProgress& operator=(const BuildProgress&) = delete;

  /// A step begins: `place` is "builder 2/5".
  void begin(const std::string& place, const std::string& shown);
  /// What its program wrote; lines are put together.
  void output(const std::string& place, std::string_view text);
  enum class End { kDone, kCached, kFailed };
  void end(const std::string& place, End how);
  /// One line of its own.
  void note(const std::string& text);

 private:
  using Clock = std::chrono::steady_clock;
  struct Running {
    std::string shown{};
    std::string partial{};            // of a line
    std::vector<std::string> last{};  // whole lines
    Clock::time_point since = Clock::now();
  };
  void line(const std::string& place, Running& running, std::string_view text);
  void print(std::string_view text);
  void erase();
  void draw();

  ProgressKind kind_;
  std::mutex mutex_{};
  std::map<std::string, Running> running_{};
  std::size_t drawn_ = 0;
  Clock::time_point last_drawn_{};
};

}  // namespace build
