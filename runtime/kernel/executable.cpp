// SPDX-License-Identifier: Apache-2.0
// The part of kernel/process that looks into the container's file system: the program to run, and
// HOME.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/unique_fd.hpp"
#include "runtime/kernel/passwd.hpp"
#include "runtime/kernel/process.hpp"

namespace kernel {
namespace {

/// Engines compare with runc's words, where Go writes errno in small letters.
std::string go_words(int number) {
  const char* description = ::strerrordesc_np(number);
  std::string text = description != nullptr ? description : "unknown error";
  if (text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

/// Why the final user cannot execute `path`; empty: it can. The rules of Go's exec.LookPath, which
/// runc uses.
std::string refusal(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) < 0) return sentence("stat ", path, ": ", go_words(errno));
  // execve's own answer; newer runcs say EISDIR, of which docker's client makes 125 instead of 126.
  if (S_ISDIR(status.st_mode)) return go_words(EACCES);
  if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0) return {};
  // ENOSYS and EPERM come from seccomp filters that do not know faccessat2: the mode bits must do.
  const bool is_filtered = errno == ENOSYS || errno == EPERM;
  if (!is_filtered) return go_words(errno);
  return (status.st_mode & 0111) != 0 ? std::string() : go_words(EACCES);
}

/// The last PATH of the list: execve's environment has the same rule (config: duplicates, last one
/// wins).
std::string_view path_variable(const std::vector<std::string>& env) {
  std::string_view value;
  for (const std::string_view entry : env) {
    if (entry.starts_with("PATH=")) value = entry.substr(5);
  }
  return value;
}

[[noreturn]] void refuse(const std::string& name, std::string_view why) {
  throw Error(sentence("exec: \"", name, "\": ", why));
}

}  // namespace

std::string find_executable(const std::vector<std::string>& args,
                            const std::vector<std::string>& env) {
  const std::string name = args.empty() ? std::string() : args.front();
  if (name.find('/') != std::string::npos) {
    if (const std::string why = refusal(name); !why.empty()) refuse(name, why);
    return name;
  }
  std::string_view left = path_variable(env);
  while (!name.empty() && !left.empty()) {
    const std::size_t end = std::min(left.find(':'), left.size());
    const std::string_view directory = end == 0 ? std::string_view(".") : left.substr(0, end);
    const std::string candidate = sentence(directory, directory.ends_with('/') ? "" : "/", name);
    if (refusal(candidate).empty()) {
      if (candidate.starts_with('/')) return candidate;
      refuse(name, "cannot run executable found relative to current directory");
    }
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  refuse(name, "executable file not found in $PATH");
}

std::string home_directory(uid_t uid) {
  // O_NONBLOCK: an image may have a fifo in this place, and opening it must not hang.
  const UniqueFd file(::open("/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status;
  if (!file || ::fstat(file.get(), &status) < 0 || !S_ISREG(status.st_mode)) return "/";
  constexpr std::size_t kLimit = std::size_t{16} << 20;
  std::string text;
  char part[16384];
  while (text.size() < kLimit) {
    const ssize_t length = ::read(file.get(), part, sizeof part);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) break;
    text.append(part, static_cast<std::size_t>(length));
  }
  return home_in_passwd(text, uid).value_or("/");
}

}  // namespace kernel
