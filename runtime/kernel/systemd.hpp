// SPDX-License-Identifier: Apache-2.0
// Asks systemd for the container's unit. The D-Bus library exists as a shared object only, so a
// small program of ours, toyrun-systemd, speaks to the bus and ends with the request. Host side.
#pragma once

#include <sys/types.h>

#include <memory>
#include <vector>

#include "runtime/plan/systemd_unit.hpp"

namespace kernel {

/// Which systemd makes our cgroups: the machine's for root, else the user's. Throws Error when
/// there is none or its bus cannot be reached.
plan::SystemdFacts systemd_facts();

class BusProgram;

/// A unit that is there for the container to be born in. Stopped on destruction unless keep() was
/// called.
class TransientUnit {
 public:
  /// StartTransientUnit; returns when its job is done, within 30 s. A failed unit of the same name
  /// is reset, one that lives is an error. The program stays in the scope's cgroup until leave().
  /// Throws Error.
  static TransientUnit start(const plan::SystemdUnit& unit);
  TransientUnit(TransientUnit&&) noexcept;
  TransientUnit& operator=(TransientUnit&&) = delete;
  ~TransientUnit();

  /// Has systemd move a process into the unit, for callers whose own rights do not reach so far.
  void attach(pid_t pid);
  /// Init is in the unit: the last properties are set, and the program goes.
  void leave(const std::vector<plan::UnitProperty>& last_properties);
  void keep() { keep_ = true; }

 private:
  TransientUnit();
  plan::UnitName id_;
  std::unique_ptr<BusProgram> program_;
  bool keep_ = false;
};

/// SetUnitProperties until the next restart; returns when systemd has written them to the cgroup.
/// Throws Error.
void set_unit_properties(const plan::UnitName& unit,
                         const std::vector<plan::UnitProperty>& properties);
/// Has systemd move a process into a running unit. Throws Error.
void attach_to_unit(const plan::UnitName& unit, pid_t pid);
/// StopUnit, waits for its job, and forgets a failure. A unit that is not there is fine. Throws
/// Error.
void stop_unit(const plan::UnitName& unit);

}  // namespace kernel
