// SPDX-License-Identifier: Apache-2.0
// RUN --mount=…: a list of key=value, checked. Nothing but these keys gets through to the runtime's
// mounts (CVE-2024-9407). Pure; toyimg.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace build {

struct MountFlag {
  enum class Type { kBind, kCache, kTmpfs, kSecret, kSsh };
  enum class Sharing { kShared, kPrivate, kLocked };
  Type type = Type::kBind;
  std::string target{};  // as written; relative to the working directory
  std::string source{};  // bind, cache
  std::string from{};
  std::string id{};
  std::string environment{};  // secret: the variable's name
  Sharing sharing = Sharing::kShared;
  bool readonly = false;
  bool required = false;
  std::optional<std::uint32_t> mode{}, uid{}, gid{};
  std::uint64_t size = 0;  // tmpfs: bytes; 0 for no limit
};

/// Throws Error saying what is wrong, with a suggestion for a mistyped key.
MountFlag parse_mount(std::string_view text);
std::string_view name_of(MountFlag::Type type);

}  // namespace build
