// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/config_values.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;

constexpr auto kUnits = std::to_array<std::pair<std::string_view, double>>({
    {"ns", 1.0},
    {"us", 1e3},
    {"\xC2\xB5s", 1e3},
    {"ms", 1e6},
    {"s", 1e9},
    {"m", 60e9},
    {"h", 3600e9},
});

constexpr auto kSignals = std::to_array<std::string_view>(
    {"ABRT", "ALRM",   "BUS",  "CHLD",   "CLD",   "CONT", "FPE",  "HUP",   "ILL",
     "INT",  "IO",     "IOT",  "KILL",   "PIPE",  "POLL", "PROF", "PWR",   "QUIT",
     "SEGV", "STKFLT", "STOP", "SYS",    "TERM",  "TRAP", "TSTP", "TTIN",  "TTOU",
     "URG",  "USR1",   "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX"});

std::optional<unsigned> read_number(std::string_view text, unsigned limit, int base = 10) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size() || number > limit || text.empty())
    return std::nullopt;
  return number;
}

/// In tenths and so on of a unit, as Go prints them: "1.5".
std::string decimal(std::int64_t value, std::int64_t unit) {
  std::string text = std::to_string(value / unit);
  std::string fraction = std::to_string(unit + value % unit).substr(1);
  fraction.resize(fraction.find_last_not_of('0') + 1);
  return fraction.empty() ? text : text + "." + fraction;
}

std::string quoted(const std::string& word) {
  return nlohmann::json(word).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::int64_t duration_flag(const Instruction& instruction, std::string_view name) {
  const Flag* const flag = instruction.flag(name);
  if (flag == nullptr) return 0;
  const std::int64_t value = parse_duration(flag->value);
  if (value != 0 && value < kMillisecond)
    throw Error(sentence("interval \"", name, "\" cannot be less than 1ms"));
  return value;
}

std::vector<std::string> healthcheck_test(const Instruction& instruction) {
  const std::string_view rest = instruction.rest;
  const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
  const std::string type = to_upper(rest.substr(0, end));
  const std::string command(trim(rest.substr(end)));
  if (type == "NONE") {
    if (!command.empty()) throw Error("HEALTHCHECK NONE takes no arguments");
    return {"NONE"};
  }
  if (type != "CMD")
    throw Error(sentence("unknown type \"", printable(type, 40), "\" in HEALTHCHECK (try CMD)"));
  if (command.empty()) throw Error("missing command after HEALTHCHECK CMD");
  const nlohmann::json array =
      command.front() == '[' ? nlohmann::json::parse(command, nullptr, false) : nlohmann::json();
  std::vector<std::string> test = {"CMD"};
  if (!array.is_array()) return {"CMD-SHELL", command};
  for (const nlohmann::json& word : array) {
    if (!word.is_string()) throw Error("only string type is allowed in JSON format arrays");
    test.push_back(word.get<std::string>());
  }
  return test;
}

}  // namespace

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += sentence(text.empty() ? "" : " ", word);
  return text;
}

std::string quoted_list(const std::vector<std::string>& words) {
  std::string text = "[";
  for (const std::string& word : words) text += sentence(text.size() == 1 ? "" : " ", quoted(word));
  return text + "]";
}

std::vector<std::string> parse_ports(const std::string& word) {
  const auto refuse = [&] {
    return Error(sentence("invalid containerPort: ", printable(word, 60)));
  };
  std::string_view text = word;
  std::string protocol = "tcp";
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    protocol = to_lower(text.substr(slash + 1));
    text = text.substr(0, slash);
  }
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
    throw Error(sentence("invalid proto: ", printable(protocol, 40)));
  if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos)
    text = text.substr(colon + 1);
  const std::size_t dash = text.find('-');
  const auto first = read_number(text.substr(0, dash), 65535);
  const auto last =
      dash == std::string_view::npos ? first : read_number(text.substr(dash + 1), 65535);
  if (!first || !last || *last < *first) throw refuse();
  std::vector<std::string> ports;
  for (unsigned port = *first; port <= *last; ++port)
    ports.push_back(sentence(port, "/", protocol));
  return ports;
}

std::int64_t parse_duration(const std::string& text) {
  const auto refuse = [&] {
    return Error(sentence("time: invalid duration \"", printable(text, 60), "\""));
  };
  if (text == "0") return 0;
  std::string_view rest = text;
  double total = 0;
  if (rest.empty()) throw refuse();
  while (!rest.empty()) {
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789."), rest.size());
    double number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + digits, number);
    if (digits == 0 || error != std::errc() || end != rest.data() + digits) throw refuse();
    rest.remove_prefix(digits);
    const std::size_t letters = std::min(rest.find_first_of("0123456789."), rest.size());
    const auto unit = std::ranges::find(kUnits, rest.substr(0, letters),
                                        &std::pair<std::string_view, double>::first);
    if (unit == kUnits.end()) throw refuse();
    total += number * unit->second;
    rest.remove_prefix(letters);
  }
  if (total > 9.2e18) throw refuse();
  return std::llround(total);
}

