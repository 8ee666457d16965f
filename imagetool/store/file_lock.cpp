// SPDX-License-Identifier: Apache-2.0
#include "imagetool/store/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/unique_fd.hpp"

namespace {

/// What waits for a lock, and who waits for that.
struct LockWait {
  UniqueFd file{};  // the same open file, so the same lock
  int operation = LOCK_EX;
  std::mutex mutex{};
  std::condition_variable_any changed{};
  std::optional<int> error{};  // errno; 0: got it

  void run() {
    int result = 0;
    do {
      result = ::flock(file.get(), operation);
    } while (result != 0 && errno == EINTR);
    const int number = result == 0 ? 0 : errno;
    const std::lock_guard lock(mutex);
    file.reset();
    error = number;
    changed.notify_all();
  }
};

}  // namespace

// flock(2) cannot be told to stop, so when somebody else has the lock a thread of its own waits for
// it. Stopped, that thread stays behind: the program is about to end.
void lock_unless_stopped(int file, int operation, const std::string& name,
                         const std::stop_token& stop) {
  if (::flock(file, operation | LOCK_NB) == 0) return;
  if (errno != EWOULDBLOCK) check(-1, "lock ", name);
  const auto wait = std::make_shared<LockWait>();
  wait->file.reset(check(::fcntl(file, F_DUPFD_CLOEXEC, 3), "dup"));
  wait->operation = operation;
  std::thread([wait] { wait->run(); }).detach();
  std::unique_lock lock(wait->mutex);
  if (!wait->changed.wait(lock, stop, [&] { return wait->error.has_value(); }))
    throw Error("stopped");
  if (*wait->error != 0) throw Error(sentence("lock ", name), *wait->error);
}
