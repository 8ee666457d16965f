// SPDX-License-Identifier: Apache-2.0
// toyrun-systemd MANAGER: speaks to systemd for toyrun, which is static and cannot load libsystemd.
// MANAGER is "system" or "user". Requests and answers as in runtime/conversation: VERB [UNIT
// [ARGUMENT...]]. It ends when the socket does, and after a failure.
//
// start UNIT PROPERTY...   a transient unit; a scope gets this very process, as its place holder
// set UNIT PROPERTY...     SetUnitProperties, until they have arrived in the cgroup
// attach UNIT PID          AttachProcessesToUnit
// stop UNIT                StopUnit, ResetFailedUnit
// manager                  version and cgroup of the manager
// A PROPERTY is its name, its D-Bus signature, the number of values, the values.
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "bundle-spec/error.hpp"
#include "runtime/conversation.hpp"
#include "runtime/systemd/bus.hpp"

namespace {

std::vector<Property> read_properties(const std::vector<std::string>& words) {
  std::vector<Property> properties;
  for (std::size_t at = 2; at < words.size();) {
    if (at + 3 > words.size()) throw Error("toyrun-systemd was sent half a property");
    Property one{.name = words[at], .signature = words[at + 1], .values = {}};
    const std::size_t count = Conversation::read_number(words[at + 2]);
    at += 3;
    if (count > words.size() - at) throw Error("toyrun-systemd was sent half a property");
    one.values.assign(words.begin() + static_cast<std::ptrdiff_t>(at),
                      words.begin() + static_cast<std::ptrdiff_t>(at + count));
    at += count;
    properties.push_back(std::move(one));
  }
  return properties;
}

std::string carry_out(Bus& bus, const std::vector<std::string>& words) {
  const std::string& verb = words.at(0);
  if (verb == "manager") return sentence(bus.version(), "\n", bus.root_cgroup());
  const std::string& unit = words.at(1);
  if (verb == "start") {
    bus.start_unit(unit, read_properties(words));
    return bus.cgroup_of(unit);
  }
  if (verb == "set") {
    bus.set_properties(unit, read_properties(words));
  } else if (verb == "attach") {
    bus.attach(unit, static_cast<std::uint32_t>(Conversation::read_number(words.at(2))));
  } else if (verb == "stop") {
    bus.stop_unit(unit);
  } else {
    throw Error(sentence("toyrun-systemd knows no request \"", verb, "\""));
  }
  return {};
}

int usage() {
  constexpr std::string_view kUsage =
      "toyrun-systemd is a part of toyrun, which runs it for the systemd cgroup driver.\n";
  return ::write(STDERR_FILENO, kUsage.data(), kUsage.size()) < 0 ? 1 : 2;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string manager = count == 2 ? arguments[1] : "";
  if (manager != "system" && manager != "user") return usage();
  Conversation conversation;
  try {
    std::vector<std::string> words;
    if (!conversation.read_request(words) || words.empty()) return usage();
    Bus bus(manager == "user");
    do Conversation::answer('+', carry_out(bus, words));
    while (conversation.read_request(words) && !words.empty());
    return 0;
  } catch (const std::exception& error) {
    Conversation::answer('-', error.what());
    return 1;
  }
}
