// SPDX-License-Identifier: Apache-2.0
// A stream of bytes to read, whoever makes them: a blob on disk, one that is still being
// downloaded, a test's string.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

/// Writes at least one byte to the front of the buffer and returns how many; 0 means the end.
/// Throws on failure.
using ByteSource = std::function<std::size_t(std::span<std::byte> buffer)>;
