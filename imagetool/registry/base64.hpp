// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648) of stored logins and Basic authorization. Pure; toyimg only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace registry {

std::string base64_encode(std::string_view bytes);
/// nullopt when `text` is not base64; missing padding is forgiven.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace registry
