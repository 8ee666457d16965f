// SPDX-License-Identifier: Apache-2.0
// The host's user names, for people to read. Host side.
#pragma once

#include <sys/types.h>

#include <string>

namespace commands {

/// The login name of `uid` in the host's /etc/passwd, or the number. Read by hand: NSS would load
/// libraries.
std::string user_name(uid_t uid);

}  // namespace commands
