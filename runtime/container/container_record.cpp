// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/container_record.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

#include "bundle-spec/error.hpp"
#include "runtime/container/first_line.hpp"
#include "runtime/container/json_writer.hpp"

namespace {

constexpr int kVersion = 2;
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes → base64, in groups of three (RFC 4648 section 4).
std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    unsigned group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0);
    for (std::size_t i = 0; i < 4; ++i)
      text += at + i > bytes.size() ? '=' : kBase64[group >> (18 - 6 * i) & 63];
  }
  return text;
}

/// The eight bytes of one instruction, little-endian.
std::string pack(const std::vector<plan::FilterInstruction>& program) {
  std::string bytes;
  bytes.reserve(program.size() * 8);
  for (const plan::FilterInstruction& one : program) {
    bytes += static_cast<char>(one.code & 255);
    bytes += static_cast<char>(one.code >> 8);
    bytes += static_cast<char>(one.jump_true);
    bytes += static_cast<char>(one.jump_false);
    for (unsigned shift = 0; shift < 32; shift += 8)
      bytes += static_cast<char>(one.k >> shift & 255);
  }
  return bytes;
}

/// Where a value lies in a record: spelled out only when something is wrong with it.
class Place {
 public:
  explicit Place(const std::string& file) : file_(file) {}
  Place below(std::string_view key) const {
    Place place = *this;
    place.steps_.at(place.depth_++) = {.key = key, .index = 0};
    return place;
  }
  Place below(std::size_t index) const {
    Place place = *this;
    place.steps_.at(place.depth_++) = {.key = {}, .index = index};
    return place;
  }
  std::string text() const {
    std::string text = file_;
    for (const Step& step : std::span(steps_).first(depth_))
      text += '/' + (step.key.empty() ? std::to_string(step.index) : std::string(step.key));
    return text;
  }

 private:
  struct Step {
    std::string_view key;
    std::size_t index = 0;
  };
  const std::string& file_;
  std::array<Step, 5> steps_;
  std::size_t depth_ = 0;
};

/// One JSON value on its way into a record: every wrong type is an Error that names the key.
class Value {
 public:
  Value(const nlohmann::json& json, const Place& place) : json_(json), place_(place) {}

  [[noreturn]] void refuse(std::string_view reason) const {
    throw Error(sentence(place_.text(), ": ", reason, " (damaged state record?)"));
  }
  std::optional<Value> find(const char* key) const {
    if (!json_.is_object()) refuse("is not an object");
    const auto found = json_.find(key);
    if (found == json_.end()) return std::nullopt;
    return Value(*found, place_.below(std::string_view(key)));
  }
  Value at(const char* key) const {
    std::optional<Value> value = find(key);
    if (!value) refuse(sentence("has no ", key));
    return *value;
  }
  const std::string& text() const {
    if (!json_.is_string()) refuse("is not a string");
    return json_.get_ref<const std::string&>();
  }
  std::uint64_t number(std::uint64_t limit) const {
    if (!json_.is_number_unsigned() || json_.get<std::uint64_t>() > limit)
      refuse(sentence("is not a number from 0 to ", limit));
    return json_.get<std::uint64_t>();
  }
  bool boolean() const {
    if (!json_.is_boolean()) refuse("is neither true nor false");
    return json_.get<bool>();
  }
  std::vector<Value> items() const {
    if (!json_.is_array()) refuse("is not an array");
    std::vector<Value> all;
    all.reserve(json_.size());
    for (const nlohmann::json& one : json_) all.emplace_back(one, place_.below(all.size()));
    return all;
  }
  std::map<std::string, std::string> texts_by_key() const {
    if (!json_.is_object()) refuse("is not an object");
    std::map<std::string, std::string> all;
    for (const auto& [key, one] : json_.get_ref<const nlohmann::json::object_t&>())
      all.emplace(key, Value(one, place_.below(std::string_view(key))).text());
    return all;
  }
  std::string where() const { return place_.text(); }

 private:
  const nlohmann::json& json_;
  Place place_;
};

nlohmann::json parse(std::string_view line, const std::string& name) {
  nlohmann::json document = nlohmann::json::parse(line, nullptr, false);
  if (!document.is_object())
    throw Error(sentence(name, ": is not a state record of toyrun (damaged?)"));
  return document;
}

/// As much as the largest program takes: BPF_MAXINSNS.
std::vector<plan::FilterInstruction> read_program(const Value& value) {
  const std::string text = value.text();
  std::string bytes;
  unsigned group = 0;
  unsigned bits = 0;
  for (const char letter : std::string_view(text).substr(0, text.find('='))) {
    const std::size_t digit = kBase64.find(letter);
    if (digit == std::string_view::npos) value.refuse("is not base64");
    group = group << 6 | static_cast<unsigned>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(group >> bits & 255);
  }
  if (bytes.size() % 8 != 0 || bytes.size() / 8 > 4096) value.refuse("is not a BPF program");
  std::vector<plan::FilterInstruction> program(bytes.size() / 8);
  for (std::size_t i = 0; i < program.size(); ++i) {
    const auto byte = [&](std::size_t at) -> std::uint32_t {
      return static_cast<unsigned char>(bytes[i * 8 + at]);
    };
    program[i] = {.code = static_cast<std::uint16_t>(byte(0) | byte(1) << 8),
                  .jump_true = static_cast<std::uint8_t>(byte(2)),
                  .jump_false = static_cast<std::uint8_t>(byte(3)),
                  .k = byte(4) | byte(5) << 8 | byte(6) << 16 | byte(7) << 24};
  }
  return program;
}

