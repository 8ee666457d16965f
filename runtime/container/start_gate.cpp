// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/start_gate.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace {

constexpr std::size_t kLongestSentence = 32 * 1024;

std::string start_name(const std::string& id) { return id + ".start"; }
std::string status_name(const std::string& id) { return id + ".status"; }

UniqueFd make_fifo(int directory, const std::string& name) {
  int made = ::mkfifoat(directory, name.c_str(), 0600);
  if (made != 0 && errno == EEXIST) {
    // Left by a create that was killed: its record is gone, and we hold the new one.
    check(::unlinkat(directory, name.c_str(), 0), "remove old ", name);
    made = ::mkfifoat(directory, name.c_str(), 0600);
  }
  check(made, "mkfifo ", name);
  // O_RDWR needs nobody at the other end (fifo(7)).
  return open_at(directory, name, O_RDWR | O_NOFOLLOW);
}

void unlink_if_exists(int directory, const std::string& name) {
  if (::unlinkat(directory, name.c_str(), 0) != 0 && errno != ENOENT) check(-1, "remove ", name);
}

/// Reads until end of file: usually there is nothing but that.
std::string read_report(int status) {
  std::array<char, 1024> buffer;
  std::string text;
  for (;;) {
    const ssize_t got = ::read(status, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (check(got, "wait for the container's program") == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

StartGate StartGate::make(int root_directory, const std::string& id) {
  StartGate gate;
  gate.root_directory_ = root_directory;
  gate.id_ = id;
  gate.start_ = make_fifo(root_directory, start_name(id));
  gate.status_ = make_fifo(root_directory, status_name(id));
  return gate;
}

StartGate::~StartGate() {
  // A gate that was moved from has no descriptors.
  if (!start_ || keep_) return;
  ::unlinkat(root_directory_, start_name(id_).c_str(), 0);
  ::unlinkat(root_directory_, status_name(id_).c_str(), 0);
}

void StartGate::end_on_signals() {
  struct sigaction end{};
  end.sa_handler = [](int signal) { ::_exit(128 + signal); };
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM})
    check(::sigaction(signal, &end, nullptr), "sigaction");
}

void StartGate::wait() const {
  char byte = 0;
  ssize_t got;
  do {
    got = ::read(start_.get(), &byte, 1);
  } while (got < 0 && errno == EINTR);
  check(got, "wait for start");
}

void StartGate::pass() { start_.reset(); }

void StartGate::report(std::string_view sentence) const {
  // Less than a pipe holds, so this never blocks; nobody is there to be told of a failure.
  [[maybe_unused]] const ssize_t written =
      ::write(status_.get(), sentence.data(), std::min(sentence.size(), kLongestSentence));
}

std::string StartGate::file_name(const std::string& id) { return start_name(id); }

bool StartGate::exists(int root_directory, const std::string& id) {
  // ENXIO: nobody reads any more, so the startContainer hooks or the program run and only the
  // `start` that let them was killed before it could remove the fifos.
  const std::string name = start_name(id);
  const int flags = O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW;
  return static_cast<bool>(UniqueFd(::openat(root_directory, name.c_str(), flags)));
}

void StartGate::open(int root_directory, const std::string& id,
                     const std::function<bool()>& is_alive) {
  // Before the gate opens, so that end of file can only mean that init's end closed.
  const UniqueFd status =
      open_at(root_directory, status_name(id), O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  // O_RDWR: no SIGPIPE should init have died.
  const UniqueFd start = open_at(root_directory, start_name(id), O_RDWR | O_NOFOLLOW);
  check(::fcntl(status.get(), F_SETFL, 0), "fcntl");
  check(::write(start.get(), "s", 1), "open the start gate of ", id);
  const std::string report = read_report(status.get());
  if (!report.empty()) {
    remove(root_directory, id);  // init may take a moment to end: it waits no more
    throw Error(report);
  }
  int unread = 0;
  check(::ioctl(start.get(), FIONREAD, &unread), "FIONREAD on the start gate of ", id);
  // Alive, it was let through by a `start` that was killed, and ours came too late to be read.
  if (unread > 0 && !is_alive())
    throw Error("cannot start: the container's first process ended while it waited for start");
  remove(root_directory, id);
}

void StartGate::remove(int root_directory, const std::string& id) {
  unlink_if_exists(root_directory, start_name(id));
  unlink_if_exists(root_directory, status_name(id));
}
