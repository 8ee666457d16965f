// SPDX-License-Identifier: Apache-2.0
#include "imagetool/store/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <memory>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/unique_fd.hpp"
#include "imagetool/layer/unless_stopped.hpp"

void lock_unless_stopped(int file, int operation, const std::string& name,
                         const std::stop_token& stop) {
  if (::flock(file, operation | LOCK_NB) == 0) return;
  if (errno != EWOULDBLOCK) check(-1, "lock ", name);
  // The same open file, so the same lock.
  auto same = std::make_shared<UniqueFd>(check(::fcntl(file, F_DUPFD_CLOEXEC, 3), "dup"));
  unless_stopped(stop, [same = std::move(same), operation, name] {
    int result = 0;
    do {
      result = ::flock(same->get(), operation);
    } while (result != 0 && errno == EINTR);
    return check(result, "lock ", name);
  });
}
