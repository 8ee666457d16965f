// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/mount_flag.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "bundle-spec/error.hpp"
#include "imagetool/build/dockerfile.hpp"
#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

using Type = MountFlag::Type;

constexpr auto kTypes = std::to_array<std::pair<std::string_view, Type>>({
    {"bind", Type::kBind},
    {"cache", Type::kCache},
    {"tmpfs", Type::kTmpfs},
    {"secret", Type::kSecret},
    {"ssh", Type::kSsh},
});

struct Pair {
  std::string key{};
  std::string value{};
  bool has_value = false;
};

/// One record of comma-separated values: a field may be in double quotes, "" within is one.
std::vector<std::string> split_fields(std::string_view text) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char letter = text[at];
    if (quoted && letter == '"' && at + 1 < text.size() && text[at + 1] == '"') {
      fields.back() += '"';
      ++at;
    } else if (letter == '"' && (quoted || fields.back().empty())) {
      quoted = !quoted;
    } else if (letter == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += letter;
    }
  }
  if (quoted) throw Error("invalid mount: a quote is not closed");
  return fields;
}

Pair split_pair(const std::string& field) {
  const std::size_t equals = field.find('=');
  Pair pair{.key = to_lower(field.substr(0, equals)), .has_value = equals != std::string::npos};
  if (pair.has_value) pair.value = field.substr(equals + 1);
  return pair;
}

[[noreturn]] void refuse(const Pair& pair, std::string_view why) {
  throw Error(sentence("invalid mount option ", printable(pair.key, 60), "=",
                       printable(pair.value, 60), ": ", why));
}

bool read_boolean(const Pair& pair) {
  if (!pair.has_value || pair.value == "true" || pair.value == "1") return true;
  if (pair.value == "false" || pair.value == "0") return false;
  refuse(pair, "must be true or false");
}

std::uint32_t read_number(const Pair& pair, int base, std::uint32_t limit) {
  std::uint32_t number = 0;
  const char* const end = pair.value.data() + pair.value.size();
  const auto [stop, error] = std::from_chars(pair.value.data(), end, number, base);
  if (error != std::errc() || stop != end || number > limit)
    refuse(pair, base == 8 ? "must be an octal mode" : "must be a number");
  return number;
}

/// "64m", "1GiB": bytes, with the binary prefixes that Docker takes.
std::uint64_t read_size(const Pair& pair) {
  std::uint64_t number = 0;
  const char* const end = pair.value.data() + pair.value.size();
  const auto [stop, error] = std::from_chars(pair.value.data(), end, number);
  std::string unit = to_lower(std::string_view(stop, static_cast<std::size_t>(end - stop)));
  if (unit.ends_with("ib")) unit.resize(unit.size() - 2);
  if (unit.ends_with('b')) unit.pop_back();
  const std::size_t power = unit.empty() ? 0 : std::string_view("kmgt").find(unit) + 1;
  if (error != std::errc() || unit.size() > 1 || power > 4 || number > (UINT64_MAX >> (10 * power)))
    refuse(pair, "must be a size such as 64m");
  return number << (10 * power);
}

MountFlag::Sharing read_sharing(const Pair& pair) {
  if (pair.value == "shared") return MountFlag::Sharing::kShared;
  if (pair.value == "private") return MountFlag::Sharing::kPrivate;
  if (pair.value == "locked") return MountFlag::Sharing::kLocked;
  refuse(pair, "must be shared, private or locked");
}

