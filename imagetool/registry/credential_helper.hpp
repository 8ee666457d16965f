// SPDX-License-Identifier: Apache-2.0
// docker-credential-NAME programs, which keep logins: a registry's key on stdin, the login as JSON
// on stdout. toyimg
// only; the program is killed when it takes too long, and what it prints is capped.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "imagetool/registry/credentials.hpp"

namespace registry {

/// Runs `docker-credential-NAME get` for `server`. nullopt when it has no login for it. Throws
/// NotFound when there is no such program, Error when it fails, prints nonsense or takes longer
/// than `timeout`.
std::optional<Login> ask_helper(const std::string& name, const std::string& server,
                                std::chrono::seconds timeout = std::chrono::seconds(60));

/// Gives it the login for `server` to keep, or has it forget the one it has. Throws like
/// ask_helper(); what it never had is forgotten without an Error.
void store_in_helper(const std::string& name, const std::string& server, const Login& login,
                     std::chrono::seconds timeout = std::chrono::seconds(60));
void erase_in_helper(const std::string& name, const std::string& server,
                     std::chrono::seconds timeout = std::chrono::seconds(60));

}  // namespace registry
