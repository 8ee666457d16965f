// SPDX-License-Identifier: Apache-2.0
// Whole files at once: read, write, replace atomically, lock. Host paths only; anything inside a
// root filesystem goes through RootedDir. Every descriptor is close-on-exec; EINTR is retried here
// and only here.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"

/// Opens /dev/null on those of descriptors 0 to 2 that are closed: else the first files that are
/// opened become the standard ones. Throws Error.
void occupy_stdio();

/// open(2) relative to `dir` (AT_FDCWD allowed) with O_CLOEXEC added. Throws Error naming the path.
UniqueFd open_at(int dir, const std::string& path, int flags, mode_t mode = 0);
/// The same, but "not there" (ENOENT, ENOTDIR; in /proc/PID also ESRCH) is nullopt.
std::optional<UniqueFd> open_at_if_exists(int dir, const std::string& path, int flags);

/// Everything that is left to read, at most `limit` bytes (more is an Error). `name` is for
/// messages.
std::string read_all(int fd, std::string_view name, std::size_t limit = std::size_t{64} << 20);
/// The whole file at `path`, at most `limit` bytes. Throws Error naming the path.
std::string read_file(const std::string& path, std::size_t limit = std::size_t{64} << 20);
std::string read_file_at(int dir, const std::string& path,
                         std::size_t limit = std::size_t{64} << 20);
/// nullopt when the file does not exist, or is in /proc/PID of a process that has been reaped.
std::optional<std::string> read_file_if_exists(const std::string& path);

/// Writes all bytes (several write(2) calls if need be). Throws Error naming `name`.
void write_all(int fd, std::string_view bytes, std::string_view name);
/// One write(2) of the text into an existing file, as /proc and cgroup files want it; never
/// creates.
void write_value_at(int dir, const std::string& path, std::string_view value);

/// Creates or replaces `path` so that a reader sees the old or the new content, never a part:
/// hidden temp file in the same directory (mode given, minus umask), fsync when `durable`,
/// rename(2).
enum class Durability { kNone, kSynced };
void replace_file(const std::string& path, std::string_view content, mode_t mode = 0666,
                  Durability durability = Durability::kNone);
void replace_file_at(int dir, const std::string& name, std::string_view content, mode_t mode = 0666,
                     Durability durability = Durability::kNone);

/// An exclusive flock(2) on an open file, held until the returned descriptor closes.
UniqueFd lock_file(const std::string& path);

/// mkdir -p on the host, mode for the new ones. Existing directories are left alone.
void make_directories(const std::string& path, mode_t mode);
/// The same; returns those that were missing, deepest first, for remove_directories(). When it
/// fails none of them is left.
std::vector<std::string> make_missing_directories(const std::string& path, mode_t mode);
/// rmdir(2) each; ends at the first that somebody else uses by now.
void remove_directories(const std::vector<std::string>& deepest_first);
/// The absolute path with symlinks resolved (realpath(3)). Throws Error naming the path.
std::string real_path(const std::string& path);
