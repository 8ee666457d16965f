// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/cli/log.hpp"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace logging {

namespace {

using Extra = std::vector<std::pair<std::string, std::string>>;

struct Destination {
  Settings settings;
  UniqueFd file;
  void (*write)(Level, std::string_view, void*) = nullptr;
  void* context = nullptr;
};

Destination& destination() {
  static Destination one;
  return one;
}

const char* name(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "error";
}

constexpr char kHex[] = "0123456789abcdef";

/// Length of the UTF-8 sequence `text` starts with, 0 when it is malformed (RFC 3629).
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned first = byte(0);
  const std::size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first >= 0x80 && (first < 0xc2 || first > 0xf4 || text.size() < length)) return 0;
  for (std::size_t at = 1; at < length; ++at)
    if ((byte(at) & 0xc0) != 0x80) return 0;
  const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool outside = (first == 0xed && byte(1) > 0x9f) || (first == 0xf4 && byte(1) > 0x8f);
  return overlong || outside ? 0 : length;
}

void append_escaped(std::string& line, char letter) {
  switch (letter) {
    case '"':
      line += "\\\"";
      return;
    case '\\':
      line += "\\\\";
      return;
    case '\n':
      line += "\\n";
      return;
    case '\t':
      line += "\\t";
      return;
    case '\r':
      line += "\\r";
      return;
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(letter);
  if (byte >= 0x20 && byte != 0x7f) {
    line += letter;
    return;
  }
  line += "\\u00";
  line += kHex[byte >> 4];
  line += kHex[byte & 15];
}

/// A JSON string; bytes that are no UTF-8 become U+FFFD, else no reader would take the line.
std::string quoted(std::string_view text) {
  std::string line = "\"";
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 1) {
      append_escaped(line, text.front());
    } else {
      line += length == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return line += '"';
}

std::string json_line(Level level, std::string_view message, const Extra& extra) {
  // The order of runc's lines; engines look at the keys only.
  std::string line = sentence("{\"level\":\"", name(level), "\",\"msg\":", quoted(message),
                              ",\"time\":\"", timestamp(), '"');
  for (const auto& [key, value] : extra) line += sentence(',', quoted(key), ':', quoted(value));
  return line += "}\n";
}

/// For the log file: logrus' text form, as runc writes it.
std::string text_line(Level level, std::string_view message, const Extra& extra) {
  std::string line =
      sentence("time=\"", timestamp(), "\" level=", name(level), " msg=", quoted(message));
  for (const auto& [key, value] : extra) line += sentence(' ', key, '=', quoted(value));
  return line += '\n';
}

/// For a person: control characters of foreign names must not reach the terminal.
std::string plain_line(Level level, std::string_view message) {
  std::string line = destination().settings.program;
  if (!line.empty()) line += ": ";
  if (level != Level::kError) line += sentence(name(level), ": ");
  for (const char letter : message) {
    const auto byte = static_cast<unsigned char>(letter);
    if ((byte >= 0x20 && byte != 0x7f) || letter == '\n' || letter == '\t') {
      line += letter;
    } else {
      line += sentence("\\x", kHex[byte >> 4], kHex[byte & 15]);
    }
  }
  return line += '\n';
}

/// One write(2) a line, so that lines of several processes do not mix. There is nobody to tell
/// about a failure.
void write_line(int fd, const std::string& line) {
  [[maybe_unused]] const ssize_t written = ::write(fd, line.data(), line.size());
}

void write(Level level, std::string_view message, const Extra& extra) {
  const Destination& to = destination();
  if (level < to.settings.level) return;
  if (to.write != nullptr) return to.write(level, message, to.context);
  const bool json = to.settings.format == Format::kJson;
  if (to.file) {
    write_line(to.file.get(),
               json ? json_line(level, message, extra) : text_line(level, message, extra));
    // Engines without --log-file reading show what is on stderr; runc prints errors there as well.
    if (level == Level::kError) write_line(STDERR_FILENO, plain_line(level, message));
    return;
  }
  write_line(STDERR_FILENO, json ? json_line(level, message, extra) : plain_line(level, message));
}

constexpr std::size_t kLongestMessage = 8192;
constexpr std::size_t kShownHead = 4096;
constexpr std::size_t kShownTail = 2048;

void append_padded(std::string& text, std::int64_t number, int width) {
  const std::string digits = std::to_string(number);
  if (digits.size() < static_cast<std::size_t>(width))
    text.append(static_cast<std::size_t>(width) - digits.size(), '0');
  text += digits;
}

}  // namespace

void configure(Settings settings) {
  UniqueFd file;
  if (settings.file) file = open_at(AT_FDCWD, *settings.file, O_WRONLY | O_CREAT | O_APPEND, 0644);
  destination().file = std::move(file);
  destination().settings = std::move(settings);
}

std::string shortened(std::string_view message) {
  if (message.size() <= kLongestMessage) return std::string(message);
  return sentence(message.substr(0, kShownHead), " ... (", message.size() - kShownHead - kShownTail,
                  " bytes left out) ... ", message.substr(message.size() - kShownTail));
}

bool debug_enabled() { return destination().settings.level == Level::kDebug; }

void debug(std::string_view message) { write(Level::kDebug, message, {}); }

void warning(std::string_view message) { write(Level::kWarning, shortened(message), {}); }

void error(std::string_view message, const Extra& extra) {
  write(Level::kError, shortened(message), extra);
}

void redirect(void (*write)(Level, std::string_view, void*), void* context) {
  destination().write = write;
  destination().context = context;
}

std::string timestamp() {
  timespec now;
  ::clock_gettime(CLOCK_REALTIME, &now);
  return timestamp(now);
}

std::string timestamp(const timespec& moment) {
  // Not gmtime_r(3): glibc reads /etc/localtime for it, which after the pivot is the container's.
  const std::chrono::sys_seconds seconds{std::chrono::seconds(moment.tv_sec)};
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(seconds - day);
  std::string text;
  append_padded(text, static_cast<int>(date.year()), 4);
  append_padded(text += '-', static_cast<unsigned>(date.month()), 2);
  append_padded(text += '-', static_cast<unsigned>(date.day()), 2);
  append_padded(text += 'T', clock.hours().count(), 2);
  append_padded(text += ':', clock.minutes().count(), 2);
  append_padded(text += ':', clock.seconds().count(), 2);
  append_padded(text += '.', moment.tv_nsec, 9);
  return text += 'Z';
}

}  // namespace logging
