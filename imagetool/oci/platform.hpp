// SPDX-License-Identifier: Apache-2.0
// For which machine an image is made, and which of several images fits (containerd's normalisation
// and order). Pure, but for host_platform(), which asks the processor. toyimg only.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oci {

struct Platform {
  std::string architecture{};  // Go's words: "amd64", "arm64", "arm", "386"
  std::string os{};            // "linux"
  std::string os_version{};
  std::vector<std::string> os_features{};
  std::string variant{};  // "v7"; empty when there is none

  /// "linux/arm64/v8", "linux/amd64", "linux", or a lone architecture; aliases such as x86_64 and
  /// aarch64 are understood. Throws Error naming the text.
  static Platform parse(std::string_view text);
  /// "linux/arm/v7".
  std::string str() const;
  bool operator==(const Platform&) const = default;
};

/// The same platform in one spelling: x86_64 is amd64, arm64/v8 is arm64, arm is arm/v7, amd64/v1
/// is amd64.
Platform normalised(Platform platform);
/// linux on this processor; amd64 with its micro-architecture level (v2, v3, v4) as variant.
Platform host_platform();

/// How a choice was asked for: only a platform nobody named may fall to another architecture (amd64
/// to 386).
enum class Wish { kExplicit, kHost };
/// What runs on `wanted`, best first, itself included: arm/v7, arm/v6, arm/v5.
std::vector<Platform> fitting_platforms(const Platform& wanted, Wish wish);
/// True when an image made for `offered` satisfies `wanted` (os.features must be among those of
/// `wanted`).
bool fits(const Platform& offered, const Platform& wanted, Wish wish = Wish::kHost);

}  // namespace oci
