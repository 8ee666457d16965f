// SPDX-License-Identifier: Apache-2.0
// The options that all verbs have which speak to a registry. toyimg.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include "bundle-spec/cli/options.hpp"
#include "imagetool/registry/registry.hpp"

/// A verb's own options behind those of others.
template <std::size_t First, std::size_t Second>
constexpr std::array<cli::Option, First + Second> joined(
    const std::array<cli::Option, First>& first, const std::array<cli::Option, Second>& second) {
  std::array<cli::Option, First + Second> all{};
  std::copy(first.begin(), first.end(), all.begin());
  std::copy(second.begin(), second.end(), all.begin() + First);
  return all;
}

/// How a registry is spoken to.
inline constexpr auto kPlaceOptions = std::to_array<cli::Option>({
    {.name = "tls-verify",
     .value = "true|false",
     .help = "false: accept any certificate, or plain http",
     .value_optional = true},
    {.name = "cert-dir", .value = "DIR", .help = "certificates of the registry are in DIR"},
    {.name = "retry", .value = "N", .help = "repeat a request that fails N times (default: 5)"},
});
inline constexpr auto kRegistryOptions = joined(
    kPlaceOptions, std::to_array<cli::Option>({
                       {.name = "creds", .value = "USER:PASSWORD", .help = "log in with these"},
                       {.name = "authfile", .value = "FILE", .help = "look for logins here"},
                   }));

/// An option that is true alone and when it is not given. Throws UsageError.
bool read_switch(const cli::Parsed& options, const std::string& name);
/// What kPlaceOptions say, on top of the user's and the system's configuration. Throws UsageError.
registry::Options place_options(const cli::Parsed& options);
/// The same for kRegistryOptions.
registry::Options registry_options(const cli::Parsed& options);
