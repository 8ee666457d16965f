// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/fs/file.hpp"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "bundle-spec/error.hpp"

namespace {

template <typename Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

int open_fd(int dir, const std::string& path, int flags, mode_t mode) {
  // With an embedded NUL the kernel would open another file than the message names.
  if (path.find('\0') != std::string::npos) {
    errno = EINVAL;
    return -1;
  }
  return retry_interrupted([&] { return ::openat(dir, path.c_str(), flags | O_CLOEXEC, mode); });
}

/// A temporary name that disappears again unless it was renamed into place.
class HiddenFile {
 public:
  HiddenFile(int dir, std::string name) : dir_(dir), name_(std::move(name)) {}
  HiddenFile(const HiddenFile&) = delete;
  HiddenFile& operator=(const HiddenFile&) = delete;
  ~HiddenFile() {
    if (!name_.empty()) ::unlinkat(dir_, name_.c_str(), 0);
  }
  void rename_to(const std::string& name) {
    check(::renameat(dir_, name_.c_str(), dir_, name.c_str()), "rename ", name_, " to ", name);
    name_.clear();
  }

 private:
  int dir_;
  std::string name_;
};

std::string hidden_name(const std::string& name) {
  unsigned char random[8];
  check(::getrandom(random, sizeof random, 0), "getrandom");
  // NAME_MAX: the file's own name may already use all of it.
  std::string hidden = sentence('.', std::string_view(name).substr(0, 200), '.');
  for (const unsigned char byte : random) {
    hidden += "0123456789abcdef"[byte >> 4];
    hidden += "0123456789abcdef"[byte & 15];
  }
  return hidden;
}

std::pair<std::string, std::string> split_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

bool is_directory(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

void occupy_stdio() {
  std::array<pollfd, 3> stdio{pollfd{0, 0, 0}, pollfd{1, 0, 0}, pollfd{2, 0, 0}};
  if (::poll(stdio.data(), stdio.size(), 0) <= 0) return;
  for (const pollfd& one : stdio)
    if ((one.revents & POLLNVAL) != 0) check(::open("/dev/null", O_RDWR), "open /dev/null");
}

UniqueFd open_at(int dir, const std::string& path, int flags, mode_t mode) {
  return UniqueFd(check(open_fd(dir, path, flags, mode), "open ", path));
}

std::optional<UniqueFd> open_at_if_exists(int dir, const std::string& path, int flags) {
  const int fd = open_fd(dir, path, flags, 0);
  // ESRCH: the process was reaped while the kernel walked its /proc/PID (proc_pid_permission).
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ESRCH)) return std::nullopt;
  return UniqueFd(check(fd, "open ", path));
}

std::string read_all(int fd, std::string_view name, std::size_t limit) {
  struct stat status;
  check(::fstat(fd, &status), "stat ", name);
  // Files of /proc claim to be empty, so the size is a hint only.
  std::size_t room = status.st_size > 0 ? static_cast<std::size_t>(status.st_size) + 1 : 4096;
  std::string content;
  std::size_t filled = 0;
  for (;;) {
    content.resize(std::min(room, limit + 1));
    while (filled < content.size()) {
      const ssize_t count =
          check(retry_interrupted(
                    [&] { return ::read(fd, content.data() + filled, content.size() - filled); }),
                "read ", name);
      if (count == 0) {
        content.resize(filled);
        return content;
      }
      filled += static_cast<std::size_t>(count);
    }
    if (filled > limit) throw Error(sentence(name, " is larger than ", limit, " bytes"), 0);
    room = content.size() * 2;
  }
}

std::string read_file(const std::string& path, std::size_t limit) {
  return read_file_at(AT_FDCWD, path, limit);
}

std::string read_file_at(int dir, const std::string& path, std::size_t limit) {
  const UniqueFd file = open_at(dir, path, O_RDONLY);
  return read_all(file.get(), path, limit);
}

std::optional<std::string> read_file_if_exists(const std::string& path) {
  const std::optional<UniqueFd> file = open_at_if_exists(AT_FDCWD, path, O_RDONLY);
  if (!file) return std::nullopt;
  try {
    return read_all(file->get(), path);
  } catch (const Error& error) {
    // The file of a process that was reaped after it was opened (proc(5)).
    if (error.number() == ESRCH) return std::nullopt;
    throw;
  }
}

