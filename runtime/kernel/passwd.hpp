// SPDX-License-Identifier: Apache-2.0
// passwd(5) by hand: the container's file is hostile input, and NSS would load the container's
// libraries. Any process.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace kernel {

/// The home directory of the first entry with this uid; nullopt when there is none or it names no
/// directory.
std::optional<std::string> home_in_passwd(std::string_view text, uid_t uid);

}  // namespace kernel
