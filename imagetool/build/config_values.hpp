// SPDX-License-Identifier: Apache-2.0
// The values that EXPOSE, HEALTHCHECK, STOPSIGNAL and --chmod take, read as BuildKit reads them.
// Pure; toyimg.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/build/dockerfile.hpp"

namespace build {

/// "80", "8000-8002/udp", "127.0.0.1:80:8080" → "80/tcp", …, each port by itself. Throws Error.
std::vector<std::string> parse_ports(const std::string& word);
/// Go's time.ParseDuration, in nanoseconds: "1m30s", "1.5h". Throws Error.
std::int64_t parse_duration(const std::string& text);
/// Go's Duration.String(): "1m30s".
std::string show_duration(std::int64_t nanoseconds);
/// Throws Error for what is no signal's name or number.
void check_signal(const std::string& text);
/// HEALTHCHECK's instruction → Docker's Healthcheck as JSON text and the history's words. Throws
/// Error.
struct Healthcheck {
  std::string json{};
  std::string history{};
};
Healthcheck parse_healthcheck(const Instruction& instruction);
/// The words with a space between them.
std::string joined(const std::vector<std::string>& words);
/// Go's %q of strings: ["a" "b"].
std::string quoted_list(const std::vector<std::string>& words);

/// --chmod: an octal number, or symbolic clauses that depend on the file.
class ModeChange {
 public:
  /// Throws Error.
  static ModeChange parse(const std::string& text);
  /// The mode (07777) of a file that had `mode`.
  std::uint32_t apply(std::uint32_t mode, bool is_directory) const;
  bool is_octal() const { return octal_.has_value(); }

 private:
  struct Clause {
    std::uint32_t who = 0;  // bits of u, g, o as 0700, 0070, 0007
    char operation = '+';
    std::string what{};  // letters of rwxXst or one of ugo
  };
  std::optional<std::uint32_t> octal_{};
  std::vector<Clause> clauses_{};
};

}  // namespace build
