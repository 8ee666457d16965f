// SPDX-License-Identifier: Apache-2.0
// Pseudo-terminals: made in the container's own devpts, handed to a console socket, or relayed in
// the foreground.
#pragma once

#include <optional>
#include <string>

#include "bundle-spec/fs/rooted_dir.hpp"
#include "bundle-spec/fs/unique_fd.hpp"
#include "bundle-spec/oci/runtime_config.hpp"

namespace kernel {

struct Terminal {
  UniqueFd master, slave;
  std::string name;  // "/dev/pts/0", as the container sees it
};

/// Init or joiner. Opens dev/pts/ptmx inside `root` without symlinks, proves it is devpts' (inode
/// 2, 5:2), gets the slave by TIOCGPTPEER, sets the size, and gives the slave to `uid`. Throws
/// Error.
Terminal open_terminal(const RootedDir& root, const std::optional<oci::ConsoleSize>& size,
                       uid_t uid);
/// Host: gives the window size of the user's terminal (stdin, or else stdout) to this one; nothing
/// without one.
void copy_window_size(int terminal);
/// Makes the slave stdin, stdout, stderr and the controlling terminal (the caller did setsid).
void use_terminal(int slave);

/// Host, before any namespace is entered: connects to the AF_UNIX stream socket at `path` (long
/// paths go through a descriptor of the directory).
UniqueFd connect_socket(const std::string& path);
/// Sends one descriptor with `text` as the message's data (SCM_RIGHTS).
void send_descriptor(int socket, int descriptor, const std::string& text);
/// Receives one; returns an empty UniqueFd when none came with the message.
UniqueFd receive_descriptor(int socket);

}  // namespace kernel
