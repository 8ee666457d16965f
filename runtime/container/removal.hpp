// SPDX-License-Identifier: Apache-2.0
// The end of a container: its processes killed, everything it left on the host removed. Host side.
#pragma once

#include "runtime/container/container.hpp"

/// SIGKILL to init (and, without a pid namespace of its own, to all in its cgroups), thawed if
/// frozen; returns when init has ended. Nothing left to kill is fine. Throws Error if it still
/// lives after ten seconds.
void kill_container(const Container& container);

/// Removes cgroups, record and gates of a stopped container, then runs its poststop hooks. Throws
/// Error when something cannot be removed; the record stays then, so that delete can be tried
/// again.
void remove_container(const Container& container);

/// Runs the poststop hooks; a failing one is a warning. For a launch that failed after earlier
/// hooks ran; part of remove_container.
void run_poststop_hooks(const Container& container);
