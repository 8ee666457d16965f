// SPDX-License-Identifier: Apache-2.0
// Who an image's "User" is, by the passwd and group files inside its own root filesystem. Hostile
// input: files are opened inside the root, regular ones only, with caps on file and line; numbers
// are never names. toyimg.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/fs/rooted_dir.hpp"

struct ImageUser {
  std::uint32_t uid = 0, gid = 0;
  std::vector<std::uint32_t> additional_gids;
  std::string home;  // from passwd, "/" without an entry
  bool operator==(const ImageUser&) const = default;
};

/// `user` is the image config's: "", "name", "uid", each with ":group" or ":gid". Throws Error
/// naming it: unknown name, number above 2147483647 (CVE-2024-40635).
ImageUser resolve_user(const RootedDir& root, std::string_view user);
/// The same on the texts of the two files; pure.
ImageUser resolve_user(std::string_view passwd, std::string_view group, std::string_view user);
