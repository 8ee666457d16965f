// SPDX-License-Identifier: Apache-2.0
// containers-certs.d(5): the authorities and client certificates kept for one registry. toyimg
// only.
#pragma once

#include <string>
#include <vector>

#include "imagetool/registry/http.hpp"

namespace registry {

/// certs.d/HOST below the user's, the containers', containerd's and docker's directory.
std::vector<std::string> certificate_directories(const std::string& host);
/// The PEM text of what this machine trusts: SSL_CERT_FILE, or what Debian keeps; "" for none.
std::string system_authorities();

/// What certs.d/HOST holds, in the first of certificate_directories() that
/// exists: *.crt are authorities beside the system's, *.cert with its *.key the client's. Throws
/// Error for a .cert without .key.
TlsFiles tls_files_for(const std::string& host);
/// The same of one directory. Throws Error also when it cannot be read.
TlsFiles tls_files_in(const std::string& directory);

}  // namespace registry
