// SPDX-License-Identifier: Apache-2.0
// What is said to the user beside results: debug, warning and the one error line. Text, or JSON
// lines as engines read them (runc's logrus keys: level, msg, time). Library code never logs
// errors, it throws.
#pragma once

#include <time.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"

namespace logging {

enum class Level { kDebug, kWarning, kError };
enum class Format { kText, kJson };

struct Settings {
  std::string program;            // "toyrun": prefix of the plain line on stderr
  Level level = Level::kWarning;  // what is below is not written
  Format format = Format::kText;
  std::optional<std::string> file;  // --log; lines go there, and errors also plainly to stderr
};

/// Sets where lines go from now on. Opens the log file (append, created 0644). Throws Error.
void configure(Settings settings);
bool debug_enabled();
void debug(std::string_view message);
/// Says what is ignored: "unknown capability CAP_FOO, ignoring".
void warning(std::string_view message);
/// The one error line at the end; `extra` are further string keys of the JSON line (layer, syscall,
/// path, hint).
void error(std::string_view message,
           const std::vector<std::pair<std::string, std::string>>& extra = {});

/// A message of a length that can be shown: names in it come from files of others and may be of any
/// length. The head and the end are kept, the cause is at the end.
std::string shortened(std::string_view message);

/// Sends every line to `write` instead (init passes its lines through the handshake).
void redirect(void (*write)(Level, std::string_view, void*), void* context);
/// The moment now as RFC 3339 in UTC with nanoseconds: "2026-11-22T04:24:19.123456789Z".
std::string timestamp();
/// Another moment in the same form, so that two can be compared as text.
std::string timestamp(const timespec& moment);

}  // namespace logging
