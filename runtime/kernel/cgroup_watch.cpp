// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/cgroup_watch.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "bundle-spec/error.hpp"
#include "runtime/kernel/cgroup_files.hpp"

namespace kernel {
namespace {

std::uint64_t kills(int directory) {
  return value_of_key(read_cgroup_file(directory, "memory.events").value_or(""), "oom_kill")
      .value_or(0);
}

/// By descriptor: the name may lead elsewhere by the time inotify looks it up.
bool watch_file(int inotify, int directory, const std::string& file) {
  const UniqueFd opened(open_in_hierarchy(directory, file, O_PATH));
  if (!opened && errno == ENOENT) return false;
  check(opened.get(), "open the cgroup file ", file);
  const std::string name = sentence("/proc/self/fd/", opened.get());
  check(::inotify_add_watch(inotify, name.c_str(), IN_MODIFY), "watch the cgroup file ", file);
  return true;
}

}  // namespace

CgroupWatch::CgroupWatch(const CgroupDirectories& directories)
    : inotify_(check(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "inotify_init1")) {
  for (const plan::CgroupDirectory& one : directories) {
    if (one.is_v2) watch_v2(one);
    if (!one.is_v2 && carries(one, "memory")) watch_v1(one);
  }
}

void CgroupWatch::watch_v1(const plan::CgroupDirectory& directory) {
  const UniqueFd dir = open_cgroup_if_exists(directory);
  if (!dir) return;
  const std::string name = cgroup_name(directory);
  control_.reset(open_in_hierarchy(dir.get(), "memory.oom_control", O_RDONLY));
  check(control_.get(), "open ", name, "/memory.oom_control");
  eventfd_.reset(check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"));
  const std::string line = sentence(eventfd_.get(), ' ', control_.get());
  if (const int number = write_cgroup_file(dir.get(), "cgroup.event_control", line); number != 0)
    throw Error(sentence("write to ", name, "/cgroup.event_control"), number);
}

void CgroupWatch::watch_v2(const plan::CgroupDirectory& directory) {
  UniqueFd dir = open_cgroup_if_exists(directory);
  if (!dir) return;
  watch_file(inotify_.get(), dir.get(), "cgroup.events");
  if (!watch_file(inotify_.get(), dir.get(), "memory.events")) return;
  kills_seen_ = kills(dir.get());
  v2_memory_ = std::move(dir);
}

void CgroupWatch::add_removal(const std::string& path) {
  // A file that somebody has open is not deleted yet when its name goes: that changes its links.
  constexpr std::uint32_t kGone = IN_ATTRIB | IN_DELETE_SELF | IN_DONT_FOLLOW;
  const int result = ::inotify_add_watch(inotify_.get(), path.c_str(), kGone);
  if (result < 0 && errno != ENOENT) check(result, "watch ", path);
}

std::array<pollfd, 2> CgroupWatch::descriptors() const {
  return {pollfd{.fd = eventfd_.get(), .events = POLLIN, .revents = 0},
          pollfd{.fd = inotify_.get(), .events = POLLIN, .revents = 0}};
}

std::uint64_t CgroupWatch::take_v1_events() {
  std::uint64_t count = 0;
  if (!eventfd_ || ::read(eventfd_.get(), &count, sizeof count) != sizeof count) return 0;
  // The removal of the cgroup is announced in the same way.
  char byte = 0;
  if (!control_ || ::pread(control_.get(), &byte, 1, 0) == 1) return count;
  control_.reset();
  return count - 1;
}

std::uint64_t CgroupWatch::take_out_of_memory() {
  alignas(inotify_event) std::array<char, 4096> events;
  while (::read(inotify_.get(), events.data(), events.size()) > 0) {
  }
  std::uint64_t count = take_v1_events();
  if (!v2_memory_) return count;
  const std::uint64_t now = kills(v2_memory_.get());
  if (now > kills_seen_) count += now - kills_seen_;
  kills_seen_ = std::max(kills_seen_, now);
  return count;
}

}  // namespace kernel
