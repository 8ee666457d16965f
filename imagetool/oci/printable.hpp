// SPDX-License-Identifier: Apache-2.0
// Text from strangers made fit for a terminal: image names, server messages, media types. toyimg
// only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// `text` with control characters, invalid UTF-8 and bidirectional overrides shown as '?', cut
/// after `limit` bytes ("…").
std::string printable(std::string_view text, std::size_t limit = 256);
