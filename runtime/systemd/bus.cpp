// SPDX-License-Identifier: Apache-2.0
#include "runtime/systemd/bus.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "bundle-spec/error.hpp"

namespace {

constexpr const char* kService = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr std::string_view kUnitExists = "org.freedesktop.systemd1.UnitExists";
constexpr std::string_view kNoSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";
constexpr std::chrono::seconds kPatience{30};

/// Throws Error for a negative result of sd-bus(3), which is an errno.
void check_bus(int result, std::string_view what) {
  if (result < 0) throw Error(std::string(what), -result);
}

struct Unref {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, Unref>;

Message call_to(sd_bus* bus, const char* method) {
  sd_bus_message* message = nullptr;
  check_bus(sd_bus_message_new_method_call(bus, &message, kService, kPath, kManager, method),
            "make a message to systemd");
  return Message(message);
}

/// What the manager said instead of doing it.
struct Refusal {
  sd_bus_error error = SD_BUS_ERROR_NULL;
  Refusal() = default;
  Refusal(const Refusal&) = delete;
  Refusal& operator=(const Refusal&) = delete;
  ~Refusal() { sd_bus_error_free(&error); }
  bool is(std::string_view name) const { return error.name != nullptr && name == error.name; }
  [[noreturn]] void raise(const char* method, const std::string& unit, int result) const {
    const std::string what = sentence("systemd refuses ", method, " of ", unit);
    if (error.message == nullptr) throw Error(what, -result);
    throw Error(sentence(what, ": ", error.message));
  }
};

int send(sd_bus* bus, const Message& message, Refusal& refusal, Message& reply) {
  sd_bus_message* answer = nullptr;
  const int result = sd_bus_call(bus, message.get(), 0, &refusal.error, &answer);
  reply.reset(answer);
  return result;
}

std::string read_path(const Message& reply) {
  const char* path = nullptr;
  check_bus(sd_bus_message_read(reply.get(), "o", &path), "read the job that systemd made");
  return path;
}

std::uint64_t read_number(const std::string& text) {
  std::uint64_t number = 0;
  const auto end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc{} || result.ptr != end)
    throw Error(sentence("\"", text, "\" is no number for a unit property"));
  return number;
}

int append_array(sd_bus_message* message, const Property& property) {
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint32_t> numbers;
  if (property.signature == "ay") {
    for (const std::string& one : property.values)
      bytes.push_back(static_cast<std::uint8_t>(read_number(one)));
    return sd_bus_message_append_array(message, 'y', bytes.data(), bytes.size());
  }
  for (const std::string& one : property.values)
    numbers.push_back(static_cast<std::uint32_t>(read_number(one)));
  return sd_bus_message_append_array(message, 'u', numbers.data(), numbers.size() * 4);
}

int append_texts(sd_bus_message* message, const Property& property) {
  const bool pairs = property.signature == "a(ss)";
  int result = sd_bus_message_open_container(message, 'a', pairs ? "(ss)" : "s");
  const std::vector<std::string>& values = property.values;
  for (std::size_t at = 0; result >= 0 && at + (pairs ? 1 : 0) < values.size();
       at += pairs ? 2 : 1) {
    result =
        pairs ? sd_bus_message_append(message, "(ss)", values[at].c_str(), values[at + 1].c_str())
              : sd_bus_message_append(message, "s", values[at].c_str());
  }
  return result < 0 ? result : sd_bus_message_close_container(message);
}

int append_value(sd_bus_message* message, const Property& property) {
  const std::string& type = property.signature;
  if (type == "as" || type == "a(ss)") return append_texts(message, property);
  if (type == "ay" || type == "au") return append_array(message, property);
  if (property.values.size() != 1) throw Error(sentence(property.name, " needs one value"));
  const std::string& value = property.values[0];
  if (type == "s") return sd_bus_message_append(message, "s", value.c_str());
  if (type == "b") return sd_bus_message_append(message, "b", value == "true" ? 1 : 0);
  if (type == "t") return sd_bus_message_append(message, "t", read_number(value));
  if (type == "i")
    return sd_bus_message_append(message, "i", static_cast<std::int32_t>(read_number(value)));
  throw Error(sentence(property.name, " has the unknown type ", type));
}

void append_properties(sd_bus_message* message, const std::vector<Property>& properties) {
  int result = sd_bus_message_open_container(message, 'a', "(sv)");
  for (const Property& one : properties) {
    if (result >= 0) result = sd_bus_message_open_container(message, 'r', "sv");
    if (result >= 0) result = sd_bus_message_append(message, "s", one.name.c_str());
    if (result >= 0) result = sd_bus_message_open_container(message, 'v', one.signature.c_str());
    if (result >= 0) result = append_value(message, one);
    if (result >= 0) result = sd_bus_message_close_container(message);
    if (result >= 0) result = sd_bus_message_close_container(message);
    check_bus(result, sentence("put the property ", one.name, " into a message to systemd"));
  }
  check_bus(sd_bus_message_close_container(message), "end a message to systemd");
}

/// The manager's own socket; null where there is none to be had.
sd_bus* connect_privately(const std::string& socket) {
  sd_bus* bus = nullptr;
  if (sd_bus_new(&bus) < 0) return nullptr;
  const std::string address = "unix:path=" + socket;
  if (sd_bus_set_address(bus, address.c_str()) >= 0 && sd_bus_start(bus) >= 0) return bus;
  sd_bus_unref(bus);
  return nullptr;
}

}  // namespace

