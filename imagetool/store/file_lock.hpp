// SPDX-License-Identifier: Apache-2.0
// Waiting for a file's lock without being deaf meanwhile. Runs in toyimg.
#pragma once

#include <stop_token>
#include <string>

/// flock(2) with LOCK_EX or LOCK_SH on an open file; `name` is for messages. Throws Error, also
/// when told to stop: then a thread may stay behind that has the file open until the program ends.
void lock_unless_stopped(int file, int operation, const std::string& name,
                         const std::stop_token& stop);
