// SPDX-License-Identifier: Apache-2.0
// The proxies that the environment names, as libcurl understands them and, where it does not, Go.
// toyimg only.
#pragma once

#include <string>
#include <string_view>

namespace registry {

/// What is to be asked for `scheme` ("http", "https"): a URL or HOST:PORT; "" for none.
std::string proxy_for(std::string_view scheme);
/// What CURLOPT_NOPROXY shall be for a request to this port: NO_PROXY without what is for other
/// ports.
std::string proxy_exceptions_for(std::string_view port);
/// Whether a connection that was made to `address`, `port` may be one to this proxy. Where the
/// proxy has a name, its port decides.
bool may_be_proxy(const std::string& proxy, std::string_view address, int port);

}  // namespace registry
