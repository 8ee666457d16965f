// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/systemd_unit.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "bundle-spec/error.hpp"
#include "runtime/plan/paths.hpp"

namespace plan {
namespace {

constexpr std::string_view kSlice = ".slice";
constexpr std::string_view kScope = ".scope";
constexpr std::size_t kLongestUnitName = 255;  // systemd's UNIT_NAME_MAX - 1

bool is_unit_letter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') ||
         std::string_view(":-_.\\@").find(letter) != std::string_view::npos;
}

void check_unit_name(const std::string& name) {
  if (name.size() <= kLongestUnitName && std::ranges::all_of(name, is_unit_letter)) return;
  throw Error(sentence("/linux/cgroupsPath: \"", name,
                       "\" is no name of a systemd unit: letters, digits and :-_.\\@, at most ",
                       kLongestUnitName));
}

/// A container id may have a "+", a unit's name may not: as systemd-escape(1) writes it.
std::string escaped(const std::string& id) {
  std::string text;
  for (const char letter : id) {
    if (letter == '+') {
      text += "\\x2b";
    } else {
      text += letter;
    }
  }
  return text;
}

/// The three parts of cgroupsPath.
struct ScopePath {
  std::string slice, prefix, name;
};

ScopePath split_path(const std::string& path, const std::string& id) {
  if (path.empty()) return {.slice = "", .prefix = "toyrun", .name = escaped(id)};
  refuse_nul(path, "/linux/cgroupsPath");
  if (std::ranges::count(path, ':') != 2) {
    throw Error(
        sentence("/linux/cgroupsPath: expected cgroupsPath to be of format \"slice:prefix:name\" "
                 "for systemd cgroups, got \"",
                 path, "\" instead"));
  }
  const std::size_t first = path.find(':');
  const std::size_t second = path.find(':', first + 1);
  return {.slice = path.substr(0, first),
          .prefix = path.substr(first + 1, second - first - 1),
          .name = path.substr(second + 1)};
}

std::string unit_name(const ScopePath& path) {
  if (path.name.empty()) throw Error("/linux/cgroupsPath: has no name after the second colon");
  std::string name = path.name;
  if (!name.ends_with(kSlice)) {
    name = sentence(path.prefix, path.prefix.empty() ? "" : "-", path.name, kScope);
  }
  check_unit_name(name);
  return name;
}

std::vector<UnitProperty> basic_properties(const SystemdUnit& unit, const std::string& id) {
  std::vector<UnitProperty> properties = {
      {"Description", "s", {sentence("container ", id, " of toyrun")}}};
  if (unit.id.name.ends_with(kSlice)) {
    // A slice has its place by its name, and no processes that could be handed over.
    properties.push_back({"Wants", "as", {unit.slice}});
  } else {
    properties.push_back({"Slice", "s", {unit.slice}});
    properties.push_back({"Delegate", "b", {"true"}});
    // 0 is whoever asks: it keeps the scope until init is born in it (kernel/systemd).
    properties.push_back({"PIDs", "au", {"0"}});
  }
  for (const char* kind : {"MemoryAccounting", "CPUAccounting", "IOAccounting", "TasksAccounting"})
    properties.push_back({kind, "b", {"true"}});
  properties.push_back({"DefaultDependencies", "b", {"false"}});
  return properties;
}

void append(std::vector<UnitProperty> more, std::vector<UnitProperty>& properties) {
  std::ranges::move(more, std::back_inserter(properties));
}

}  // namespace

std::string slice_path(std::string_view slice) {
  const auto refuse = [&](std::string_view why) {
    throw Error(sentence("/linux/cgroupsPath: invalid slice name \"", slice, "\": ", why));
  };
  if (!slice.ends_with(kSlice) || slice.size() == kSlice.size()) refuse("it must end in .slice");
  if (slice.find('/') != std::string_view::npos) refuse("it must not contain a /");
  std::string_view name = slice.substr(0, slice.size() - kSlice.size());
  if (name == "-") return {};
  std::string path;
  for (std::size_t end = 0; end != std::string_view::npos;) {
    const std::size_t start = end == 0 ? 0 : end + 1;
    end = name.find('-', start);
    if (start == std::min(end, name.size())) refuse("it has an empty component");
    path += sentence("/", name.substr(0, end), kSlice);
  }
  return path;
}

SystemdUnit plan_unit(const oci::RuntimeConfig& config, const std::string& id,
                      const HostFacts& facts) {
  if (!facts.systemd) throw Error("the systemd cgroup driver needs systemd, which is not there");
  const ScopePath path = split_path(config.linux_.cgroups_path.value_or(""), id);
  SystemdUnit unit;
  unit.id = {.name = unit_name(path), .of_user = facts.systemd->of_user};
  unit.slice = !path.slice.empty()      ? path.slice
               : facts.systemd->of_user ? "user.slice"
                                        : "system.slice";
  if (unit.id.name.ends_with(kSlice)) {
    unit.cgroup = facts.systemd->root + slice_path(unit.id.name);
    if (path.slice.empty()) unit.slice = "-.slice";
  } else {
    unit.cgroup = sentence(facts.systemd->root, slice_path(unit.slice), "/", unit.id.name);
  }
  slice_path(unit.slice);
  check_unit_name(unit.slice);
  unit.properties = basic_properties(unit, id);
  constexpr unsigned kScopesHaveOomPolicy = 253;
  if (facts.systemd->version >= kScopesHaveOomPolicy) {
    // A process that the kernel kills for its memory is the container's business.
    unit.properties.push_back({"OOMPolicy", "s", {"continue"}});
  }
  const oci::Resources resources = config.linux_.resources.value_or(oci::Resources{});
  append(resource_properties(resources, *facts.systemd), unit.properties);
  // Without these rights systemd cannot filter devices either.
  if (!facts.systemd->of_user) append(device_properties(resources.devices), unit.properties);
  append(annotated_properties(config.annotations), unit.properties);
  return unit;
}

std::string describe(const UnitProperty& property) {
  std::string text = property.name + "=";
  const bool is_pair = property.signature == "a(ss)";
  for (std::size_t i = 0; i < property.values.size(); ++i) {
    const char* between = i == 0 ? "" : !is_pair ? " " : i % 2 == 1 ? ":" : ", ";
    text += sentence(between, property.values[i]);
  }
  return text;
}

}  // namespace plan
