// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/image_reference.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/registry/base64.hpp"
#include "imagetool/registry/credential_helper.hpp"
#include "imagetool/registry/credentials.hpp"
#include "imagetool/registry/registries_conf.hpp"
#include "imagetool/registry/url.hpp"

namespace registry {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kHub = "docker.io";
constexpr const char* kHubKey = "https://index.docker.io/v1/";

/// docker's own file and docker's programs know Docker Hub by its old address.
std::string name_for(const std::string& key, bool is_dockers) {
  return key == kHub && is_dockers ? kHubKey : key;
}

/// The file as it is, under a lock of its directory until it has been replaced.
class LoginsFile {
 public:
  explicit LoginsFile(const std::string& path) : path_(path) {
    const std::size_t slash = path.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    make_directories(directory, 0700);
    lock_ = open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
    while (::flock(lock_.get(), LOCK_EX) != 0)
      if (errno != EINTR) check(-1, "lock ", directory);
    // A link to where someone keeps his dot files stays one.
    const std::optional<std::string> text = read_file_if_exists(path);
    if (!text) return;
    path_ = real_path(path);
    if (text->find_first_not_of(" \t\r\n") == std::string::npos) return;
    document_ = Json::parse(*text, nullptr, false);
    if (!document_.is_object()) throw Error(sentence(path, " is damaged: it is not a JSON object"));
    for (const char* const member : {"auths", "credHelpers"})
      if (document_.contains(member) && !document_[member].is_object())
        throw Error(sentence(path, " /", member, ": is not an object"));
  }

  bool is_dockers() const { return path_.ends_with("/config.json"); }
  /// The program that keeps the logins of this host, "" for none: credHelpers goes before
  /// credsStore.
  std::string helper_for(const std::string& key) const {
    const std::string host = key.substr(0, key.find('/'));
    if (const auto all = document_.find("credHelpers"); all != document_.end())
      for (const std::string& name : {host, name_for(host, true)})
        if (const auto one = all->find(name); one != all->end() && one->is_string())
          return one->get<std::string>();
    const auto store = document_.find("credsStore");
    return store != document_.end() && store->is_string() ? store->get<std::string>() : "";
  }
  void set(const std::string& key, Json entry) { document_["auths"][key] = std::move(entry); }
  bool erase(const std::string& key) {
    const auto auths = document_.find("auths");
    return auths != document_.end() && auths->erase(key) > 0;
  }
  void write() const {
    replace_file(path_, document_.dump(2, ' ', false, Json::error_handler_t::replace) + "\n", 0600,
                 Durability::kSynced);
  }

 private:
  std::string path_;
  UniqueFd lock_;
  Json document_ = Json::object();
};

const std::string& file_of(const CredentialSources& sources) {
  if (sources.files.empty()) throw Error("there is no file for logins: give --authfile");
  return sources.files.front();
}

}  // namespace

std::string login_key(std::string_view words) {
  std::string_view text = words;
  for (const std::string_view scheme : {"https://", "http://"})
    if (text.starts_with(scheme)) text.remove_prefix(scheme.size());
  while (text.ends_with('/')) text.remove_suffix(1);
  const std::string_view host = text.substr(0, text.find('/'));
  if (host == "index.docker.io" || host == "registry-1.docker.io") return kHub;
  const std::string path = host.size() == text.size() ? "/x" : "";
  try {
    const ImageReference meant = ImageReference::parse_exact(sentence(text, path));
    const bool is_plain = !meant.tag && !meant.digest && meant.registry == host;
    if (is_plain && Url::parse(sentence("https://", host, "/"))) return std::string(text);
  } catch (const Error&) {
    // Said below.
  }
  throw UsageError(
      sentence("\"", printable(words), "\" is not a registry such as localhost:5000 or docker.io"));
}

std::string save_login(const CredentialSources& sources, const std::string& key,
                       const Login& login) {
  if (!sources.helpers.empty() && sources.helpers.front() != RegistriesConf::kAuthFiles) {
    store_in_helper(sources.helpers.front(), name_for(key, true), login);
    return "docker-credential-" + sources.helpers.front();
  }
  LoginsFile file(file_of(sources));
  const std::string helper = file.helper_for(key);
  if (!helper.empty()) {
    store_in_helper(helper, name_for(key, true), login);
    return "docker-credential-" + helper;
  }
  Json entry{{"auth", base64_encode(sentence(login.username, ":", login.password))}};
  if (!login.identity_token.empty()) entry["identitytoken"] = login.identity_token;
  file.set(name_for(key, file.is_dockers()), std::move(entry));
  file.write();
  return file_of(sources);
}

bool forget_login(const CredentialSources& sources, const std::string& key) {
  bool found = false;
  for (const std::string& helper : sources.helpers)
    if (helper != RegistriesConf::kAuthFiles && ask_helper(helper, name_for(key, true))) {
      erase_in_helper(helper, name_for(key, true));
      found = true;
    }
  LoginsFile file(file_of(sources));
  const std::string helper = file.helper_for(key);
  if (!helper.empty() && ask_helper(helper, name_for(key, true))) {
    erase_in_helper(helper, name_for(key, true));
    found = true;
  }
  const bool in_file = file.erase(key) || (key == kHub && file.erase(kHubKey));
  if (in_file) file.write();
  return found || in_file;
}

}  // namespace registry
