// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/sync_list.hpp"

#include <yaml-cpp/yaml.h>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/printable.hpp"

namespace {

std::string text_of(const YAML::Node& node, const std::string& what) {
  if (!node.IsScalar()) throw Error(sentence(what, ": must be a text"));
  return node.as<std::string>();
}

ImageReference repository_of(const std::string& registry, const std::string& name) {
  const ImageReference image = ImageReference::parse_exact(sentence(registry, '/', name));
  if (image.tag || image.digest)
    throw Error(sentence(registry, ": images: ", name, ": tags go into the list behind it"));
  return image;
}

void add_images(const std::string& registry, const YAML::Node& images, const SyncItem& common,
                std::vector<SyncItem>& items) {
  for (const auto& pair : images) {
    SyncItem item = common;
    item.image = repository_of(registry, text_of(pair.first, registry + ": images"));
    const YAML::Node& tags = pair.second;
    if (tags.IsNull() || (tags.IsSequence() && tags.size() == 0)) {
      items.push_back(item);
      continue;
    }
    if (!tags.IsSequence())
      throw Error(sentence(registry, ": images: ", item.image.repository, ": must be a list"));
    for (const YAML::Node& tag : tags) {
      const std::string word = text_of(tag, registry + ": images");
      const char separator = word.find(':') == std::string::npos ? ':' : '@';
      SyncItem one = item;
      one.image = ImageReference::parse_exact(sentence(item.image.canonical(), separator, word));
      items.push_back(std::move(one));
    }
  }
}

void add_by_regex(const std::string& registry, const YAML::Node& images, const SyncItem& common,
                  std::vector<SyncItem>& items) {
  for (const auto& pair : images) {
    SyncItem item = common;
    item.image = repository_of(registry, text_of(pair.first, registry + ": images-by-tag-regex"));
    item.regex = text_of(pair.second, registry + ": images-by-tag-regex");
    items.push_back(std::move(item));
  }
}

void add_registry(const std::string& registry, const YAML::Node& members,
                  std::vector<SyncItem>& items) {
  SyncItem common;
  if (!members.IsMap()) throw Error(sentence(registry, ": must have images"));
  if (const YAML::Node verify = members["tls-verify"]) common.tls_verify = verify.as<bool>();
  if (const YAML::Node login = members["credentials"])
    common.creds = sentence(text_of(login["username"], registry + ": credentials: username"), ':',
                            text_of(login["password"], registry + ": credentials: password"));
  for (const auto& pair : members) {
    const std::string key = text_of(pair.first, registry);
    if (key == "images")
      add_images(registry, pair.second, common, items);
    else if (key == "images-by-tag-regex")
      add_by_regex(registry, pair.second, common, items);
    else if (key != "tls-verify" && key != "credentials")
      throw Error(sentence(registry, ": ", printable(key), " is not supported"));
  }
}

}  // namespace

std::vector<SyncItem> read_sync_lines(const std::string& text) {
  std::vector<SyncItem> items;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    line = line.substr(0, line.find('#'));
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string::npos) continue;
    line = line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
    try {
      if (line.starts_with("docker://")) line = line.substr(9);
      items.push_back({.image = ImageReference::parse_exact(line)});
    } catch (Error& error) {
      error.add_context("line ", number);
      throw;
    }
  }
  return items;
}

std::vector<SyncItem> read_sync_yaml(const std::string& text) try {
  std::vector<SyncItem> items;
  const YAML::Node document = YAML::Load(text);
  if (!document.IsMap()) throw Error("must be a map of registries");
  for (const auto& pair : document)
    add_registry(text_of(pair.first, "a registry"), pair.second, items);
  return items;
} catch (const YAML::Exception& error) {
  throw Error(sentence("is not understood: ", printable(error.what())));
}
