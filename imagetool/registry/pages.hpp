// SPDX-License-Identifier: Apache-2.0
// Lists that come page by page (distribution-spec, "Listing Tags"). toyimg only.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "imagetool/registry/endpoint.hpp"

namespace registry {

/// GETs `path` and what its Link headers call the next page, as long as there is one, and hands
/// each 200 to `take`. Returns the first page's response when that is something else. Throws Error
/// when a page is refused, too large, or leads to another host or in a circle.
HttpResponse for_each_page(Endpoint& endpoint, const std::string& path,
                           const std::vector<std::string>& headers,
                           const std::function<void(const HttpResponse&)>& take);

/// The target of a Link header with rel="next" (RFC 8288); "" for none.
std::string next_link(const HttpHead& head);

}  // namespace registry
