// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/commands/user_names.hpp"
#include "runtime/container/container.hpp"
#include "runtime/container/json_writer.hpp"
#include "runtime/kernel/cgroup.hpp"

namespace commands {
namespace {

constexpr std::array kOptions = {
    cli::Option{.name = "format",
                .letter = 'f',
                .value = "FORMAT",
                .help = "table (default) or json: an array of pids"},
};

/// The columns of `ps -ef`.
struct Row {
  std::string user, pid, parent, cpu, start, terminal, time, command;
};

/// Number of /proc/PID/stat's field, counted from the state (field 3 of proc(5)) as 0.
enum Field : std::size_t {
  kParent = 1,
  kTerminal = 4,
  kUserTime = 11,
  kSystemTime = 12,
  kStartTime = 19
};

std::string padded(std::uint64_t number) {
  return number < 10 ? sentence('0', number) : std::to_string(number);
}

std::vector<std::uint64_t> numbers(std::string_view text) {
  std::vector<std::uint64_t> all;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    std::uint64_t number = 0;  // the state's letter and negative numbers stay 0
    std::from_chars(word.data(), word.data() + word.size(), number);
    all.push_back(number);
  }
  return all;
}

std::string terminal_name(std::uint64_t device) {
  const std::uint64_t major = device >> 8 & 0xfff;
  const std::uint64_t minor = (device & 0xff) | (device >> 12 & 0xfff00);
  // Documentation/admin-guide/devices.txt: 136–143 are the pty slaves, 4 the consoles and serial
  // lines.
  if (major >= 136 && major <= 143) return sentence("pts/", minor + (major - 136) * 256);
  if (major == 4) return minor < 64 ? sentence("tty", minor) : sentence("ttyS", minor - 64);
  return "?";
}

/// "10:31" today, "Nov21" this year, else the year.
std::string start_column(time_t start) {
  const time_t now = ::time(nullptr);
  tm then{};
  tm today{};
  ::localtime_r(&start, &then);
  ::localtime_r(&now, &today);
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (then.tm_year != today.tm_year) return std::to_string(then.tm_year + 1900);
  if (then.tm_yday == today.tm_yday)
    return sentence(padded(static_cast<unsigned>(then.tm_hour)), ':',
                    padded(static_cast<unsigned>(then.tm_min)));
  return sentence(kMonths[static_cast<std::size_t>(then.tm_mon)],
                  padded(static_cast<unsigned>(then.tm_mday)));
}

std::string time_column(std::uint64_t seconds) {
  const std::uint64_t days = seconds / 86400;
  return sentence(days > 0 ? sentence(days, '-') : "", padded(seconds / 3600 % 24), ':',
                  padded(seconds / 60 % 60), ':', padded(seconds % 60));
}

/// Its arguments, or the name in brackets for a process without any. Control characters would reach
/// the terminal.
std::string command_column(const std::string& directory, std::string_view name) {
  std::string command = read_file_if_exists(directory + "/cmdline").value_or("");
  while (command.ends_with('\0')) command.pop_back();
  if (command.empty()) command = sentence('[', name, ']');
  for (char& letter : command) {
    if (letter == '\0') letter = ' ';
    if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f) letter = '?';
  }
  return command;
}

/// The row of one process; nullopt when it has ended meanwhile.
std::optional<Row> row_of(pid_t pid) {
  const std::string directory = sentence("/proc/", pid);
  struct stat status{};
  if (::stat(directory.c_str(), &status) != 0) return std::nullopt;
  const std::string text = read_file_if_exists(directory + "/stat").value_or("");
  // The name may hold blanks and parentheses of its own: only the last ')' ends it.
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (close == std::string::npos || close + 2 > text.size()) return std::nullopt;
  const std::vector<std::uint64_t> fields = numbers(std::string_view(text).substr(close + 2));
  if (fields.size() <= kStartTime) return std::nullopt;

  const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  timespec up{};
  ::clock_gettime(CLOCK_BOOTTIME, &up);
  const std::uint64_t started = fields[kStartTime] / ticks;
  const std::uint64_t age = static_cast<std::uint64_t>(up.tv_sec) -
                            std::min<std::uint64_t>(started, static_cast<std::uint64_t>(up.tv_sec));
  const std::uint64_t used = (fields[kUserTime] + fields[kSystemTime]) / ticks;
  return Row{.user = user_name(status.st_uid),
             .pid = std::to_string(pid),
             .parent = std::to_string(fields[kParent]),
             .cpu = std::to_string(age == 0 ? 0 : std::min<std::uint64_t>(used * 100 / age, 99)),
             .start = start_column(::time(nullptr) - static_cast<time_t>(age)),
             .terminal = terminal_name(fields[kTerminal]),
             .time = time_column(used),
             .command = command_column(directory,
                                       std::string_view(text).substr(open + 1, close - open - 1))};
}

std::string left(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string right(const std::string& text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

std::string table(const std::vector<pid_t>& pids) {
  std::vector<Row> rows{{"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"}};
  for (const pid_t pid : pids)
    if (std::optional<Row> row = row_of(pid)) rows.push_back(std::move(*row));
  std::string text;
  for (const Row& row : rows)
    text += sentence(left(row.user, 8), ' ', right(row.pid, 7), ' ', right(row.parent, 7), ' ',
                     right(row.cpu, 2), ' ', left(row.start, 5), ' ', left(row.terminal, 8), ' ',
                     right(row.time, 8), ' ', row.command, '\n');
  return text;
}

std::string json(const std::vector<pid_t>& pids) {
  JsonWriter json(JsonWriter::Layout::kCompact);
  json.begin_array();
  for (const pid_t pid : pids) json.number(pid);
  return json.end_array().take() += '\n';
}

int ps(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string format = options.value_or("format", "table");
  if (format != "table" && format != "json") throw Error("invalid format option");
  const Container container = Container::open(state_root(global), options.words[0]);
  if (options.words.size() > 1 && !(options.words.size() == 2 && options.words[1] == "-ef"))
    throw Error(sentence("ps options are not supported (", options.words[1],
                         "): the table is that of ps -ef; "
                         "for others pass the pids of --format json to ps(1)"));
  std::vector<pid_t> pids = kernel::processes(container.cgroups().directories);
  std::ranges::sort(pids);
  print(format == "json" ? json(pids) : table(pids));
  return 0;
}

}  // namespace

cli::Command ps_command() {
  return {.name = "ps",
          .summary = "Show the processes of a container",
          .words = {.usage = "ID [-ef]", .least = 1, .command_line = true},
          .options = kOptions,
          .run = ps};
}

}  // namespace commands
