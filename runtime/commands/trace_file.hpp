// SPDX-License-Identifier: Apache-2.0
// --trace FILE: what was done, in the JSON that chrome://tracing and Perfetto read. Host side.
#pragma once

#include <string>

#include "bundle-spec/fs/unique_fd.hpp"

namespace commands {

/// While this lives a trace is written; the file is complete when it is gone, however the command
/// ended.
class TraceFile {
 public:
  /// Opens (creates, empties) the file and starts the trace. Throws Error.
  TraceFile(const std::string& path, std::string title);
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;
  /// Writes the events; a failure is a warning.
  ~TraceFile();

 private:
  std::string path_;
  std::string title_;
  UniqueFd file_;
};

}  // namespace commands
