// SPDX-License-Identifier: Apache-2.0
// The proxies that the environment names. libcurl applies NO_PROXY. toyimg only.
#pragma once

#include <string>
#include <string_view>

namespace registry {

/// What is to be asked for `scheme` ("http", "https"): a URL or HOST:PORT; "" for none.
std::string proxy_for(std::string_view scheme);
/// Whether a connection that was made to `address`, `port` may be one to this proxy. Where the
/// proxy has a name, its port decides.
bool may_be_proxy(const std::string& proxy, std::string_view address, int port);

}  // namespace registry
