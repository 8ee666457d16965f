// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/hosts_toml.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/registry/tls_files.hpp"
#include "imagetool/registry/toml.hpp"

namespace registry {
namespace {

using std::chrono::milliseconds;
using toml::Place;

constexpr std::string_view kHub = "docker.io";
constexpr std::string_view kHubApi = "registry-1.docker.io";

/// A path in the file is seen from its directory.
std::string path_from(const std::string& directory, const std::string& path) {
  return path.starts_with('/') ? path : sentence(directory, '/', path);
}

/// Go's durations, "1m30s" or "500ms". nullopt for anything else.
std::optional<milliseconds> duration_of(std::string_view text) {
  constexpr std::pair<std::string_view, long> kUnits[] = {
      {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
  milliseconds whole{0};
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    double number = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
    if (end.ec != std::errc() || number < 0 || number > 1e6) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end.ptr - text.data()));
    const auto unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                                   [&](const auto& one) { return text.starts_with(one.first); });
    if (unit == std::end(kUnits)) return std::nullopt;
    text.remove_prefix(unit->first.size());
    whole += milliseconds(static_cast<long>(number * static_cast<double>(unit->second)));
  }
  return whole;
}

void read_capabilities(const Place& place, HostAccess& access) {
  if (!place.has("capabilities")) return;
  access.may_pull = access.may_resolve = access.may_push = false;
  for (const std::string& one : place.strings("capabilities")) {
    if (one == "pull")
      access.may_pull = true;
    else if (one == "resolve")
      access.may_resolve = true;
    else if (one == "push")
      access.may_push = true;
    else
      place.refuse(place.line_of("capabilities"),
                   sentence("the capability ", printable(one), " is none of pull, resolve, push"));
  }
}

/// "file", ["file", …] or [["certificate", "key"], …]; curl shows one, which is the first.
void read_client(const Place& place, const std::string& directory, HostAccess& access) {
  const toml::Value* const client = place.value("client");
  if (client == nullptr) return;
  const auto* const array = std::get_if<std::vector<toml::Value>>(&client->content);
  const auto* const pair = array == nullptr || array->empty()
                               ? nullptr
                               : std::get_if<std::vector<toml::Value>>(&array->front().content);
  if (pair == nullptr) {
    const std::vector<std::string> files = place.string_or_strings("client");
    if (files.empty()) return;
    access.tls.certificate = access.tls.key = path_from(directory, files.front());
    return;
  }
  const auto* const certificate =
      pair->size() == 2 ? std::get_if<std::string>(&(*pair)[0].content) : nullptr;
  const auto* const key =
      pair->size() == 2 ? std::get_if<std::string>(&(*pair)[1].content) : nullptr;
  if (certificate == nullptr || key == nullptr)
    place.refuse(client->line, "client is not a file nor a list of [certificate, key]");
  access.tls.certificate = path_from(directory, *certificate);
  access.tls.key = path_from(directory, *key);
}

void read_tls(const Place& place, const std::string& directory, HostAccess& access) {
  access.skip_verify = place.boolean("skip_verify");
  access.has_own_tls = place.has("ca") || place.has("client");
  for (const std::string& file : place.string_or_strings("ca"))
    access.tls.authorities += read_file(path_from(directory, file)) + "\n";
  if (!access.tls.authorities.empty()) access.tls.authorities += system_authorities();
  read_client(place, directory, access);
}

bool is_header(std::string_view name, std::string_view value) {
  const auto plain = [](char letter) { return letter > ' ' && letter <= '~' && letter != ':'; };
  return !name.empty() && std::all_of(name.begin(), name.end(), plain) &&
         std::none_of(value.begin(), value.end(),
                      [](char letter) { return letter >= 0 && letter < ' ' && letter != '\t'; });
}

