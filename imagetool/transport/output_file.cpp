// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/output_file.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace {

UniqueFd open_output(const std::string& path, const std::string& hidden) {
  if (path == "-") {
    if (::isatty(STDOUT_FILENO) == 1)
      throw UsageError("an archive is nothing for a terminal: give a file, or redirect it");
    return UniqueFd(check(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3), "dup"));
  }
  struct stat status = {};
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
    throw Error(sentence(path, " is a directory"));
  return open_at(AT_FDCWD, hidden, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
}

}  // namespace

OutputFile::OutputFile(const std::string& path)
    : path_(path),
      hidden_(sentence(path, ".new-", ::getpid())),
      file_(open_output(path, hidden_)) {}

OutputFile::~OutputFile() {
  if (path_ != "-" && file_) ::unlink(hidden_.c_str());
}

void OutputFile::write(std::string_view bytes) { write_all(file_.get(), bytes, path_); }

void OutputFile::write(std::span<const std::byte> bytes) {
  write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void OutputFile::finish() {
  if (path_ == "-") return;
  check(::fsync(file_.get()), "sync ", path_);
  check(::rename(hidden_.c_str(), path_.c_str()), "rename to ", path_);
  file_.reset();
}
