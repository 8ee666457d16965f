// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/definition_files.hpp"

#include <dirent.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace network {
namespace {

constexpr const char* kDirectory = "/var/lib/toyrun/networks";
constexpr std::string_view kSuffix = ".json";

std::string path_of(const std::string& name) { return sentence(kDirectory, "/", name, kSuffix); }

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

plan::Subnet read_subnet(const nlohmann::json& json) {
  const auto prefix = plan::parse_prefix(json.at("subnet").get<std::string>());
  const auto gateway = plan::parse_address(json.at("gateway").get<std::string>());
  if (!prefix || !gateway) throw Error("a subnet or gateway is no address");
  return {.prefix = *prefix, .gateway = *gateway};
}

plan::Network read_definition(const std::string& text, const std::string& path) {
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    plan::Network network{.name = json.at("name").get<std::string>(),
                          .bridge = json.at("bridge").get<std::string>(),
                          .subnets = {},
                          .is_internal = json.at("internal").get<bool>(),
                          .mtu = json.at("mtu").get<std::uint32_t>()};
    for (const nlohmann::json& one : json.at("subnets"))
      network.subnets.push_back(read_subnet(one));
    if (network.subnets.empty()) throw Error("it has no subnet");
    return network;
  } catch (const std::exception& error) {
    throw Error(sentence(path, ": is no network of toyrun (", error.what(),
                         "); remove the file and create the network again"));
  }
}

}  // namespace

plan::Network built_in_network() {
  return {.name = std::string(plan::kDefaultNetwork),
          .bridge = "toy0",
          .subnets = {{.prefix = *plan::parse_prefix("10.200.0.0/24"),
                       .gateway = *plan::parse_address("10.200.0.1")}}};
}

std::optional<plan::Network> find_definition(const std::string& name) {
  const std::string path = path_of(name);
  if (const std::optional<std::string> text = read_file_if_exists(path))
    return read_definition(*text, path);
  if (name == plan::kDefaultNetwork) return built_in_network();
  return std::nullopt;
}

std::vector<plan::Network> definitions() {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(kDirectory));
  if (directory == nullptr && errno != ENOENT) check(-1, "open ", kDirectory);
  while (const dirent* entry = directory == nullptr ? nullptr : ::readdir(directory.get())) {
    std::string_view file = entry->d_name;
    if (!file.ends_with(kSuffix) || file.starts_with('.')) continue;
    file.remove_suffix(kSuffix.size());
    if (file != plan::kDefaultNetwork) names.emplace_back(file);
  }
  std::ranges::sort(names);
  std::vector<plan::Network> all = {*find_definition(std::string(plan::kDefaultNetwork))};
  for (const std::string& name : names)
    if (std::optional<plan::Network> one = find_definition(name)) all.push_back(std::move(*one));
  return all;
}

void write_definition(const plan::Network& network) {
  nlohmann::ordered_json json{{"name", network.name},
                              {"bridge", network.bridge},
                              {"internal", network.is_internal},
                              {"mtu", network.mtu}};
  for (const plan::Subnet& one : network.subnets)
    json["subnets"].push_back({{"subnet", to_text(one.prefix)}, {"gateway", to_text(one.gateway)}});
  make_directories(kDirectory, 0755);
  replace_file(path_of(network.name), json.dump(2) + "\n", 0644, Durability::kSynced);
}

void remove_definition(const std::string& name) {
  const std::string path = path_of(name);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) check(-1, "remove ", path);
}

}  // namespace network
