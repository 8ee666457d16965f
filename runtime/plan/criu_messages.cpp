// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/criu_messages.hpp"

#include <algorithm>

#include "bundle-spec/error.hpp"

namespace plan {
namespace {

constexpr std::uint32_t kVarint = 0;
constexpr std::uint32_t kFixed64 = 1;
constexpr std::uint32_t kLengthDelimited = 2;
constexpr std::uint32_t kFixed32 = 5;

/// Appends fields to a message: a tag, which has the field's number and kind, and the value.
class Message {
 public:
  Message& number(std::uint32_t field, std::uint64_t value) {
    varint(field << 3 | kVarint);
    varint(value);
    return *this;
  }
  /// int32: a negative number is as long as a 64-bit one.
  Message& signed_number(std::uint32_t field, int value) {
    return number(field, static_cast<std::uint64_t>(std::int64_t{value}));
  }
  Message& text(std::uint32_t field, std::string_view value) {
    varint(field << 3 | kLengthDelimited);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& text_if_any(std::uint32_t field, std::string_view value) {
    return value.empty() ? *this : text(field, value);
  }
  Message& message(std::uint32_t field, const Message& value) { return text(field, value.bytes_); }
  const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t value) {
    for (; value > 127; value >>= 7) bytes_ += static_cast<char>(value | 128);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

/// ext_mount_map, cgroup_root and join_namespace all have two strings.
void add_pairs(Message& options, std::uint32_t field, const CriuPairs& pairs) {
  for (const auto& [first, second] : pairs)
    options.message(field, Message().text_if_any(1, first).text(2, second));
}

Message write_options(const CriuOptions& from) {
  Message options;
  options.signed_number(1, from.images_directory);
  if (from.pid) options.signed_number(2, *from.pid);
  for (const CriuSwitch one : from.switches) options.number(static_cast<std::uint32_t>(one), 1);
  options.number(9, from.log_level);
  options.text_if_any(10, from.log_file);
  if (from.page_server)
    options.message(11,
                    Message().text(1, from.page_server->address).number(2, from.page_server->port));
  options.text_if_any(13, from.root).text_if_any(14, from.parent_image);
  if (from.work_directory) options.signed_number(17, *from.work_directory);
  add_pairs(options, 23, from.mounts);
  add_pairs(options, 25, from.cgroup_roots);
  for (const auto& [key, descriptor] : from.inherited)
    options.message(27, Message().text(1, key).signed_number(2, descriptor));
  if (from.cgroup_mode) options.number(34, static_cast<std::uint32_t>(*from.cgroup_mode));
  for (const std::string& one : from.external) options.text(37, one);
  if (from.empty_namespaces != 0) options.number(38, from.empty_namespaces);
  add_pairs(options, 39, from.join_namespaces);
  options.text_if_any(44, from.freeze_cgroup).text_if_any(51, from.config_file);
  options.text_if_any(53, from.lsm_profile).text_if_any(63, from.lsm_mount_context);
  if (from.network_lock) options.number(64, static_cast<std::uint32_t>(*from.network_lock));
  return options;
}

[[noreturn]] void refuse() { throw Error("criu sent what is no message of its protocol"); }

std::uint64_t take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (bytes.empty()) refuse();
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= std::uint64_t{byte & 127U} << shift;
    if (byte < 128) return value;
  }
  refuse();
}

std::string_view take(std::string_view& bytes, std::uint64_t size) {
  if (size > bytes.size()) refuse();
  const std::string_view taken = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return taken;
}

/// The value of a number's field in a message within the message.
std::uint64_t number_in(std::string_view message, std::uint32_t field) {
  std::uint64_t value = 0;
  for (const ProtobufField& one : read_protobuf(message))
    if (one.number == field) value = one.value;
  return value;
}

void read_notification(std::string_view message, CriuResponse& response) {
  for (const ProtobufField& one : read_protobuf(message)) {
    if (one.number == 1) response.script = one.bytes;
    if (one.number == 2) response.pid = static_cast<int>(one.value);
  }
}

}  // namespace

std::string_view name(CriuType type) {
  switch (type) {
    case CriuType::kDump:
      return "DUMP";
    case CriuType::kRestore:
      return "RESTORE";
    case CriuType::kCheck:
      return "CHECK";
    case CriuType::kPreDump:
      return "PRE_DUMP";
    case CriuType::kNotify:
      return "NOTIFY";
    case CriuType::kFeatureCheck:
      return "FEATURE_CHECK";
    case CriuType::kVersion:
      return "VERSION";
    case CriuType::kEmpty:
      break;
  }
  return "EMPTY";
}

std::string write_criu_request(CriuType type, const CriuOptions& options) {
  return Message()
      .number(1, static_cast<std::uint32_t>(type))
      .message(2, write_options(options))
      .bytes();
}

std::string write_criu_question(CriuType type, bool keep_open) {
  Message request;
  request.number(1, static_cast<std::uint32_t>(type));
  if (keep_open) request.number(4, 1);
  return request.bytes();
}

std::string write_criu_feature_question() {
  return Message()
      .number(1, static_cast<std::uint32_t>(CriuType::kFeatureCheck))
      .message(5, Message().number(1, 1).number(2, 1))
      .bytes();
}

std::string write_criu_acknowledgement(bool success) {
  return Message()
      .number(1, static_cast<std::uint32_t>(CriuType::kNotify))
      .number(3, success ? 1 : 0)
      .bytes();
}

CriuResponse read_criu_response(std::string_view bytes) {
  CriuResponse response;
  for (const ProtobufField& one : read_protobuf(bytes)) {
    if (one.number == 1) response.type = static_cast<CriuType>(one.value);
    if (one.number == 2) response.success = one.value != 0;
    if (one.number == 4) response.pid = static_cast<int>(number_in(one.bytes, 1));
    if (one.number == 5) read_notification(one.bytes, response);
    if (one.number == 7) response.error_number = static_cast<int>(one.value);
    if (one.number == 8) {
      response.tracks_memory = number_in(one.bytes, 1) != 0;
      response.has_lazy_pages = number_in(one.bytes, 2) != 0;
    }
    if (one.number == 9) response.error = one.bytes;
    if (one.number == 10)
      response.version =
          static_cast<unsigned>(number_in(one.bytes, 1) * 10000 + number_in(one.bytes, 2) * 100 +
                                number_in(one.bytes, 4));
  }
  return response;
}

std::string criu_complaints(std::string_view log) {
  constexpr std::size_t kMost = 3;
  std::vector<std::string_view> found;
  while (!log.empty()) {
    std::string_view line = log.substr(0, log.find('\n'));
    log.remove_prefix(std::min(line.size() + 1, log.size()));
    // "(00.012345) Error (criu/mount.c:123): mnt: …", of a task with its pid behind the time.
    const std::size_t start = line.find("Error (");
    if (start == std::string_view::npos) continue;
    const std::size_t words = line.find("): ", start);
    found.push_back(words == std::string_view::npos ? line.substr(start) : line.substr(words + 3));
  }
  std::string text;
  for (std::size_t at = found.size() - std::min(found.size(), kMost); at < found.size(); ++at)
    words::append(text, sentence(text.empty() ? "" : "; ", found[at]));
  return text;
}

std::vector<ProtobufField> read_protobuf(std::string_view bytes) {
  std::vector<ProtobufField> fields;
  while (!bytes.empty()) {
    const std::uint64_t tag = take_varint(bytes);
    ProtobufField field{.number = static_cast<std::uint32_t>(tag >> 3), .value = 0, .bytes = {}};
    switch (tag & 7) {
      case kVarint:
        field.value = take_varint(bytes);
        break;
      case kLengthDelimited:
        field.bytes = take(bytes, take_varint(bytes));
        break;
      case kFixed64:
        field.bytes = take(bytes, 8);
        break;
      case kFixed32:
        field.bytes = take(bytes, 4);
        break;
      default:
        refuse();
    }
    fields.push_back(field);
  }
  return fields;
}

}  // namespace plan
