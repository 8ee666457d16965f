// SPDX-License-Identifier: Apache-2.0
// What overlayfs reads in the xattrs of its layers. Pure.
#pragma once

/// On an opaque directory, with the value "y": for overlays that root mounts, and for those of user
/// namespaces ("userxattr").
inline constexpr const char* kOpaqueXattr = "trusted.overlay.opaque";
inline constexpr const char* kUserOpaqueXattr = "user.overlay.opaque";