Bus::Bus(bool of_user) {
  connect(of_user);
  sd_bus_set_method_call_timeout(bus_, std::chrono::microseconds(kPatience).count());
}

Bus::~Bus() { sd_bus_flush_close_unref(bus_); }

void Bus::connect(bool of_user) {
  const char* directory = ::getenv("XDG_RUNTIME_DIR");
  const std::string base = !of_user ? "/run" : directory != nullptr ? directory : "";
  if (!base.empty()) bus_ = connect_privately(base + "/systemd/private");
  is_private_ = bus_ != nullptr;
  if (is_private_) return;
  const int result = of_user ? sd_bus_open_user(&bus_) : sd_bus_open_system(&bus_);
  const char* hint = of_user ? "is XDG_RUNTIME_DIR or DBUS_SESSION_BUS_ADDRESS set, and does a "
                               "systemd run for this user?"
                             : "does systemd run on this host?";
  if (result < 0) throw Error(sentence("cannot reach systemd over D-Bus (", hint, ")"), -result);
}

int Bus::note_job(sd_bus_message* message, void* jobs, sd_bus_error*) {
  const char* path = nullptr;
  const char* result = nullptr;
  if (sd_bus_message_read(message, "uoss", nullptr, &path, nullptr, &result) >= 0)
    static_cast<std::vector<EndedJob>*>(jobs)->push_back({path, result});
  return 0;
}

void Bus::listen_for_jobs() {
  // On the manager's own socket nobody is named as the sender.
  const char* sender = is_private_ ? nullptr : kService;
  check_bus(
      sd_bus_match_signal(bus_, nullptr, sender, kPath, kManager, "JobRemoved", note_job, &ended_),
      "listen for the end of systemd's jobs");
  const Message message = call_to(bus_, "Subscribe");
  Refusal refusal;
  Message reply;
  const int result = send(bus_, message, refusal, reply);
  if (result < 0 && result != -EALREADY) refusal.raise("Subscribe", "its signals", result);
}

void Bus::wait_for_job(const std::string& job, const std::string& unit) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    const auto found = std::ranges::find(ended_, job, &EndedJob::path);
    if (found != ended_.end()) {
      if (found->result == "done") return;
      throw Error(sentence("systemd's job for ", unit, " ended as ", found->result));
    }
    const int progress = sd_bus_process(bus_, nullptr);
    check_bus(progress, "speak with systemd");
    if (progress > 0) continue;
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(
        end - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      throw Error(sentence("systemd did not finish its job for ", unit, " within ",
                           kPatience.count(), " s"));
    const int ready = sd_bus_wait(bus_, static_cast<std::uint64_t>(left.count()));
    if (ready != -EINTR) check_bus(ready, "wait for systemd");
  }
}