void write_all(int fd, std::string_view bytes, std::string_view name) {
  while (!bytes.empty()) {
    const ssize_t count = check(
        retry_interrupted([&] { return ::write(fd, bytes.data(), bytes.size()); }), "write ", name);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void write_value_at(int dir, const std::string& path, std::string_view value) {
  const UniqueFd file = open_at(dir, path, O_WRONLY);
  const ssize_t count =
      check(retry_interrupted([&] { return ::write(file.get(), value.data(), value.size()); }),
            "write \"", value, "\" to ", path);
  if (static_cast<std::size_t>(count) != value.size())
    throw Error(sentence("write \"", value, "\" to ", path, ": only ", count, " bytes were taken"));
}

void replace_file(const std::string& path, std::string_view content, mode_t mode,
                  Durability durability) {
  const auto [directory, name] = split_path(path);
  try {
    const UniqueFd dir = open_at(AT_FDCWD, directory, O_PATH | O_DIRECTORY);
    replace_file_at(dir.get(), name, content, mode, durability);
  } catch (Error& error) {
    error.add_context("replace ", path);
    throw;
  }
}

void replace_file_at(int dir, const std::string& name, std::string_view content, mode_t mode,
                     Durability durability) {
  if (name.empty() || name.find('/') != std::string::npos)
    throw Error(sentence("\"", name, "\" is not a file name"), EINVAL);
  const std::string hidden = hidden_name(name);
  const UniqueFd file = open_at(dir, hidden, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  HiddenFile temporary(dir, hidden);
  write_all(file.get(), content, name);
  if (durability == Durability::kSynced) check(::fsync(file.get()), "fsync ", name);
  temporary.rename_to(name);
  if (durability == Durability::kSynced) {
    // rename(2) is durable only once the directory is; `dir` may be O_PATH, which cannot be synced.
    const UniqueFd directory = open_at(dir, ".", O_RDONLY | O_DIRECTORY);
    check(::fsync(directory.get()), "fsync the directory of ", name);
  }
}

UniqueFd lock_file(const std::string& path) {
  UniqueFd file = open_at(AT_FDCWD, path, O_RDWR | O_CREAT, 0600);
  check(retry_interrupted([&] { return ::flock(file.get(), LOCK_EX); }), "lock ", path);
  return file;
}

void make_directories(const std::string& path, mode_t mode) {
  if (path.empty()) throw Error("make directory \"\"", ENOENT);
  // The whole path first: mostly it exists, or only the last part is missing.
  if (::mkdir(path.c_str(), mode) == 0) return;
  if (errno == EEXIST && is_directory(path)) return;
  if (errno != ENOENT) check(-1, "make directory ", path);
  for (std::size_t end = path.find('/', 1); end != std::string::npos;
       end = path.find('/', end + 1)) {
    const std::string prefix = path.substr(0, end);
    if (::mkdir(prefix.c_str(), mode) == 0 || errno == EEXIST) continue;
    // A read-only or foreign parent is fine as long as the directory is there (EROFS, EACCES).
    const int number = errno;
    if (!is_directory(prefix)) throw Error(sentence("make directory ", prefix), number);
  }
  if (::mkdir(path.c_str(), mode) == 0 || is_directory(path)) return;
  check(-1, "make directory ", path);
}

void remove_directories(const std::vector<std::string>& deepest_first) {
  for (const std::string& path : deepest_first)
    if (::rmdir(path.c_str()) != 0) return;
}

std::vector<std::string> make_missing_directories(const std::string& path, mode_t mode) {
  std::vector<std::string> made;
  std::string missing = path;
  while (!missing.empty() && ::access(missing.c_str(), F_OK) != 0 && errno == ENOENT) {
    made.push_back(missing);
    missing.resize(missing.find_last_of('/') == std::string::npos ? 0 : missing.find_last_of('/'));
    while (missing.size() > 1 && missing.back() == '/') missing.pop_back();
  }
  try {
    make_directories(path, mode);
  } catch (const Error&) {
    remove_directories(made);
    throw;
  }
  return made;
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&::free)> resolved(::realpath(path.c_str(), nullptr),
                                                          &::free);
  if (resolved == nullptr) check(-1, "resolve ", path);
  return resolved.get();
}
