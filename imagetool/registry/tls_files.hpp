// SPDX-License-Identifier: Apache-2.0
// containers-certs.d(5): the authorities and client certificates kept for one registry. toyimg
// only.
#pragma once

#include <string>

#include "imagetool/registry/http.hpp"

namespace registry {

/// What certs.d/HOST holds below the user's, the containers' and docker's directory, the first that
/// exists: *.crt are authorities beside the system's, *.cert with its *.key the client's. Throws
/// Error for a .cert without .key.
TlsFiles tls_files_for(const std::string& host);
/// The same of one directory. Throws Error also when it cannot be read.
TlsFiles tls_files_in(const std::string& directory);

}  // namespace registry
