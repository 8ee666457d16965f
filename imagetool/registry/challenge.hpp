// SPDX-License-Identifier: Apache-2.0
// WWW-Authenticate headers (RFC 9110, section 11.6.1) taken apart. Pure; toyimg only.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace registry {

struct Challenge {
  std::string scheme;                               // lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters{};  // names in lower case

  /// The parameter, or "".
  std::string parameter(const std::string& name) const;
};

/// All challenges of all headers, in order. What cannot be read is passed over.
std::vector<Challenge> parse_challenges(std::span<const std::string> headers);

}  // namespace registry