std::string show_duration(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  if (nanoseconds < 1000) return sentence(nanoseconds, "ns");
  if (nanoseconds < 1'000'000) return decimal(nanoseconds, 1000) + "\xC2\xB5s";
  if (nanoseconds < 1'000'000'000) return decimal(nanoseconds, 1'000'000) + "ms";
  const std::int64_t minute = 60'000'000'000, hour = 60 * minute;
  std::string shown;
  if (nanoseconds >= hour) shown += sentence(nanoseconds / hour, "h");
  if (nanoseconds >= minute) shown += sentence(nanoseconds % hour / minute, "m");
  return shown + decimal(nanoseconds % minute, 1'000'000'000) + "s";
}

void check_signal(const std::string& text) {
  if (const auto number = read_number(text, 64)) {
    if (*number != 0) return;
  } else {
    std::string name = to_upper(text);
    if (name.starts_with("SIG")) name.erase(0, 3);
    if (std::ranges::find(kSignals, name) != kSignals.end()) return;
    const std::string_view real = name;
    const bool relative = real.starts_with("RTMIN+") || real.starts_with("RTMAX-");
    if (relative && read_number(real.substr(6), 30)) return;
  }
  throw Error(sentence("invalid signal: ", printable(text, 60)));
}

Healthcheck parse_healthcheck(const Instruction& instruction) {
  const std::vector<std::string> test = healthcheck_test(instruction);
  const bool none = test.front() == "NONE";
  if (none && !instruction.flags.empty()) throw Error("HEALTHCHECK NONE takes no flags");
  const std::int64_t interval = duration_flag(instruction, "interval");
  const std::int64_t timeout = duration_flag(instruction, "timeout");
  const std::int64_t start_period = duration_flag(instruction, "start-period");
  const std::int64_t start_interval = duration_flag(instruction, "start-interval");
  unsigned retries = 0;
  if (const Flag* const flag = instruction.flag("retries")) {
    const auto number = read_number(flag->value, 1'000'000);
    if (!number) throw Error("--retries must be a whole number of at least 0");
    retries = *number;
  }
  nlohmann::ordered_json json = {{"Test", test}};
  if (interval != 0) json["Interval"] = interval;
  if (timeout != 0) json["Timeout"] = timeout;
  if (start_period != 0) json["StartPeriod"] = start_period;
  if (start_interval != 0) json["StartInterval"] = start_interval;
  if (retries != 0) json["Retries"] = retries;
  Healthcheck result{.json = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
  result.history = sentence("HEALTHCHECK &{", quoted_list(test));
  for (const std::int64_t time : {interval, timeout, start_period, start_interval})
    result.history += sentence(" \"", show_duration(time), "\"");
  // Go's %q of a small number is the character of that code.
  constexpr std::string_view kHex = "0123456789abcdef";
  result.history += sentence(" '\\x", kHex[(retries >> 4U) & 15U], kHex[retries & 15U], "'}");
  return result;
}

ModeChange ModeChange::parse(const std::string& text) {
  ModeChange change;
  const auto refuse = [&] {
    return Error(sentence("invalid chmod parameter: '", printable(text, 60),
                          "': it should be an octal mode up to 07777, or like u=rwX,go+r"));
  };
  if (const auto octal = read_number(text, 07777, 8)) {
    change.octal_ = *octal;
    return change;
  }
  for (std::string_view rest = text; !rest.empty() || change.clauses_.empty();) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    std::string_view part = rest.substr(0, end);
    Clause clause;
    while (!part.empty() && std::string_view("ugoa").find(part.front()) != std::string_view::npos) {
      clause.who |= part.front() == 'u'   ? 0700U
                    : part.front() == 'g' ? 0070U
                    : part.front() == 'o' ? 0007U
                                          : 0777U;
      part.remove_prefix(1);
    }
    if (clause.who == 0) clause.who = 0777;
    if (part.empty()) throw refuse();
    while (!part.empty()) {
      clause.operation = part.front();
      if (std::string_view("+-=").find(clause.operation) == std::string_view::npos) throw refuse();
      part.remove_prefix(1);
      const std::size_t letters = std::min(part.find_first_of("+-="), part.size());
      clause.what = part.substr(0, letters);
      if (clause.what.find_first_not_of("rwxXstugo") != std::string::npos) throw refuse();
      change.clauses_.push_back(clause);
      part.remove_prefix(letters);
    }
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  return change;
}

std::uint32_t ModeChange::apply(std::uint32_t mode, bool is_directory) const {
  if (octal_) return *octal_;
  for (const Clause& clause : clauses_) {
    std::uint32_t bits = 0, special = 0;
    for (const char letter : clause.what) {
      if (letter == 'r') bits |= 0444;
      if (letter == 'w') bits |= 0222;
      if (letter == 'x' || (letter == 'X' && (is_directory || (mode & 0111) != 0))) bits |= 0111;
      if (letter == 'u') bits |= ((mode >> 6U) & 7U) * 0111U;
      if (letter == 'g') bits |= ((mode >> 3U) & 7U) * 0111U;
      if (letter == 'o') bits |= (mode & 7U) * 0111U;
      if (letter == 't') special |= 01000;
      if (letter == 's')
        special |=
            ((clause.who & 0700) != 0 ? 04000U : 0U) | ((clause.who & 0070) != 0 ? 02000U : 0U);
    }
    bits = (bits & clause.who) | special;
    if (clause.operation == '=') mode = (mode & ~clause.who) | bits;
    if (clause.operation == '+') mode |= bits;
    if (clause.operation == '-') mode &= ~bits;
  }
  return mode & 07777;
}

}  // namespace build
