// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/cgroup_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "runtime/kernel/cgroup_values.hpp"

namespace kernel {
namespace {

/// Writes into the files of one cgroup; lines for the same file share one descriptor (devices.allow
/// has a dozen).
class ValueWriter {
 public:
  explicit ValueWriter(int dir) : dir_(dir) {}

  /// 0 or the errno.
  int write(const std::string& file, std::string_view value) {
    if (file != file_) {
      file_.clear();
      open_.reset(open_in_hierarchy(dir_, file, O_WRONLY));
      if (!open_) return errno;
      file_ = file;
    }
    ssize_t count;
    do count = ::write(open_.get(), value.data(), value.size());
    while (count < 0 && errno == EINTR);
    trace::call("write ", value, " to ", file);
    return count < 0 ? errno : 0;
  }

  int write(const plan::FileWrite& one) {
    const int number =
        write(one.file, one.keep_first_word ? after_first_word(one.file, one.value) : one.value);
    if (number != ENOENT) return number;
    if (!one.fallback_file.empty()) return write(one.fallback_file, one.fallback_value);
    return one.optional ? 0 : number;
  }

 private:
  std::string after_first_word(const std::string& file, const std::string& value) const {
    const std::string now = read_cgroup_file(dir_, file).value_or("");
    return sentence(std::string_view(now).substr(0, now.find_first_of(" \n")), ' ', value);
  }

  int dir_;
  std::string file_;
  UniqueFd open_;
};

/// Pairs that the kernel checks against each other: a new value of the first may only fit a new
/// value of the second.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kPairs{{
    {"memory.limit_in_bytes", "memory.memsw.limit_in_bytes"},
    {"cpu.cfs_period_us", "cpu.cfs_quota_us"},
    {"cpu.cfs_quota_us", "cpu.cfs_burst_us"},
    {"cpu.rt_period_us", "cpu.rt_runtime_us"},
    {"cpu.max", "cpu.max.burst"},
}};

/// Index of the write that must come before writes[index], if there is one further down.
std::optional<std::size_t> other_half(const std::vector<plan::FileWrite>& writes,
                                      std::size_t index) {
  for (const auto& [first, second] : kPairs) {
    if (writes[index].file != first) continue;
    for (std::size_t later = index + 1; later < writes.size(); ++later) {
      if (writes[later].file == second) return later;
    }
  }
  return std::nullopt;
}

bool is_for_all_devices(const plan::FileWrite& write) {
  return write.file.starts_with("devices.") && write.value == "a";
}

std::string_view hint(const plan::FileWrite& write, int number) {
  const bool is_memory = write.file.starts_with("memory.");
  if (number == EBUSY && is_memory) return " (the limit lies below what is in use)";
  if (number == ENOENT) return " (its controller is not enabled in this cgroup)";
  if (number == ENODEV) return " (no such device)";
  if (number == ENOTSUP && is_memory) return " (this kernel has no such limit: leave it out)";
  if (number == EINVAL && is_for_all_devices(write))
    return " (the kernel refuses this while there are cgroups below: let /linux/cgroupsPath name "
           "one of the container's own)";
  return "";
}

[[noreturn]] void refuse(const std::string& name, const plan::FileWrite& write, int number) {
  throw Error(
      sentence("write \"", write.value, "\" to ", name, "/", write.file, hint(write, number)),
      number);
}

/// Directory entries that are cgroups. kernfs keeps the link count of a directory at 2 +
/// subdirectories, so most calls end there.
std::vector<std::string> child_cgroups(int dir) {
  struct stat status;
  if (::fstat(dir, &status) < 0 || status.st_nlink <= 2) return {};
  const int listing = open_in_hierarchy(dir, ".", O_RDONLY | O_DIRECTORY);
  if (listing < 0) return {};
  DIR* entries = ::fdopendir(listing);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(entries)) {
    const std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.emplace_back(name);
  }
  ::closedir(entries);
  return names;
}

void add_pids(std::string_view text, std::vector<pid_t>& pids) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    pid_t pid = 0;
    std::from_chars(text.data(), text.data() + end, pid);
    if (pid > 0) pids.push_back(pid);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void read_pids(int dir, std::vector<pid_t>& pids) {
  UniqueFd file(open_in_hierarchy(dir, "cgroup.procs", O_RDONLY));
  std::string text;
  char part[4096];
  ssize_t length = 0;
  while (file && (length = ::read(file.get(), part, sizeof part)) > 0) {
    text.append(part, static_cast<std::size_t>(length));
  }
  if (length < 0 && errno == EOPNOTSUPP) {
    // A threaded v2 cgroup lists threads only; what matters here is that somebody is in it.
    text = read_cgroup_file(dir, "cgroup.threads").value_or("");
  }
  add_pids(text, pids);
}