oci::Annotations read_annotations(std::string_view text, const std::string& name) {
  if (text == "{}") return {};
  const Place place(name);
  const nlohmann::json annotations = parse(text, name);
  return Value(annotations, place.below("annotations")).texts_by_key();
}

/// The cgroup files are opened by this path, below the mount point and nowhere else.
std::string read_path(const Value& value) {
  std::string path = value.text();
  const bool climbs = sentence(path, '/').find("/../") != std::string::npos;
  if (!path.starts_with('/') || climbs || path.find('\0') != std::string::npos)
    value.refuse("is not an absolute path without ..");
  return path;
}

std::vector<plan::CgroupDirectory> read_directories(const Value& value) {
  std::vector<plan::CgroupDirectory> all;
  for (const Value& item : value.items()) {
    plan::CgroupDirectory one;
    one.mount_point = read_path(item.at("mount"));
    one.path = read_path(item.at("path"));
    for (const Value& controller : item.at("controllers").items())
      one.controllers.push_back(controller.text());
    one.is_v2 = item.at("v2").boolean();
    all.push_back(std::move(one));
  }
  return all;
}

void write_directories(JsonWriter& json, const std::vector<plan::CgroupDirectory>& cgroups) {
  json.key("directories").begin_array();
  for (const plan::CgroupDirectory& one : cgroups) {
    json.begin_object().key("mount").text(one.mount_point).key("path").text(one.path);
    json.key("controllers").begin_array();
    for (const std::string& controller : one.controllers) json.text(controller);
    json.end_array().key("v2").boolean(one.is_v2).end_object();
  }
  json.end_array();
}

void write_seccomp(JsonWriter& json, const plan::SeccompPlan& seccomp) {
  json.key("seccomp").begin_object();
  json.key("program").text(to_base64(pack(seccomp.program)));
  json.key("flags").number(seccomp.flags).key("notify").boolean(seccomp.notify);
  json.key("listenerPath").text(seccomp.listener_path);
  json.key("listenerMetadata").text(seccomp.listener_metadata).end_object();
}

plan::SeccompPlan read_seccomp(const Value& value) {
  return {.program = read_program(value.at("program")),
          .flags = static_cast<std::uint32_t>(
              value.at("flags").number(std::numeric_limits<std::uint32_t>::max())),
          .notify = value.at("notify").boolean(),
          .listener_path = value.at("listenerPath").text(),
          .listener_metadata = value.at("listenerMetadata").text(),
          .summary = {}};
}

void write_memory_policy(JsonWriter& json, const plan::MemoryPolicyPlan& policy) {
  json.key("memoryPolicy").begin_object().key("mode").number(policy.mode);
  json.key("nodes").begin_array();
  for (const std::uint64_t word : policy.nodes) json.number(word);
  json.end_array().end_object();
}

plan::MemoryPolicyPlan read_memory_policy(const Value& value) {
  plan::MemoryPolicyPlan policy;
  policy.mode = static_cast<int>(value.at("mode").number(std::numeric_limits<int>::max()));
  for (const Value& word : value.at("nodes").items())
    policy.nodes.push_back(word.number(std::numeric_limits<std::uint64_t>::max()));
  return policy;
}

}  // namespace

std::string write_record(const ContainerRecord& record) {
  JsonWriter json(JsonWriter::Layout::kCompact);
  json.begin_object().key("version").number(record.version);
  json.key("id").text(record.id).key("pid").number(record.pid);
  json.key("startTime").number(record.start_time);
  json.key("ociVersion").text(record.oci_version);
  json.key("bundle").text(record.bundle).key("rootfs").text(record.rootfs);
  json.key("created").text(record.created).key("owner").text(record.owner);
  json.key("hasPoststart").boolean(record.has_poststart);
  json.key("hasPoststop").boolean(record.has_poststop);
  json.key("ownPidNamespace").boolean(record.own_pid_namespace);
  json.key("notifySocket").boolean(record.has_notify_socket);
  json.key("freezer").text(record.freezer).key("annotations").begin_object();
  for (const auto& [key, value] : record.annotations) json.key(key).text(value);
  return json.end_object().end_object().take() += '\n';
}

