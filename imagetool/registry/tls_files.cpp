// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/tls_files.hpp"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace registry {
namespace {

std::optional<std::set<std::string>> names_in(const std::string& directory) {
  struct Close {
    void operator()(DIR* open) const { ::closedir(open); }
  };
  const std::unique_ptr<DIR, Close> open(::opendir(directory.c_str()));
  if (!open) return std::nullopt;
  std::set<std::string> names;
  while (const dirent* const entry = ::readdir(open.get())) names.insert(entry->d_name);
  return names;
}

constexpr std::string_view kCertificate = ".cert", kKey = ".key", kAuthority = ".crt";

bool has_any(const std::set<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name.ends_with(kCertificate) || name.ends_with(kKey) || name.ends_with(kAuthority);
  });
}

/// The other half of a pair is missing: no quiet way without the certificate
/// (containers-certs.d(5)).
void check_pair(const std::string& directory, const std::set<std::string>& names,
                const std::string& name, std::string_view ending, std::string_view other) {
  if (!name.ends_with(ending)) return;
  const std::string beside = sentence(name.substr(0, name.size() - ending.size()), other);
  if (!names.contains(beside))
    throw Error(sentence(directory, "/", name, ": ", beside, " beside it is missing"));
}

TlsFiles read_files(const std::string& directory, const std::set<std::string>& names) {
  TlsFiles files;
  for (const std::string& name : names) {
    const std::string path = directory + "/" + name;
    check_pair(directory, names, name, kCertificate, kKey);
    check_pair(directory, names, name, kKey, kCertificate);
    if (name.ends_with(kAuthority)) files.authorities += read_file(path) + "\n";
    if (!name.ends_with(kCertificate)) continue;
    files.certificate = path;
    files.key = sentence(path.substr(0, path.size() - kCertificate.size()), kKey);
  }
  if (!files.authorities.empty()) files.authorities += system_authorities();
  return files;
}

}  // namespace

std::string system_authorities() {
  const char* const named = ::getenv("SSL_CERT_FILE");
  return read_file_if_exists(named != nullptr ? named : "/etc/ssl/certs/ca-certificates.crt")
      .value_or("");
}

std::vector<std::string> certificate_directories(const std::string& host) {
  std::vector<std::string> directories;
  if (const char* const home = ::getenv("HOME"); home != nullptr)
    for (const char* const whose : {"containers", "containerd"})
      directories.push_back(sentence(home, "/.config/", whose, "/certs.d/", host));
  for (const char* const whose : {"containers", "containerd", "docker"})
    directories.push_back(sentence("/etc/", whose, "/certs.d/", host));
  return directories;
}

TlsFiles tls_files_in(const std::string& directory) {
  const auto names = names_in(directory);
  if (!names) throw Error(sentence("open ", directory), errno);
  return read_files(directory, *names);
}

// One with a hosts.toml alone must not hide the certificates of another.
TlsFiles tls_files_for(const std::string& host) {
  for (const std::string& directory : certificate_directories(host))
    if (const auto names = names_in(directory); names && has_any(*names))
      return read_files(directory, *names);
  return {};
}

}  // namespace registry