/// A cgroup that was removed counts as one below for some milliseconds more, and no event tells its
/// end (css_has_online_children in security/device_cgroup.c).
int write_past_removed_children(int dir, ValueWriter& writer, const plan::FileWrite& write) {
  int number = writer.write(write);
  const Deadline deadline(std::chrono::seconds(2));
  for (unsigned attempt = 0; number == EINVAL && is_for_all_devices(write); ++attempt) {
    if (deadline.has_passed() || !child_cgroups(dir).empty()) break;
    pause_without_event(attempt, deadline);
    number = writer.write(write);
  }
  return number;
}

bool is_busy(int number) { return number == EBUSY || number == ENOTEMPTY; }

/// Removes everything below `dir`, going down and up again with one descriptor at a time: a
/// container may have made any depth.
bool remove_below(UniqueFd dir, const std::string& name) {
  std::vector<std::string> way;
  for (;;) {
    const std::vector<std::string> children = child_cgroups(dir.get());
    if (!children.empty()) {
      UniqueFd child(open_in_hierarchy(dir.get(), children.front(), O_PATH | O_DIRECTORY));
      if (!child && !is_gone(errno)) throw Error(sentence("open a cgroup below ", name), errno);
      if (!child) continue;
      way.push_back(children.front());
      dir = std::move(child);
      continue;
    }
    if (way.empty()) return true;
    UniqueFd parent(::openat(dir.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    check(parent.get(), "open a cgroup below ", name);
    if (::unlinkat(parent.get(), way.back().c_str(), AT_REMOVEDIR) < 0 && !is_gone(errno)) {
      if (is_busy(errno)) return false;
      throw Error(sentence("remove the cgroup ", way.back(), " below ", name), errno);
    }
    way.pop_back();
    dir = std::move(parent);
  }
}

/// 1: removed or not there, 0: busy.
bool remove_one(const std::string& name) {
  if (::rmdir(name.c_str()) == 0 || is_gone(errno)) return true;
  if (is_busy(errno)) return false;
  throw Error(sentence("remove the cgroup ", name), errno);
}

}  // namespace

std::string cgroup_name(const plan::CgroupDirectory& directory) {
  return directory.mount_point + directory.path;
}

bool carries(const plan::CgroupDirectory& directory, std::string_view controller) {
  return std::ranges::find(directory.controllers, controller) != directory.controllers.end();
}

int open_in_hierarchy(int dir, const std::string& path, int flags) {
  const char* relative = path.c_str();
  while (*relative == '/') ++relative;
  return open_beneath(dir, *relative == '\0' ? "." : relative, flags, 0,
                      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

UniqueFd open_hierarchy(const std::string& mount_point) {
  return UniqueFd(check(::open(mount_point.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC),
                        "open the cgroup hierarchy ", mount_point));
}

UniqueFd open_cgroup_if_exists(const plan::CgroupDirectory& directory) {
  const UniqueFd root(::open(directory.mount_point.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root) {
    UniqueFd opened(open_in_hierarchy(root.get(), directory.path, O_PATH | O_DIRECTORY));
    if (opened) return opened;
  }
  if (is_gone(errno)) return {};
  throw Error(sentence("open the cgroup ", directory.mount_point, directory.path), errno);
}

bool is_gone(int number) { return number == ENOENT || number == ENODEV; }

std::optional<std::string> read_cgroup_file(int dir, const std::string& file) {
  const UniqueFd opened(open_in_hierarchy(dir, file, O_RDONLY));
  if (!opened && is_gone(errno)) return std::nullopt;
  check(opened.get(), "open the cgroup file ", file);
  std::string text(4096, '\0');
  std::size_t used = 0;
  for (;;) {
    const ssize_t count = ::read(opened.get(), text.data() + used, text.size() - used);
    if (count < 0 && is_gone(errno)) return std::nullopt;
    check(count, "read the cgroup file ", file);
    used += static_cast<std::size_t>(count);
    if (used < text.size() || text.size() >= 65536) break;
    text.resize(text.size() * 4);
  }
  text.resize(used);
  return text;
}

void require_usage_below(std::int64_t limit, int dir, const plan::CgroupDirectory& directory) {
  if (!carries(directory, "memory")) return;
  const char* file = directory.is_v2 ? "memory.current" : "memory.usage_in_bytes";
  const std::string text = read_cgroup_file(dir, file).value_or("0");
  std::int64_t usage = 0;
  std::from_chars(text.data(), text.data() + text.size(), usage);
  if (limit >= usage) return;
  throw Error(sentence("unable to set memory limit to ", limit, " (current usage: ", usage, ")"));
}

std::optional<std::uint64_t> value_of_key(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ') {
      std::uint64_t value = 0;
      const char* start = line.data() + key.size() + 1;
      if (std::from_chars(start, line.data() + line.size(), value).ec == std::errc{}) return value;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::nullopt;
}

int write_cgroup_file(int dir, const std::string& file, std::string_view value) {
  return ValueWriter(dir).write(file, value);
}

void write_values(int dir, const std::string& name, const std::vector<plan::FileWrite>& writes) {
  ValueWriter writer(dir);
  std::optional<std::size_t> written_early;
  for (std::size_t index = 0; index < writes.size(); ++index) {
    if (written_early == index) continue;
    int number = write_past_removed_children(dir, writer, writes[index]);
    if (number == EINVAL && !written_early) {
      const std::optional<std::size_t> other = other_half(writes, index);
      if (other && writer.write(writes[*other]) == 0) {
        written_early = other;
        number = writer.write(writes[index]);
      }
    }
    if (number != 0) refuse(name, writes[index], number);
  }
}

void warn_of_dropped(int dir, const std::string& name, const std::vector<plan::FileWrite>& writes) {
  for (const plan::FileWrite& one : writes) {
    if (!one.may_be_dropped) continue;
    // In effect, a limit is rounded down to pages.
    if (number_or_zero(read_cgroup_file(dir, one.file).value_or("")) <= number_or_zero(one.value))
      continue;
    logging::warning(sentence(name, "/", one.file, ": this kernel has no such limit (it took ",
                              one.value, " and does nothing with it), ignoring"));
  }
}

std::vector<pid_t> processes_below(int dir) {
  std::vector<pid_t> pids;
  read_pids(dir, pids);
  std::vector<std::string> left = child_cgroups(dir);
  while (!left.empty()) {
    const std::string path = std::move(left.back());
    left.pop_back();
    const UniqueFd child(open_in_hierarchy(dir, path, O_PATH | O_DIRECTORY));
    if (!child && is_gone(errno)) continue;
    check(child.get(), "open the cgroup ", path);
    read_pids(child.get(), pids);
    for (const std::string& name : child_cgroups(child.get())) left.push_back(path + "/" + name);
  }
  return pids;
}

bool remove_cgroup_tree(const plan::CgroupDirectory& directory) {
  const std::string name = cgroup_name(directory);
  if (remove_one(name)) return true;
  UniqueFd dir = open_cgroup_if_exists(directory);
  if (!dir) return true;
  return remove_below(std::move(dir), name) && remove_one(name);
}

bool wait_for_event(int dir, std::initializer_list<std::string_view> lines,
                    const Deadline& deadline) {
  const UniqueFd events(open_in_hierarchy(dir, "cgroup.events", O_RDONLY));
  if (!events && is_gone(errno)) return true;
  check(events.get(), "open cgroup.events");
  for (;;) {
    char text[256];
    const ssize_t length = ::pread(events.get(), text, sizeof text, 0);
    if (length < 0 && errno == ENODEV) return true;
    check(length, "read cgroup.events");
    const std::string_view now(text, static_cast<std::size_t>(length));
    for (const std::string_view line : lines)
      if (now.find(line) != std::string_view::npos) return true;
    // A change between the read and the poll is not lost: kernfs counts events since the read.
    pollfd waiting{.fd = events.get(), .events = POLLPRI, .revents = 0};
    const int ready = ::poll(&waiting, 1, deadline.remaining());
    if (ready == 0) return false;
    if (ready < 0 && errno != EINTR) throw Error("poll of cgroup.events", errno);
  }
}

void pause_without_event(unsigned attempt, const Deadline& deadline) {
  const long microseconds = std::min(100L << std::min(attempt, 6U), 5000L);
  const timespec span{.tv_sec = 0, .tv_nsec = microseconds * 1000};
  if (!deadline.has_passed()) ::ppoll(nullptr, 0, &span, nullptr);
}

}  // namespace kernel
