// SPDX-License-Identifier: Apache-2.0
// systemd's manager on D-Bus, as far as a container's unit needs it. In toyrun-systemd only.
#pragma once

#include <systemd/sd-bus.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

/// See plan::UnitProperty.
struct Property {
  std::string name;
  std::string signature;
  std::vector<std::string> values;
};

class Bus {
 public:
  /// The manager's own socket, where no message bus is needed, else the message bus. Throws Error.
  explicit Bus(bool of_user);
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;
  ~Bus();

  unsigned version();
  /// The manager's own cgroup, below which all of its units are.
  std::string root_cgroup();
  /// The cgroup of a unit that runs.
  std::string cgroup_of(const std::string& unit);
  /// Starts a transient unit and waits for its job. Throws Error.
  void start_unit(const std::string& unit, const std::vector<Property>& properties);
  /// Returns when systemd has written what follows from them to the cgroup. Throws Error.
  void set_properties(const std::string& unit, const std::vector<Property>& properties);
  void attach(const std::string& unit, std::uint32_t pid);
  /// Stops a unit, waits for its job and forgets a failure. One that is not there is fine.
  void stop_unit(const std::string& unit);

 private:
  struct EndedJob {
    std::string path, result;
  };
  static int note_job(sd_bus_message* message, void* jobs, sd_bus_error* error);
  void connect(bool of_user);
  void listen_for_jobs();
  /// Waits for JobRemoved. Throws Error unless the result is "done".
  void wait_for_job(const std::string& job, const std::string& unit);
  void reset_failed(const std::string& unit);
  std::string text_property(const std::string& path, const char* interface, const char* name);

  sd_bus* bus_ = nullptr;
  bool is_private_ = false;
  std::vector<EndedJob> ended_;
};
