// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/short_names.hpp"

#include <algorithm>
#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/printable.hpp"

namespace registry {
namespace {

/// In front of `text`, if it is short, each registry that is searched; `text` itself when none is.
std::vector<std::string> searched(const RegistriesConf& conf, std::string_view text) {
  if (ImageReference::names_registry(text) || conf.unqualified_search_registries.empty())
    return {std::string(text)};
  std::vector<std::string> names;
  for (const std::string& host : conf.unqualified_search_registries)
    if (std::string name = sentence(host, "/", text);
        std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(std::move(name));
  return names;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

[[noreturn]] void refuse_ambiguous(std::string_view text, const std::vector<std::string>& names) {
  throw Error(sentence("the short name ", printable(text),
                       " may mean several images; give the one you want: ", joined(names)));
}

}  // namespace

ImageReference image_named_exactly(std::string_view text) {
  ImageReference plain = ImageReference::parse_exact(text);
  if (ImageReference::names_registry(text)) return plain;
  return ImageReference::parse_exact(RegistriesConf::from_environment().without_alias(text));
}

ImageReference image_named(std::string_view text) {
  return ImageReference::parse(image_named_exactly(text).canonical());
}

Meaning images_to_fetch(const RegistriesConf& conf, std::string_view text) {
  if (text.starts_with(kDockerTransport))
    return {.images = {ImageReference::parse(text.substr(kDockerTransport.size()))}};
  const ImageReference plain = ImageReference::parse(text);  // what is no name says so itself
  if (ImageReference::names_registry(text)) return {.images = {plain}};
  if (const std::string name = conf.without_alias(text); name != text)
    return {.images = {ImageReference::parse(name)}, .why = "an alias of registries.conf"};
  const std::vector<std::string> names = searched(conf, text);
  if (names.size() > 1 && conf.short_names == ShortNames::kEnforcing) refuse_ambiguous(text, names);
  Meaning meaning;
  for (const std::string& name : names) meaning.images.push_back(ImageReference::parse(name));
  if (!conf.unqualified_search_registries.empty())
    meaning.why = sentence("short, and registries.conf has it searched in ",
                           joined(conf.unqualified_search_registries));
  return meaning;
}

ImageReference image_to_ask(std::string_view text) {
  if (text.starts_with(kDockerTransport))
    return ImageReference::parse_exact(text.substr(kDockerTransport.size()));
  ImageReference plain = ImageReference::parse_exact(text);
  if (ImageReference::names_registry(text)) return plain;
  const RegistriesConf conf = RegistriesConf::from_environment();
  if (const std::string name = conf.without_alias(text); name != text)
    return ImageReference::parse_exact(name);
  const std::vector<std::string> names = searched(conf, text);
  if (names.size() > 1) refuse_ambiguous(text, names);
  return ImageReference::parse_exact(names.front());
}

std::vector<std::string> names_in_store(std::string_view text) {
  const std::string plain = ImageReference::parse(text).canonical();
  if (ImageReference::names_registry(text)) return {plain};
  const RegistriesConf conf = RegistriesConf::from_environment();
  if (const std::string name = conf.without_alias(text); name != text)
    return {ImageReference::parse(name).canonical()};
  std::vector<std::string> names{plain};
  for (const std::string& name : searched(conf, text))
    names.push_back(ImageReference::parse(name).canonical());
  return names;
}

}  // namespace registry
