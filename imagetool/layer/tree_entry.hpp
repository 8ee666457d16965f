// SPDX-License-Identifier: Apache-2.0
// What lies in an open directory, as tar entries: kind, owner, mode, time, link target, device and
// extended attributes. Nothing is followed. Runs in toyimg.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/layer/tar_reader.hpp"
#include "imagetool/oci/digest.hpp"

/// True for attributes that belong to a host or to overlayfs, not to the file: never in a layer.
bool is_host_xattr(std::string_view name);

struct TreeEntry {
  TarEntry entry;  // its name is for the caller to set
  struct stat status = {};
};

/// What is at the single component `name` in `directory`; nullopt for a socket, which no layer can
/// hold, and when it is gone. Throws Error.
std::optional<TreeEntry> read_tree_entry(int directory, const std::string& name);
/// The same for the open directory itself.
TreeEntry read_tree_root(int directory);

/// An extended attribute of what is at `name` in `directory` (host attributes too); nullopt when it
/// has none.
std::optional<std::string> read_xattr(int directory, const std::string& name, const char* key);

/// The attributes of what is at `name` in `directory`, not followed, or of an open file (O_PATH
/// will do), sorted; without host attributes. Throws Error.
using Xattrs = std::vector<std::pair<std::string, std::string>>;
Xattrs read_xattrs(int directory, const std::string& name);
Xattrs read_xattrs(int file);

/// The names in an open directory, without "." and "..", sorted bytewise. Throws Error.
std::vector<std::string> sorted_names(int directory);

/// Opens the subdirectory `name` for reading, without following a symlink. Throws Error.
int open_subdirectory(int directory, const std::string& name);
/// Opens the regular file `name` for reading, without following a symlink or waiting on a fifo.
int open_regular(int directory, const std::string& name);
/// sha256 of what is left to read of an open file. Throws Error.
Digest digest_of_file(int file);
