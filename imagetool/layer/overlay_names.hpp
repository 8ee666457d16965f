// SPDX-License-Identifier: Apache-2.0
// What is noted in the xattrs of layers, for overlayfs and for us. Pure.
#pragma once

/// On an opaque directory, with the value "y": for overlays that root mounts, and for those of user
/// namespaces ("userxattr").
inline constexpr const char* kOpaqueXattr = "trusted.overlay.opaque";
inline constexpr const char* kUserOpaqueXattr = "user.overlay.opaque";

/// Owners that who made the file could not give it (rootlesscontainers.proto).
inline constexpr const char* kOwnersXattr = "user.rootlesscontainers";