void Bus::reset_failed(const std::string& unit) {
  const Message message = call_to(bus_, "ResetFailedUnit");
  check_bus(sd_bus_message_append(message.get(), "s", unit.c_str()), "name a unit");
  Refusal refusal;
  Message reply;
  // Nearly always it is gone already.
  (void)send(bus_, message, refusal, reply);
}

void Bus::start_unit(const std::string& unit, const std::vector<Property>& properties) {
  listen_for_jobs();
  for (bool again = false;; again = true) {
    const Message message = call_to(bus_, "StartTransientUnit");
    check_bus(sd_bus_message_append(message.get(), "ss", unit.c_str(), "fail"), "name a unit");
    append_properties(message.get(), properties);
    check_bus(sd_bus_message_append(message.get(), "a(sa(sv))", 0), "end a message to systemd");
    Refusal refusal;
    Message reply;
    const int result = send(bus_, message, refusal, reply);
    if (result >= 0) return wait_for_job(read_path(reply), unit);
    // One that failed is only remembered; one that lives is somebody's, and our container would
    // not be in it (runc #2996).
    if (again || !refusal.is(kUnitExists)) refusal.raise("StartTransientUnit", unit, result);
    reset_failed(unit);
  }
}

void Bus::set_properties(const std::string& unit, const std::vector<Property>& properties) {
  const Message message = call_to(bus_, "SetUnitProperties");
  check_bus(sd_bus_message_append(message.get(), "sb", unit.c_str(), 1), "name a unit");
  append_properties(message.get(), properties);
  Refusal refusal;
  Message reply;
  const int result = send(bus_, message, refusal, reply);
  if (result < 0) refusal.raise("SetUnitProperties", unit, result);
  // It writes to the cgroup after its answer, but before it looks at the next message: without
  // this one its rounded values could come after our exact ones.
  version();
}

void Bus::attach(const std::string& unit, std::uint32_t pid) {
  const Message message = call_to(bus_, "AttachProcessesToUnit");
  check_bus(sd_bus_message_append(message.get(), "ssau", unit.c_str(), "", 1, pid),
            "name a unit and a process");
  Refusal refusal;
  Message reply;
  const int result = send(bus_, message, refusal, reply);
  if (result < 0) refusal.raise("AttachProcessesToUnit", unit, result);
}

void Bus::stop_unit(const std::string& unit) {
  listen_for_jobs();
  const Message message = call_to(bus_, "StopUnit");
  check_bus(sd_bus_message_append(message.get(), "ss", unit.c_str(), "replace"), "name a unit");
  Refusal refusal;
  Message reply;
  const int result = send(bus_, message, refusal, reply);
  if (result < 0 && !refusal.is(kNoSuchUnit)) refusal.raise("StopUnit", unit, result);
  if (result >= 0) wait_for_job(read_path(reply), unit);
  reset_failed(unit);
}

std::string Bus::text_property(const std::string& path, const char* interface, const char* name) {
  char* text = nullptr;
  Refusal refusal;
  const int result = sd_bus_get_property_string(bus_, kService, path.c_str(), interface, name,
                                                &refusal.error, &text);
  if (result < 0) refusal.raise(name, path, result);
  std::string value = text;
  std::free(text);
  return value;
}

unsigned Bus::version() {
  const std::string text = text_property(kPath, kManager, "Version");  // "252.38-1~deb12u1"
  std::string_view digits = text;
  if (digits.starts_with('v')) digits.remove_prefix(1);
  unsigned number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

std::string Bus::root_cgroup() { return text_property(kPath, kManager, "ControlGroup"); }

std::string Bus::cgroup_of(const std::string& unit) {
  char* path = nullptr;
  check_bus(sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path),
            "name a unit");
  const std::string object = path;
  std::free(path);
  const bool slice = unit.ends_with(".slice");
  return text_property(object,
                       slice ? "org.freedesktop.systemd1.Slice" : "org.freedesktop.systemd1.Scope",
                       "ControlGroup");
}
