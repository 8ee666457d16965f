// SPDX-License-Identifier: Apache-2.0
// A program of ours that does what needs a shared library: toyrun-systemd, toyrun-nftables. toyrun
// is static, starts it when asked for such a thing, and talks to it over a socket. Host side.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"

namespace kernel {

/// Ends with the destructor.
class OwnProgram {
 public:
  struct Name {
    const char* file;  // "toyrun-systemd"
    const char* for_what;
  };
  /// Starts it from beside toyrun, else from where it was installed; an empty `argument` is none.
  /// Throws Error.
  OwnProgram(const Name& name, std::string argument);
  OwnProgram(const OwnProgram&) = delete;
  OwnProgram& operator=(const OwnProgram&) = delete;
  ~OwnProgram();

  /// A request (see runtime/conversation) and its answer, within 40 s. Throws Error with the
  /// program's own sentence.
  std::string ask(const std::vector<std::string>& request);

 private:
  std::string read_answer();
  void reap();

  std::string path_;
  UniqueFd socket_;
  pid_t pid_ = 0;
};

}  // namespace kernel
