// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/systemd.hpp"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/kernel/host_facts.hpp"
#include "runtime/kernel/own_program.hpp"

namespace kernel {
namespace {

constexpr OwnProgram::Name kProgram{"toyrun-systemd", "the systemd cgroup driver"};

using Words = std::vector<std::string>;

void append(Words& request, const std::vector<plan::UnitProperty>& properties) {
  for (const plan::UnitProperty& one : properties) {
    request.insert(request.end(), {one.name, one.signature, std::to_string(one.values.size())});
    request.insert(request.end(), one.values.begin(), one.values.end());
  }
}

bool has_variable(const char* name) {
  const char* value = ::getenv(name);
  return value != nullptr && *value != '\0';
}

/// Root of a user namespace is an ordinary user with a systemd of its own, if that can be found.
bool asks_user_manager() {
  if (::geteuid() != 0) return true;
  if (in_initial_user_namespace()) return false;
  return has_variable("DBUS_SESSION_BUS_ADDRESS") || has_variable("XDG_RUNTIME_DIR");
}

}  // namespace

/// toyrun-systemd while it runs.
class BusProgram : public OwnProgram {
 public:
  explicit BusProgram(bool of_user) : OwnProgram(kProgram, of_user ? "user" : "system") {}
};

plan::SystemdFacts systemd_facts() {
  plan::SystemdFacts facts;
  facts.of_user = asks_user_manager();
  const std::string answer = BusProgram(facts.of_user).ask({"manager"});
  const std::size_t end = answer.find('\n');
  std::from_chars(answer.data(), answer.data() + answer.size(), facts.version);
  if (end == std::string::npos || facts.version == 0)
    throw Error(sentence("systemd did not tell its version and its cgroup: \"", answer, "\""));
  facts.root = answer.substr(end + 1);
  if (facts.root == "/") facts.root.clear();
  return facts;
}

TransientUnit::TransientUnit() = default;
TransientUnit::TransientUnit(TransientUnit&& other) noexcept
    : id_(std::move(other.id_)),
      program_(std::move(other.program_)),
      keep_(std::exchange(other.keep_, true)) {}

TransientUnit TransientUnit::start(const plan::SystemdUnit& unit) {
  TransientUnit started;
  started.keep_ = true;  // until there is something to stop
  started.id_ = unit.id;
  started.program_ = std::make_unique<BusProgram>(unit.id.of_user);
  Words request{"start", unit.id.name};
  append(request, unit.properties);
  const std::string cgroup = started.program_->ask(request);
  started.keep_ = false;
  if (cgroup != unit.cgroup)
    throw Error(sentence("systemd put the unit ", unit.id.name, " into the cgroup ", cgroup,
                         ", not into ", unit.cgroup));
  return started;
}

TransientUnit::~TransientUnit() {
  program_.reset();
  if (keep_) return;
  try {
    stop_unit(id_);
  } catch (const Error& error) {
    logging::warning(sentence(error.what(), ", ignoring"));  // the first failure is the one to tell
  }
}

void TransientUnit::attach(pid_t pid) { program_->ask({"attach", id_.name, std::to_string(pid)}); }

void TransientUnit::leave(const std::vector<plan::UnitProperty>& last_properties) {
  if (!last_properties.empty()) {
    Words request{"set", id_.name};
    append(request, last_properties);
    program_->ask(request);
  }
  program_.reset();
}

void set_unit_properties(const plan::UnitName& unit,
                         const std::vector<plan::UnitProperty>& properties) {
  if (properties.empty()) return;
  Words request{"set", unit.name};
  append(request, properties);
  BusProgram(unit.of_user).ask(request);
}

void attach_to_unit(const plan::UnitName& unit, pid_t pid) {
  BusProgram(unit.of_user).ask({"attach", unit.name, std::to_string(pid)});
}

void stop_unit(const plan::UnitName& unit) { BusProgram(unit.of_user).ask({"stop", unit.name}); }

}  // namespace kernel
