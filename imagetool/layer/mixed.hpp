// SPDX-License-Identifier: Apache-2.0
// For hash tables whose keys an image chooses: every bit of the key moves every bit of the result.
// Pure.
#pragma once

#include <cstdint>

/// splitmix64's finaliser.
inline std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
  value = (value ^ value >> 27) * 0x94d049bb133111eb;
  return value ^ value >> 31;
}
