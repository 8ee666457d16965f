// SPDX-License-Identifier: Apache-2.0
// A named container on this host: reserve, open, ask its status, signal, remove. Host side.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "bundle-spec/oci/state.hpp"
#include "runtime/container/container_record.hpp"

class Container {
 public:
  /// Claims the id: makes ROOT (0700) if missing and ROOT/ID.json with O_EXCL, holding a lock on
  /// it. The record is written with pid 0, so that whatever happens now `delete --force` finds the
  /// cgroups. Undone on destruction unless keep(). Throws Error in runc's words: "container with
  /// given ID already exists", "invalid container ID format".
  static Container reserve(const std::string& root, const ContainerRecord& record,
                           const ContainerCgroups& cgroups, const ContainerDetails& details);
  /// Throws NotFound "container does not exist" (runc's words).
  static Container open(const std::string& root, const std::string& id);
  /// The same, locked against start, delete and update by others. Waits for ten seconds, then
  /// throws Error naming the process that holds it. With kShow, one whose create still works comes
  /// back at once, not locked: its status is creating.
  enum class Creating { kWaitFor, kShow };
  static Container open_locked(const std::string& root, const std::string& id,
                               Creating creating = Creating::kWaitFor);
  /// Ids of all containers under ROOT, sorted; a missing ROOT is none.
  static std::vector<std::string> list(const std::string& root);
  /// Opens each of them in turn; a record that cannot be read is a warning.
  static void visit_all(const std::string& root,
                        const std::function<void(const Container&)>& visit);
  Container(Container&&) noexcept = default;
  Container& operator=(Container&&) = delete;
  ~Container();

  const ContainerRecord& record() const { return record_; }
  /// Reads the second line (once).
  const ContainerCgroups& cgroups() const;
  /// Reads the lines after it (once).
  const ContainerDetails& details() const;
  /// creating, created (its start gate is there), running, paused (its cgroup is frozen), stopped
  /// (gone or a zombie).
  oci::Status status() const;
  /// The state document with the status now.
  oci::State state() const;
  /// State for hooks with a given status and pid.
  oci::State state_as(oci::Status status, pid_t pid) const;
  /// Replaces the record: pid and start time are known, or cgroup values changed.
  void update_record(const ContainerRecord& record);
  /// The same in two steps: all but the name, then the name.
  void prepare_update(ContainerRecord record);
  void publish_update();
  void keep() { keep_ = true; }
  /// Lets others lock it: a foreground `run` while its program runs.
  void unlock() const;
  /// Locks it again. False when somebody else has changed or removed it since: then it has to be
  /// opened anew.
  bool lock_unchanged() const;
  /// A pidfd of init; nullopt when it is gone.
  std::optional<UniqueFd> open_init() const;
  /// Removes record and gates. Cgroups must be gone before (kernel::remove).
  void remove_files() const;

  /// Directory descriptor of ROOT and the path of the gates: see start_gate.
  int root_directory() const { return root_->get(); }
  const std::string& root() const { return root_path_; }
  /// The absolute path of the record.
  std::string file_path() const;

 private:
  /// Whose the record is while it has no pid yet.
  enum class Creator { kDone, kThisProcess, kAnother, kGone };
  enum class Lock { kNone, kExclusive, kExclusiveOnceCreated };
  Container() = default;
  using Root = std::shared_ptr<const UniqueFd>;
  static Container open(const std::string& root, Root directory, const std::string& id, Lock lock);
  bool open_file(Lock lock);
  bool lock_file(Lock wanted);
  void read_file();
  const std::string& text_after_record() const;

  std::string root_path_;
  Root root_;
  UniqueFd file_;  // ID.json, locked or not
  ContainerRecord record_;
  struct Update {
    UniqueFd file;
    ContainerRecord record;
  };
  std::optional<Update> update_;
  Creator creator_ = Creator::kDone;
  mutable std::string after_record_;  // what was read behind the first line
  mutable bool is_read_whole_ = false;
  mutable std::optional<ContainerCgroups> cgroups_;
  mutable std::optional<ContainerDetails> details_;
  bool keep_ = true;
};

/// Letters, digits, "_+-.", at most 245 characters, not "." or "..". Throws Error "invalid
/// container ID format: …".
void check_container_id(const std::string& id);