void read_headers(const toml::Table& table, const std::string& file, HostAccess& access) {
  const auto found = table.tables.find("header");
  if (found == table.tables.end()) return;
  const Place headers(found->second, file);
  for (const auto& [name, value] : found->second.values)
    for (const std::string& one : headers.string_or_strings(name)) {
      if (!is_header(name, one))
        headers.refuse(value.line, sentence(printable(name), " is not a header"));
      access.headers.push_back(sentence(name, ": ", one));
    }
}

/// "https://host:port/path": the API is below /v2 there, unless override_path says that it is
/// there.
void read_address(const std::string& address, const Place& place, int line, HostAccess& access) {
  const std::string whole =
      address.find("://") == std::string::npos ? sentence("https://", address) : address;
  const std::optional<Url> url = Url::parse(whole);
  if (!url || whole.find_first_of("?#") != std::string::npos)
    place.refuse(line, sentence("\"", printable(address), "\" is not the address of a host"));
  access.root = whole;
  while (access.root.ends_with('/')) access.root.pop_back();
  const std::size_t authority = access.root.find("://") + 3;
  const std::size_t path = std::min(access.root.find('/', authority), access.root.size());
  const bool is_whole = place.boolean("override_path") || access.root.ends_with("/v2");
  access.host = access.root.substr(authority, path - authority);
  if (access.host == kHubApi) access.host = kHub;
  if (!is_whole) access.root += "/v2";
}

HostAccess read_host(const toml::Table& table, const std::string& file,
                     const std::string& directory) {
  const Place place(table, file);
  HostAccess access;
  read_capabilities(place, access);
  read_tls(place, directory, access);
  read_headers(table, file, access);
  if (const std::string timeout = place.string("dial_timeout"); !timeout.empty()) {
    const auto length = duration_of(timeout);
    if (!length)
      place.refuse(place.line_of("dial_timeout"),
                   sentence("dial_timeout \"", printable(timeout), "\" is not a time such as 10s"));
    access.connect_timeout = *length;
  }
  return access;
}

/// The [host] tables as they come in the file: the library sorts them by name.
std::vector<std::pair<std::string, const toml::Table*>> hosts_in_order(const toml::Table& root) {
  std::vector<std::pair<std::string, const toml::Table*>> hosts;
  if (const auto found = root.tables.find("host"); found != root.tables.end())
    for (const auto& [name, table] : found->second.tables) hosts.emplace_back(name, &table);
  std::stable_sort(hosts.begin(), hosts.end(), [](const auto& one, const auto& other) {
    return one.second->line < other.second->line;
  });
  return hosts;
}

}  // namespace

std::vector<HostAccess> parse_hosts(std::string_view text, const std::string& directory,
                                    const std::string& name) {
  const std::string file = directory + "/hosts.toml";
  const toml::Table root = toml::parse(text, file);
  const Place place(root, file);
  std::vector<HostAccess> hosts;
  for (const auto& [address, table] : hosts_in_order(root)) {
    hosts.push_back(read_host(*table, file, directory));
    read_address(address, Place(*table, file), table->line, hosts.back());
  }
  hosts.push_back(read_host(root, file, directory));
  HostAccess& server = hosts.back();
  const std::string address = place.string("server");
  if (!address.empty())
    read_address(address, place, place.line_of("server"), server);
  else
    server.host = name;
  for (HostAccess& access : hosts)
    if (access.host != name) access.name_space = name;
  return hosts;
}

std::vector<HostAccess> hosts_of(const std::string& name) {
  std::vector<std::string> names{name};
  if (const std::size_t colon = name.rfind(':'); colon != std::string::npos && !name.ends_with(']'))
    names.push_back(sentence(name.substr(0, colon), '_', name.substr(colon + 1), '_'));
  names.emplace_back("_default");
  for (const std::string& one : names)
    for (const std::string& directory : certificate_directories(one))
      if (const auto text = read_file_if_exists(directory + "/hosts.toml"))
        return parse_hosts(*text, directory, name);
  return {};
}

}  // namespace registry
