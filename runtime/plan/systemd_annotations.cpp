// SPDX-License-Identifier: Apache-2.0
// org.systemd.property.NAME annotations. Annotations come from images and pods in some engines, and
// systemd has properties that end the machine (CVE-2024-3154), so the names are a list. Pure.
#include <algorithm>
#include <charconv>
#include <cstdint>

#include "bundle-spec/error.hpp"
#include "runtime/plan/paths.hpp"
#include "runtime/plan/systemd_unit.hpp"

namespace plan {
namespace {

constexpr std::string_view kPrefix = "org.systemd.property.";

struct Allowed {
  std::string_view name;
  const char* signature;
};
constexpr Allowed kAllowed[] = {
    {"After", "as"},
    {"Before", "as"},
    {"CollectMode", "s"},
    {"DefaultDependencies", "b"},
    {"Description", "s"},
    {"KillMode", "s"},
    {"KillSignal", "i"},
    {"ManagedOOMMemoryPressure", "s"},
    {"ManagedOOMPreference", "s"},
    {"ManagedOOMSwap", "s"},
    {"OOMPolicy", "s"},
    {"RuntimeMaxUSec", "t"},
    {"SendSIGHUP", "b"},
    {"SendSIGKILL", "b"},
    {"TimeoutStopUSec", "t"},
};

/// Reads the few forms of GVariant text that the allowed types can have.
class Text {
 public:
  Text(std::string_view text, std::string_view pointer) : rest_(text), pointer_(pointer) {}

  [[noreturn]] void refuse(std::string_view wanted) const {
    throw Error(sentence(pointer_, ": the value is not ", wanted));
  }
  void skip_spaces() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
  }
  bool take(std::string_view token) {
    skip_spaces();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  void end(std::string_view wanted) {
    skip_spaces();
    if (!rest_.empty()) refuse(wanted);
  }
  std::string string(std::string_view wanted) {
    skip_spaces();
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) refuse(wanted);
    const char quote = rest_[0];
    std::string value;
    std::size_t at = 1;
    for (; at < rest_.size() && rest_[at] != quote; ++at) {
      if (rest_[at] == '\\' && at + 1 < rest_.size()) ++at;
      value += rest_[at];
    }
    if (at >= rest_.size()) refuse(wanted);
    rest_.remove_prefix(at + 1);
    return value;
  }
  std::string number(std::string_view wanted, std::uint64_t most) {
    for (const char* type : {"uint64 ", "int64 ", "uint32 ", "int32 "})
      if (take(type)) break;
    skip_spaces();
    std::uint64_t value = 0;
    const auto result = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (result.ec != std::errc{} || value > most) refuse(wanted);
    rest_.remove_prefix(static_cast<std::size_t>(result.ptr - rest_.data()));
    return sentence(value);
  }
  std::vector<std::string> strings(std::string_view wanted) {
    std::vector<std::string> values;
    take("@as ");
    if (!take("[")) refuse(wanted);
    while (!take("]")) {
      if (!values.empty() && !take(",")) refuse(wanted);
      values.push_back(string(wanted));
    }
    return values;
  }

 private:
  std::string_view rest_;
  std::string_view pointer_;
};

std::vector<std::string> read_values(std::string_view signature, std::string_view value,
                                     std::string_view pointer) {
  Text text(value, pointer);
  std::vector<std::string> values;
  std::string_view wanted;
  if (signature == "s") {
    wanted = "a string in quotes";
    values = {text.string(wanted)};
  } else if (signature == "b") {
    wanted = "true or false";
    const bool yes = text.take("true");
    if (!yes && !text.take("false")) text.refuse(wanted);
    values = {yes ? "true" : "false"};
  } else if (signature == "i") {
    wanted = "a number";
    values = {text.number(wanted, INT32_MAX)};
  } else if (signature == "t") {
    wanted = "a number";
    values = {text.number(wanted, UINT64_MAX)};
  } else {
    wanted = "an array of strings: ['a', 'b']";
    values = text.strings(wanted);
  }
  text.end(wanted);
  return values;
}

/// D-Bus has times in microseconds under another name than unit files: TimeoutStopSec → …USec.
UnitProperty read_property(std::string_view name, std::string_view value,
                           const std::string& pointer) {
  std::string bus_name(name);
  std::uint64_t factor = 1;
  if (name.ends_with("Sec") && !name.ends_with("USec")) {
    bus_name = sentence(name.substr(0, name.size() - 3), "USec");
    factor = 1'000'000;
  }
  const auto allowed = std::ranges::find(kAllowed, bus_name, &Allowed::name);
  if (allowed == std::end(kAllowed)) {
    std::string names;
    for (const Allowed& one : kAllowed) names += sentence(names.empty() ? "" : ", ", one.name);
    throw Error(sentence(pointer,
                         ": this property is not set from an annotation; those that are: ", names));
  }
  std::vector<std::string> values = read_values(allowed->signature, value, pointer);
  if (factor != 1) {
    std::uint64_t seconds = 0;
    std::from_chars(values[0].data(), values[0].data() + values[0].size(), seconds);
    if (seconds > UINT64_MAX / factor) throw Error(sentence(pointer, ": the time is too long"));
    values[0] = sentence(seconds * factor);
  }
  return {bus_name, allowed->signature, std::move(values)};
}

}  // namespace

std::vector<UnitProperty> annotated_properties(const oci::Annotations& annotations) {
  std::vector<UnitProperty> properties;
  for (const auto& [key, value] : annotations) {
    if (!key.starts_with(kPrefix)) continue;
    const std::string pointer = sentence("/annotations/", key);
    refuse_nul(value, pointer);
    properties.push_back(
        read_property(std::string_view(key).substr(kPrefix.size()), value, pointer));
  }
  return properties;
}

}  // namespace plan
