// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/output_file.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace {

/// What is there but no regular file: a device, a fifo. It is written to and stays what it is.
bool is_written_in_place(const std::string& path) {
  struct stat status = {};
  if (path == "-") return true;
  if (::stat(path.c_str(), &status) != 0) return false;
  if (S_ISDIR(status.st_mode)) throw Error(sentence(path, " is a directory"), EISDIR);
  return !S_ISREG(status.st_mode);
}

/// A symlink stays; the file it leads to is replaced.
std::string resolved(const std::string& path) {
  struct stat status = {};
  const bool is_link = ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
  return is_link && ::access(path.c_str(), F_OK) == 0 ? real_path(path) : path;
}

UniqueFd open_output(const std::string& path, const std::string& hidden) {
  if (path == "-") {
    if (::isatty(STDOUT_FILENO) == 1)
      throw UsageError("an archive is nothing for a terminal: give a file, or redirect it");
    return UniqueFd(check(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3), "dup"));
  }
  if (hidden.empty()) return open_at(AT_FDCWD, path, O_WRONLY | O_NOCTTY);
  constexpr int kNew = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  return UniqueFd(check(::open(hidden.c_str(), kNew, 0644), "make ", path));
}

}  // namespace

OutputFile::OutputFile(const std::string& path)
    : path_(is_written_in_place(path) ? path : resolved(path)),
      hidden_(is_written_in_place(path_) ? "" : sentence(path_, ".new-", ::getpid())),
      file_(open_output(path_, hidden_)) {}

OutputFile::~OutputFile() {
  if (!hidden_.empty() && file_) ::unlink(hidden_.c_str());
}

void write_result_file(const std::string& path, const std::string& text) {
  OutputFile file(path == "-" ? "./-" : path);
  file.write(text);
  file.finish();
}

void OutputFile::write(std::string_view bytes) {
  write_all(file_.get(), bytes, path_ == "-" ? "standard output" : path_);
}

void OutputFile::write(std::span<const std::byte> bytes) {
  write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void OutputFile::finish() {
  if (hidden_.empty()) return;
  check(::fsync(file_.get()), "sync ", path_);
  check(::rename(hidden_.c_str(), path_.c_str()), "rename to ", path_);
  file_.reset();
}
