// SPDX-License-Identifier: Apache-2.0
// Paths as text: cleaning and comparing, without asking any file system. Pure.
#pragma once

#include <string>
#include <string_view>

namespace plan {

/// Lexically clean and absolute: "a//b/../c/" → "/a/c"; ".." at the top stays at the top. "" → "/".
std::string clean_path(std::string_view path);
/// True if `path` is `directory` or lies below it. Both clean.
bool is_at_or_below(std::string_view path, std::string_view directory);
/// What `path`, at or below `from`, is once `from` is `to`: clean paths all.
std::string moved(std::string_view path, std::string_view from, std::string_view to);
/// `base` and `path` with one slash between them; an absolute `path` is returned as it is, "./" in
/// front is dropped.
std::string join_path(std::string_view base, std::string_view path);
/// The last component: "/sys/fs/cgroup/memory" → "memory".
std::string_view last_component(std::string_view path);
/// Throws Error naming `pointer` if the text holds a NUL byte, which would end it early in a system
/// call.
void refuse_nul(std::string_view text, std::string_view pointer);

}  // namespace plan
