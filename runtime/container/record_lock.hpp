// SPDX-License-Identifier: Apache-2.0
// The flock(2) on a container's record: who holds it may change the container. Host side.
#pragma once

#include <string>

/// Waits for it without limit: on a file that nobody else has seen yet.
void lock_record(int file);
bool lock_record_if_free(int file);
/// Waits for at most ten seconds, then throws Error naming the process that holds it. `id` is the
/// container's. ITIMER_REAL and SIGALRM are used meanwhile.
void lock_record_in_time(int file, const std::string& id);
