// SPDX-License-Identifier: Apache-2.0
// The containers a command line names: one id or, with crun's --regex, all whose ids match. Host
// side.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bundle-spec/cli/options.hpp"

namespace commands {

inline constexpr cli::Option kRegexOption{
    .name = "regex",
    .letter = 'r',
    .value = "",
    .help = "ID is a regular expression: take all that match"};

/// Those of `ids` in which the extended regular expression (regex(7)) occurs, anywhere unless it is
/// anchored. Throws Error with the C library's words when it is none.
std::vector<std::string> matching(const std::vector<std::string>& ids, const std::string& pattern);

/// Calls `act` for the first word's container, or with --regex for all below `root` that match: one
/// that fails does not keep the others from their turn, is warned of, and makes an Error at the
/// end. One that is gone by its turn is fine.
void for_named_containers(const std::string& root, const cli::Parsed& options,
                          const std::function<void(const std::string& id)>& act);

}  // namespace commands
