// SPDX-License-Identifier: Apache-2.0
// Docker's default seccomp profile, rendered for Docker's default capabilities. Pure; toyimg.
#pragma once

#include <string_view>

#include "bundle-spec/oci/runtime_config.hpp"

/// The profile for an image of this architecture (Go's word: "amd64", "arm64" …): EPERM for what is
/// not allowed.
oci::Seccomp default_seccomp(std::string_view architecture);
