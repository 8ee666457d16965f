// SPDX-License-Identifier: Apache-2.0
// Where init waits for `start`: two fifos beside the record. Init holds ID.start open for reading
// and writing and blocks in read(2), so nothing has to be opened once seccomp is on; and ID.status
// for writing, close-on-exec: end of file there means the program runs, text means why it does not.
// Used on the host (make, open) and in init (wait, report).
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>

#include "bundle-spec/fs/unique_fd.hpp"

class StartGate {
 public:
  /// Host, before clone: makes both fifos (0600) under the root directory and opens init's ends.
  /// Removed on destruction unless keep().
  static StartGate make(int root_directory, const std::string& id);
  StartGate(StartGate&&) noexcept = default;
  StartGate& operator=(StartGate&&) = delete;
  ~StartGate();
  void keep() { keep_ = true; }
  /// Init's two descriptors: the only ones besides the handshake that stay open until execve.
  std::array<int, 2> descriptors() const { return {start_.get(), status_.get()}; }

  /// Init, before seccomp: from now on HUP, INT, QUIT and TERM end it with status 128 + signal. The
  /// kernel keeps signals without a handler from a pid namespace's first process, and a created
  /// container must be stoppable (runtime.md 2.1). execve resets this.
  static void end_on_signals();
  /// Init: blocks until start opens the gate (read(2) only).
  void wait() const;
  /// Init, after wait() (close(2) only): from now on exists() is false unless a `start` is at work.
  void pass();
  /// Init: says why the program cannot run (write(2) only); the gate's reader throws it.
  void report(std::string_view sentence) const;

  /// Host: is the gate of this container still closed (status `created`)?
  static bool exists(int root_directory, const std::string& id);
  /// The file below the root directory whose removal means that the gate was opened.
  static std::string file_name(const std::string& id);
  /// Host: opens the gate and waits until the program runs; then removes the fifos. Throws Error
  /// with init's sentence, or that init is gone; `is_alive` tells whether the first process lives.
  static void open(int root_directory, const std::string& id,
                   const std::function<bool()>& is_alive);
  static void remove(int root_directory, const std::string& id);

 private:
  StartGate() = default;
  int root_directory_ = -1;
  std::string id_;
  UniqueFd start_, status_;
  bool keep_ = false;
};
