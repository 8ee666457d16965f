// SPDX-License-Identifier: Apache-2.0
// The name of a layer entry as a path inside the root: cleaned of noise, split, and told apart from
// whiteouts. Pure.
#pragma once

#include <string>
#include <string_view>

/// The name without leading "/" and "./", double slashes, "." and inner ".." ("a/../b" is "b"); ""
/// is the root itself. Throws Error when it leads above the root (no honest tool writes that), or
/// is longer than Linux paths can be.
std::string clean_path(std::string_view name);

/// "usr/bin/sh" → "usr/bin" and "sh"; views into `path`.
struct SplitPath {
  std::string_view directory, base;
};
SplitPath split_path(std::string_view path);
/// "usr/bin" and "sh" → "usr/bin/sh"; either may be "", and is left out then.
std::string join_path(std::string_view directory, std::string_view name);

/// image-spec, layer "Whiteouts", and the AUFS names that came before it.
enum class Marker {
  kNone,      // an ordinary entry
  kWhiteout,  // ".wh.NAME" hides NAME of the layers below
  kOpaque,    // ".wh..wh..opq" hides all that the layers below have in this directory
  kAufs,      // ".wh..wh.plnk" and the like, anywhere in the path: no part of the image
};
/// Throws Error for ".wh.", ".wh..", ".wh..." and for a path that leads through a whiteout.
Marker marker_of(std::string_view path);
/// NAME of a kWhiteout's last component.
std::string_view whiteout_target(std::string_view base);
