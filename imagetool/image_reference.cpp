// SPDX-License-Identifier: Apache-2.0
#include "imagetool/image_reference.hpp"

#include <algorithm>
#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/oci/printable.hpp"

namespace {

constexpr std::string_view kHub = "docker.io";
constexpr std::string_view kHubIndex = "index.docker.io";
constexpr std::string_view kOfficial = "library/";
constexpr std::size_t kLongestName = 255;
constexpr std::size_t kLongestTag = 128;
constexpr std::size_t kIdentifierLength = 64;

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }
bool is_lower(char letter) { return letter >= 'a' && letter <= 'z'; }
bool is_upper(char letter) { return letter >= 'A' && letter <= 'Z'; }
bool is_letter_or_digit(char letter) {
  return is_digit(letter) || is_lower(letter) || is_upper(letter);
}
bool is_lower_or_digit(char letter) { return is_digit(letter) || is_lower(letter); }
bool is_hex(char letter) { return is_digit(letter) || (letter >= 'a' && letter <= 'f'); }
bool is_any_hex(char letter) { return is_hex(letter) || (letter >= 'A' && letter <= 'F'); }

bool has_upper(std::string_view text) { return std::any_of(text.begin(), text.end(), is_upper); }

bool is_identifier(std::string_view text) {
  return text.size() == kIdentifierLength && std::all_of(text.begin(), text.end(), is_hex);
}

/// Calls `accepts` for each part of `text` between `separator`s; false as soon as one is refused.
template <typename Accepts>
bool every_part(std::string_view text, char separator, Accepts accepts) {
  while (true) {
    const std::size_t end = text.find(separator);
    if (!accepts(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

bool is_host_label(std::string_view label) {
  return !label.empty() && is_letter_or_digit(label.front()) && is_letter_or_digit(label.back()) &&
         std::all_of(label.begin(), label.end(),
                     [](char letter) { return is_letter_or_digit(letter) || letter == '-'; });
}

bool is_host(std::string_view host) {
  if (!host.starts_with('[')) return every_part(host, '.', is_host_label);
  const std::string_view address = host.substr(1, host.size() - 2);
  return host.ends_with(']') && host.size() > 2 &&
         std::all_of(address.begin(), address.end(),
                     [](char letter) { return is_any_hex(letter) || letter == ':'; });
}

bool is_registry(std::string_view text) {
  const std::size_t colon = text.find(':', text.starts_with('[') ? text.find(']') : 0);
  if (colon == std::string_view::npos) return is_host(text);
  const std::string_view port = text.substr(colon + 1);
  return is_host(text.substr(0, colon)) && !port.empty() &&
         std::all_of(port.begin(), port.end(), is_digit);
}

/// One '.', one '_', two '_', or any number of '-'.
bool is_separator(std::string_view text) {
  return text == "." || text == "_" || text == "__" ||
         text.find_first_not_of('-') == std::string_view::npos;
}

bool is_path_component(std::string_view component) {
  if (component.empty() || !is_lower_or_digit(component.front()) ||
      !is_lower_or_digit(component.back()))
    return false;
  while (!component.empty()) {
    component.remove_prefix(static_cast<std::size_t>(
        std::find_if_not(component.begin(), component.end(), is_lower_or_digit) -
        component.begin()));
    const auto end = std::find_if(component.begin(), component.end(), is_lower_or_digit);
    const auto length = static_cast<std::size_t>(end - component.begin());
    if (length != 0 && !is_separator(component.substr(0, length))) return false;
    component.remove_prefix(length);
  }
  return true;
}

bool is_tag(std::string_view tag) {
  const auto is_word = [](char letter) { return is_letter_or_digit(letter) || letter == '_'; };
  return !tag.empty() && tag.size() <= kLongestTag && is_word(tag.front()) &&
         std::all_of(tag.begin(), tag.end(), [&](char letter) {
           return is_word(letter) || letter == '.' || letter == '-';
         });
}

/// Docker takes the part before the first slash for a registry only if it looks like one.
bool looks_like_registry(std::string_view first) {
  return first == "localhost" || first.find_first_of(".:") != std::string_view::npos ||
         has_upper(first);
}

struct Split {
  std::string registry;
  std::string rest;  // path, tag and digest
};

Split split_registry(std::string_view text) {
  Split split{std::string(kHub), std::string(text)};
  if (ImageReference::names_registry(text)) {
    const std::size_t slash = text.find('/');
    split.registry = text.substr(0, slash);
    split.rest = text.substr(slash + 1);
  }
  if (split.registry == kHubIndex) split.registry = kHub;
  if (split.registry == kHub && split.rest.find('/') == std::string::npos)
    split.rest.insert(0, kOfficial);
  return split;
}

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw Error(sentence("image reference \"", printable(text), "\": ", why));
}

}  // namespace

bool ImageReference::names_registry(std::string_view text) {
  const std::size_t slash = text.find('/');
  return slash != std::string_view::npos && looks_like_registry(text.substr(0, slash));
}

ImageReference ImageReference::parse_exact(std::string_view text) {
  if (text.empty()) refuse(text, "is empty");
  if (is_identifier(text)) refuse(text, "64 hex digits are an image id, not a name");
  Split split = split_registry(text);
  ImageReference reference{.registry = std::move(split.registry)};
  std::string_view rest = split.rest;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    reference.digest = rest.substr(at + 1);
    rest = rest.substr(0, at);
  }
  if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
    reference.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  reference.repository = rest;
  if (has_upper(rest)) refuse(text, "the repository name must be lowercase");
  if (!is_registry(reference.registry))
    refuse(text, "the registry is not a host name with an optional port");
  if (!every_part(rest, '/', is_path_component))
    refuse(text, "the repository may hold a-z, 0-9 and single separators . _ __ - between them");
  if (reference.name().size() > kLongestName)
    refuse(text, "the name is longer than 255 characters");
  if (reference.tag && !is_tag(*reference.tag))
    refuse(text,
           "the tag may hold letters, digits, _ . and -, at most 128, and starts with none of . "
           "and -");
  try {
    if (reference.digest) Digest::parse(*reference.digest);
  } catch (Error& error) {
    error.add_context("image reference \"", printable(text), "\"");
    throw;
  }
  return reference;
}

ImageReference ImageReference::parse(std::string_view text) {
  ImageReference reference = parse_exact(text);
  if (!reference.tag && !reference.digest) reference.tag = "latest";
  return reference;
}

std::string ImageReference::name() const { return registry + "/" + repository; }

std::string ImageReference::canonical() const {
  return sentence(name(), tag ? ":" + *tag : "", digest ? "@" + *digest : "");
}

std::string ImageReference::familiar() const {
  std::string shown = name();
  if (registry == kHub) {
    shown = repository;
    const std::string_view below =
        std::string_view(repository)
            .substr(repository.starts_with(kOfficial) ? kOfficial.size() : 0);
    const bool one_component = below.find('/') == std::string_view::npos;
    if (one_component && !is_identifier(below)) shown = below;
    // docker.io/example.com/app without its registry would be read as another registry.
    const std::size_t slash = shown.find('/');
    if (slash != std::string::npos && looks_like_registry(shown.substr(0, slash))) shown = name();
  }
  return sentence(shown, tag ? ":" + *tag : "", digest ? "@" + *digest : "");
}

std::string ImageReference::manifest_reference() const {
  return digest ? *digest : tag.value_or("latest");
}

std::optional<ImageReference> ImageReference::tagged() const {
  if (!tag) return std::nullopt;
  return ImageReference{.registry = registry, .repository = repository, .tag = tag};
}