ContainerRecord read_record(const std::string& line, const std::string& name) {
  FirstLine record(line, name);
  if (const std::uint64_t version = record.number("version", 1'000'000); version != kVersion)
    throw Error(sentence(name, ": has record version ", version, ", this toyrun knows ", kVersion,
                         ": use the toyrun that made the container"));
  ContainerRecord result;
  result.id = record.text("id");
  result.pid = static_cast<pid_t>(record.number("pid", std::numeric_limits<pid_t>::max()));
  result.start_time = record.number("startTime", std::numeric_limits<std::uint64_t>::max());
  result.oci_version = record.text("ociVersion");
  result.bundle = record.text("bundle");
  result.rootfs = record.text("rootfs");
  result.created = record.text("created");
  result.owner = record.text("owner");
  result.has_poststart = record.boolean("hasPoststart");
  result.has_poststop = record.boolean("hasPoststop");
  result.own_pid_namespace = record.boolean("ownPidNamespace");
  result.has_notify_socket = record.boolean("notifySocket");
  result.freezer = record.text("freezer");
  result.annotations = read_annotations(record.last("annotations"), name);
  return result;
}

std::string write_cgroups(const ContainerCgroups& cgroups) {
  JsonWriter json(JsonWriter::Layout::kCompact);
  json.begin_object();
  write_directories(json, cgroups.directories);
  if (cgroups.unit) {
    json.key("systemd").begin_object().key("unit").text(cgroups.unit->name);
    json.key("ofUser").boolean(cgroups.unit->of_user).end_object();
  }
  if (cgroups.rdt) {
    json.key("resctrl").begin_object().key("group").text(cgroups.rdt->group);
    json.key("monitoring").text(cgroups.rdt->monitoring);
    json.key("own").boolean(cgroups.rdt->is_own).end_object();
  }
  return json.end_object().take() += '\n';
}

ContainerCgroups read_cgroups(const std::string& line, const std::string& name) {
  const nlohmann::json document = parse(line, name);
  const Value cgroups(document, Place(name));
  ContainerCgroups result;
  result.directories = read_directories(cgroups.at("directories"));
  if (const std::optional<Value> rdt = cgroups.find("resctrl"))
    result.rdt = {.group = read_path(rdt->at("group")),
                  .monitoring = rdt->at("monitoring").text(),
                  .is_own = rdt->at("own").boolean()};
  if (const std::optional<Value> unit = cgroups.find("systemd"))
    result.unit = {.name = unit->at("unit").text(), .of_user = unit->at("ofUser").boolean()};
  return result;
}

std::string write_details(const ContainerDetails& details) {
  JsonWriter json(JsonWriter::Layout::kCompact);
  json.begin_object().key("namespaceFlags").number(details.namespace_flags);
  json.key("setgroupsDenied").boolean(details.setgroups_denied);
  json.key("sessionKeyring").boolean(details.session_keyring);
  if (details.no_pivot) json.key("noPivot").boolean(true);
  if (details.check_memory_before_update) json.key("checkMemoryBeforeUpdate").boolean(true);
  if (details.personality) json.key("personality").number(*details.personality);
  if (details.memory_policy) write_memory_policy(json, *details.memory_policy);
  if (!details.config_file.empty()) json.key("config").text(details.config_file);
  if (details.seccomp) write_seccomp(json, *details.seccomp);
  std::string lines = json.end_object().take();
  lines += sentence('\n', oci::write_hooks(details.hooks), '\n');
  if (details.process) lines += oci::write_process(*details.process);
  return lines += '\n';
}

ContainerDetails read_details(const std::string& lines, const std::string& name) {
  const std::size_t hooks = std::min(lines.find('\n'), lines.size());
  const std::size_t process = std::min(lines.find('\n', hooks + 1), lines.size());
  const nlohmann::json document = parse(lines.substr(0, hooks), name);
  const Value details(document, Place(name));
  ContainerDetails result;
  result.namespace_flags =
      details.at("namespaceFlags").number(std::numeric_limits<std::uint64_t>::max());
  result.setgroups_denied = details.at("setgroupsDenied").boolean();
  // Records of earlier versions lack it.
  result.check_memory_before_update = details.find("checkMemoryBeforeUpdate").has_value();
  result.no_pivot = details.find("noPivot").has_value();
  const std::optional<Value> keyring = details.find("sessionKeyring");
  result.session_keyring = keyring && keyring->boolean();
  if (const std::optional<Value> personality = details.find("personality"))
    result.personality =
        static_cast<std::uint32_t>(personality->number(std::numeric_limits<std::uint32_t>::max()));
  if (const std::optional<Value> policy = details.find("memoryPolicy"))
    result.memory_policy = read_memory_policy(*policy);
  if (const std::optional<Value> config = details.find("config"))
    result.config_file = config->text();
  if (const std::optional<Value> seccomp = details.find("seccomp"))
    result.seccomp = read_seccomp(*seccomp);
  if (process == lines.size()) details.refuse("has not all of its lines");
  result.hooks = oci::read_hooks(lines.substr(hooks + 1, process - hooks - 1), name);
  const std::string program =
      lines.substr(process + 1, lines.find('\n', process + 1) - process - 1);
  if (!program.empty()) result.process = oci::read_process(program, name);
  return result;
}