const std::vector<std::string>& keys_of(Type type) {
  static const std::vector<std::string> bind = {"type",   "target",   "dst",      "destination",
                                                "source", "src",      "from",     "ro",
                                                "rw",     "readonly", "readwrite"};
  static const std::vector<std::string> cache = {
      "type", "target", "dst",      "destination", "source",  "src",  "from", "id",
      "ro",   "rw",     "readonly", "readwrite",   "sharing", "mode", "uid",  "gid"};
  static const std::vector<std::string> tmpfs = {"type", "target", "dst", "destination", "size"};
  static const std::vector<std::string> secret = {"type", "target", "dst",      "destination",
                                                  "id",   "env",    "required", "mode",
                                                  "uid",  "gid",    "source",   "src"};
  static const std::vector<std::string> ssh = {"type",     "target", "dst", "destination", "id",
                                               "required", "mode",   "uid", "gid"};
  switch (type) {
    case Type::kBind:
      return bind;
    case Type::kCache:
      return cache;
    case Type::kTmpfs:
      return tmpfs;
    case Type::kSecret:
      return secret;
    case Type::kSsh:
      return ssh;
  }
  return bind;
}

void set_option(MountFlag& mount, const Pair& pair) {
  const std::string& key = pair.key;
  const bool is_switch =
      key == "ro" || key == "readonly" || key == "rw" || key == "readwrite" || key == "required";
  if (!is_switch && !pair.has_value)
    throw Error(sentence("invalid mount option ", printable(key, 60), ": must have a value"));
  if (key == "target" || key == "dst" || key == "destination")
    mount.target = pair.value;
  else if (key == "source" || key == "src")
    (mount.type == Type::kSecret ? mount.id : mount.source) = pair.value;
  else if (key == "from")
    mount.from = pair.value;
  else if (key == "id")
    mount.id = pair.value;
  else if (key == "env")
    mount.environment = pair.value;
  else if (key == "ro" || key == "readonly")
    mount.readonly = read_boolean(pair);
  else if (key == "rw" || key == "readwrite")
    mount.readonly = !read_boolean(pair);
  else if (key == "required")
    mount.required = read_boolean(pair);
  else if (key == "sharing")
    mount.sharing = read_sharing(pair);
  else if (key == "size")
    mount.size = read_size(pair);
  else if (key == "mode")
    mount.mode = read_number(pair, 8, 07777);
  else if (key == "uid")
    mount.uid = read_number(pair, 10, 2147483647);
  else if (key == "gid")
    mount.gid = read_number(pair, 10, 2147483647);
}

void check_mount(const MountFlag& mount) {
  const bool needs_target =
      mount.type == Type::kBind || mount.type == Type::kCache || mount.type == Type::kTmpfs;
  if (needs_target && mount.target.empty())
    throw Error(sentence("invalid mount of type ", name_of(mount.type), ": target is required"));
  if (mount.type == Type::kSecret && mount.id.empty() && mount.target.empty())
    throw Error("invalid mount of type secret: id or target is required");
}

}  // namespace

std::string_view name_of(MountFlag::Type type) {
  return std::ranges::find(kTypes, type, &std::pair<std::string_view, Type>::second)->first;
}

MountFlag parse_mount(std::string_view text) {
  const std::vector<std::string> fields = split_fields(text);
  MountFlag mount;
  for (const std::string& field : fields) {
    const Pair pair = split_pair(field);
    if (pair.key != "type") continue;
    const auto found =
        std::ranges::find(kTypes, to_lower(pair.value), &std::pair<std::string_view, Type>::first);
    if (found == kTypes.end())
      throw Error(sentence("unsupported mount type \"", printable(pair.value, 60), "\"",
                           suggestion(pair.value, {"bind", "cache", "tmpfs", "secret", "ssh"})));
    mount.type = found->second;
  }
  mount.readonly = mount.type == Type::kBind;
  const std::vector<std::string>& known = keys_of(mount.type);
  for (const std::string& field : fields) {
    const Pair pair = split_pair(field);
    if (std::ranges::find(known, pair.key) == known.end())
      throw Error(sentence("unexpected key '", printable(pair.key, 60), "' for mount type '",
                           name_of(mount.type), "'", suggestion(pair.key, known)));
    set_option(mount, pair);
  }
  check_mount(mount);
  return mount;
}

}  // namespace build
