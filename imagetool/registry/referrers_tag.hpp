// SPDX-License-Identifier: Apache-2.0
// The list of what refers to a manifest, kept under a tag where the registry has no referrers API
// (distribution-spec, "Referrers Tag Schema"). toyimg only.
#pragma once

#include <string>
#include <string_view>

#include "imagetool/oci/digest.hpp"
#include "imagetool/registry/endpoint.hpp"

namespace registry {

/// "sha256-<64 hex>".
std::string referrers_tag(const Digest& digest);
/// Adds the manifest `body` to the list of its subject, if it has one and is not in there. Throws
/// Error.
void add_to_referrers_tag(Endpoint& endpoint, std::string_view body, const std::string& digest);

}  // namespace registry
