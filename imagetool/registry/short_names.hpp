// SPDX-License-Identifier: Apache-2.0
// What the user means by the name of an image: names with a registry are what they say; a short one
// ("app", "team/app") is Docker Hub's, as Docker has it, unless registries.conf has an alias for it
// or names registries to search (containers-registries.conf(5), "Short-Name Aliasing"). toyimg
// only. Names in archives and documents are not the user's: ImageReference reads them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "imagetool/image_reference.hpp"
#include "imagetool/registry/registries_conf.hpp"

namespace registry {

/// The name of something new, or of something at a place that is not searched for: an alias, else
/// as ImageReference::parse() has it, or parse_exact(). Throws Error.
ImageReference image_named(std::string_view text);
ImageReference image_named_exactly(std::string_view text);

/// skopeo and podman write it before the name of an image at a registry, which is whole then.
inline constexpr std::string_view kDockerTransport = "docker://";

/// What a name may mean where images are fetched.
struct Meaning {
  std::vector<ImageReference> images{};  // in the order to ask for them; never empty
  std::string why{};                     // "an alias of …"; "" when the name says it itself
};
/// Throws Error when the name is none, or means several that short-name-mode "enforcing" wants told
/// apart: toyimg never asks back.
Meaning images_to_fetch(const RegistriesConf& conf, std::string_view text);
/// The one image that is meant, nothing added, for verbs that ask one registry about it. Throws
/// Error when there may be several.
ImageReference image_to_ask(std::string_view text);
/// What the store may have it as, in the order to look: an alias alone, else Docker Hub's name,
/// which is what `build -t NAME` and the like give, then what is searched.
std::vector<std::string> names_in_store(std::string_view text);

}  // namespace registry
