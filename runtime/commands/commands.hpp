// SPDX-License-Identifier: Apache-2.0
// All verbs: each commands/<verb>.cpp gives its row of the table, with its options and what it
// does. Host side.
#pragma once

#include <array>

#include "bundle-spec/cli/options.hpp"

namespace commands {

cli::Command audit_command();
cli::Command check_command();
cli::Command checkpoint_command();
cli::Command create_command();
cli::Command delete_command();
cli::Command events_command();
cli::Command exec_command();
cli::Command explain_command();
cli::Command features_command();
cli::Command kill_command();
cli::Command list_command();
cli::Command mounts_command();
cli::Command network_command();
cli::Command pause_command();
cli::Command ps_command();
cli::Command restore_command();
cli::Command resume_command();
cli::Command run_command();
cli::Command spec_command();
cli::Command start_command();
cli::Command state_command();
cli::Command update_command();
cli::Command wait_command();

/// In the order of --help.
inline std::array<cli::Command, 23> all() {
  return {create_command(),     start_command(),   run_command(),     exec_command(),
          kill_command(),       wait_command(),    delete_command(),  state_command(),
          list_command(),       ps_command(),      events_command(),  pause_command(),
          resume_command(),     update_command(),  mounts_command(),  network_command(),
          checkpoint_command(), restore_command(), check_command(),   explain_command(),
          audit_command(),      spec_command(),    features_command()};
}

}  // namespace commands
