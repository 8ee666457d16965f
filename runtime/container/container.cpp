// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/container.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/container/notify_socket.hpp"
#include "runtime/container/record_lock.hpp"
#include "runtime/container/start_gate.hpp"
#include "runtime/kernel/cgroup.hpp"
#include "runtime/kernel/pidfd.hpp"

namespace {

constexpr std::string_view kSuffix = ".json";
constexpr std::size_t kLongestId = 245;  // NAME_MAX without the longest suffix
constexpr std::size_t kLongestLine = std::size_t{16} << 20;

bool is_container_id(std::string_view id) {
  // By hand: isalnum(3) asks the locale.
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '+' || c == '-' || c == '.';
  };
  return !id.empty() && id.size() <= kLongestId && id != "." && id != ".." &&
         std::ranges::all_of(id, allowed);
}

std::string file_name(const std::string& id) { return id + std::string(kSuffix); }
/// "~" is in no id, so this is nobody's record.
std::string new_file_name(const std::string& id) { return file_name(id) + "~"; }

/// A record that was replaced or removed while we waited for its lock is not the container's.
bool is_unlinked(int file) {
  struct stat status{};
  check(::fstat(file, &status), "fstat of the container's state record");
  return status.st_nlink == 0;
}

std::string restore_place(const std::string& id) { return id + ".restore"; }

UniqueFd open_root(const std::string& root) {
  return UniqueFd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

UniqueFd make_root(const std::string& root) {
  if (UniqueFd existing = open_root(root)) return existing;
  make_directories(root, 0700);
  return UniqueFd(check(open_root(root).release(), "open the state directory ", root));
}

UniqueFd open_existing_root(const std::string& root) {
  UniqueFd directory = open_root(root);
  if (!directory && errno == ENOENT) throw NotFound("container does not exist");
  check(directory.get(), "open the state directory ", root);
  return directory;
}

/// A create that is killed while it writes a long record leaves a part of one without a process.
bool is_of_killed_create(std::string_view part, const std::string& id) {
  ContainerRecord record;
  record.id = id;
  const std::string whole = write_record(record);
  return part.starts_with(std::string_view(whole).substr(0, whole.find("\"startTime\"")));
}

/// Everything up to the first line's end; `rest` is what was read beyond it. Empty when there is no
/// whole line.
std::string read_first_line(int file, std::string& rest, const std::string& name,
                            const std::string& id) {
  std::array<char, 4096> buffer;
  std::string line;
  while (line.size() < kLongestLine) {
    const ssize_t got = ::read(file, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (check(got, "read ", name) == 0) {
      if (line.empty() || is_of_killed_create(line, id)) return {};
      throw Error(sentence(name, ": is cut off (damaged state record?): which process and cgroups ",
                           id, " has is lost; end what is in the cgroups of that name, and remove ",
                           "the file"));
    }
    const std::string_view chunk(buffer.data(), static_cast<std::size_t>(got));
    const std::size_t end = chunk.find('\n');
    line += chunk.substr(0, end);
    if (end == std::string_view::npos) continue;
    rest = chunk.substr(end + 1);
    return line;
  }
  throw Error(sentence(name, ": is not a state record of toyrun (damaged?)"));
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

void check_container_id(const std::string& id) {
  if (id.empty()) throw Error("container id cannot be empty");
  if (!is_container_id(id))
    throw Error(sentence("invalid container ID format: \"", id,
                         "\" (letters, digits and _ + . -, at most ", kLongestId, ')'));
}

std::string Container::file_path() const {
  return sentence(root_path_.starts_with('/') ? root_path_ : real_path(root_path_), '/',
                  file_name(record_.id));
}

Container Container::reserve(const std::string& root, const ContainerRecord& record,
                             const ContainerCgroups& cgroups, const ContainerDetails& details) {
  check_container_id(record.id);
  Container container;
  container.root_path_ = root;
  container.record_ = record;
  container.record_.pid = 0;
  container.root_ = std::make_shared<const UniqueFd>(make_root(root));
  const std::string file = file_name(record.id);
  do {
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    container.file_.reset(::openat(container.root_->get(), file.c_str(), flags, 0600));
    if (!container.file_ && errno == EEXIST) throw Error("container with given ID already exists");
    check(container.file_.get(), "create ", root, "/", file);
    lock_record(container.file_.get());
    // A delete may have seen the empty record before it was locked, and removed it as abandoned.
  } while (is_unlinked(container.file_.get()));
  container.creator_ = Creator::kThisProcess;
  container.keep_ = false;
  container.after_record_ = write_cgroups(cgroups) + write_details(details);
  container.is_read_whole_ = true;
  container.cgroups_ = cgroups;
  container.details_ = details;
  const std::string first_line = write_record(container.record_);
  if (first_line.size() > kLongestLine / 2)
    throw Error(sentence("annotations: too long: with them the container's state record has ",
                         first_line.size(), " bytes, at most ", kLongestLine / 2, " are possible"));
  write_all(container.file_.get(), first_line + container.after_record_, file);
  if (record.has_notify_socket) NotifySocket::make_directory(container.root_->get(), record.id);
  return container;
}

Container Container::open(const std::string& root, const std::string& id) {
  check_container_id(id);
  return open(root, std::make_shared<const UniqueFd>(open_existing_root(root)), id, Lock::kNone);
}

Container Container::open_locked(const std::string& root, const std::string& id,
                                 Creating creating) {
  check_container_id(id);
  return open(root, std::make_shared<const UniqueFd>(open_existing_root(root)), id,
              creating == Creating::kShow ? Lock::kExclusiveOnceCreated : Lock::kExclusive);
}

Container Container::open(const std::string& root, Root directory, const std::string& id,
                          Lock lock) {
  Container container;
  container.root_path_ = root;
  container.root_ = std::move(directory);
  container.record_.id = id;
  while (!container.open_file(lock)) {
  }
  return container;
}

/// False when the record was replaced meanwhile and has to be opened again.
bool Container::open_file(Lock wanted) {
  const std::string file = file_name(record_.id);
  // O_NONBLOCK: should it be a fifo, nobody is to wait for its other end.
  const int flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
  file_.reset(::openat(root_->get(), file.c_str(), flags));
  if (!file_ && errno == ENOENT) throw NotFound("container does not exist");
  check(file_.get(), "open ", root_path_, "/", file);
  if (wanted != Lock::kNone && !lock_file(wanted)) return true;
  if (wanted != Lock::kNone && is_unlinked(file_.get())) return false;
  read_file();
  // Without a pid: either the lock is free and its create was killed, or that create still works.
  if (creator_ == Creator::kGone && wanted == Lock::kNone) {
    if (::flock(file_.get(), LOCK_SH | LOCK_NB) != 0) {
      creator_ = Creator::kAnother;
    } else {
      check(::flock(file_.get(), LOCK_UN), "unlock ", file);
      return !is_unlinked(file_.get());
    }
  }
  return true;
}

/// False for one that is being created, if that is to be shown.
bool Container::lock_file(Lock wanted) {
  if (lock_record_if_free(file_.get())) return true;
  if (wanted == Lock::kExclusiveOnceCreated) {
    read_file();
    if (creator_ == Creator::kGone) {
      creator_ = Creator::kAnother;
      return false;
    }
    check(::lseek(file_.get(), 0, SEEK_SET), "rewind the container's state record");
  }
  lock_record_in_time(file_.get(), record_.id);
  return true;
}

void Container::read_file() {
  const std::string line = read_first_line(file_.get(), after_record_, file_path(), record_.id);
  const std::string id = record_.id;
  // Without a whole line: its create was killed, or looked at, before it could write one.
  record_ = ContainerRecord{};
  record_.id = id;
  if (!line.empty()) record_ = read_record(line, file_path());
  if (record_.id != id) throw Error(sentence(file_path(), ": belongs to container ", record_.id));
  creator_ = record_.pid == 0 ? Creator::kGone : Creator::kDone;
}

Container::~Container() {
  if (keep_ || !root_) return;
  try {
    remove_files();
  } catch (const Error&) {
    // The failure that led here is what the user must see.
  }
}

std::vector<std::string> Container::list(const std::string& root) {
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(root.c_str()));
  if (directory == nullptr && errno == ENOENT) return {};
  if (directory == nullptr) check(-1, "open the state directory ", root);
  std::vector<std::string> ids;
  while (const dirent* entry = ::readdir(directory.get())) {
    std::string_view file = entry->d_name;
    if (!file.ends_with(kSuffix)) continue;
    file.remove_suffix(kSuffix.size());
    if (is_container_id(file)) ids.emplace_back(file);
  }
  std::ranges::sort(ids);
  return ids;
}

void Container::visit_all(const std::string& root,
                          const std::function<void(const Container&)>& visit) {
  const std::vector<std::string> ids = list(root);
  if (ids.empty()) return;
  const Root directory = std::make_shared<const UniqueFd>(open_existing_root(root));
  for (const std::string& id : ids) {
    try {
      visit(open(root, directory, id, Lock::kNone));
    } catch (const NotFound&) {
      continue;  // deleted meanwhile
    } catch (const Error& error) {
      logging::warning(sentence("load container ", id, ": ", error.what()));
    }
  }
}

const std::string& Container::text_after_record() const {
  if (!is_read_whole_) after_record_ += read_all(file_.get(), file_path());
  is_read_whole_ = true;
  return after_record_;
}

const ContainerCgroups& Container::cgroups() const {
  if (cgroups_) return *cgroups_;
  std::size_t end = after_record_.find('\n');
  if (end == std::string::npos) end = text_after_record().find('\n');
  // Its create was killed while it wrote, so it has made none.
  if (end == std::string::npos && record_.pid == 0) return cgroups_.emplace();
  return cgroups_.emplace(read_cgroups(after_record_.substr(0, end), file_path()));
}

const ContainerDetails& Container::details() const {
  if (details_) return *details_;
  const std::string& text = text_after_record();
  return details_.emplace(read_details(text.substr(text.find('\n') + 1), file_path()));
}

oci::Status Container::status() const {
  if (creator_ == Creator::kThisProcess || creator_ == Creator::kAnother)
    return oci::Status::kCreating;
  // A start time of 0 is a process that was gone before its start time could be read.
  if (record_.pid == 0 || record_.start_time == 0 ||
      kernel::start_time(record_.pid) != record_.start_time)
    return oci::Status::kStopped;
  if (kernel::is_frozen(record_.freezer)) return oci::Status::kPaused;
  return StartGate::exists(root_->get(), record_.id) ? oci::Status::kCreated
                                                     : oci::Status::kRunning;
}

oci::State Container::state() const {
  const oci::Status now = status();
  return state_as(now, now == oci::Status::kStopped ? 0 : record_.pid);
}

oci::State Container::state_as(oci::Status status, pid_t pid) const {
  return {.oci_version = record_.oci_version,
          .id = record_.id,
          .status = status,
          .pid = pid,
          .bundle = record_.bundle,
          .annotations = record_.annotations};
}

void Container::update_record(const ContainerRecord& record) {
  prepare_update(record);
  publish_update();
}

void Container::prepare_update(ContainerRecord record) {
  const std::string new_name = new_file_name(record_.id);
  const std::string content = write_record(record) + text_after_record();
  UniqueFd file = open_at(root_->get(), new_name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
  // Locked before anybody can see it: the lock goes over to the new file without a gap.
  lock_record(file.get());
  write_all(file.get(), content, new_name);
  update_ = {std::move(file), std::move(record)};
}

void Container::publish_update() {
  const std::string new_name = new_file_name(record_.id);
  check(::renameat(root_->get(), new_name.c_str(), root_->get(), file_name(record_.id).c_str()),
        "rename ", root_path_, "/", new_name);
  file_ = std::move(update_->file);
  record_ = std::move(update_->record);
  update_.reset();
  if (record_.pid != 0) creator_ = Creator::kDone;
}

void Container::unlock() const {
  check(::flock(file_.get(), LOCK_UN), "unlock the container's state record");
}

bool Container::lock_unchanged() const {
  if (!lock_record_if_free(file_.get())) lock_record_in_time(file_.get(), record_.id);
  return !is_unlinked(file_.get());
}

std::optional<UniqueFd> Container::open_init() const {
  if (record_.pid == 0) return std::nullopt;
  return kernel::open_process(record_.pid, record_.start_time);
}

void Container::remove_files() const {
  StartGate::remove(root_->get(), record_.id);
  if (record_.has_notify_socket) NotifySocket::remove_directory(root_->get(), record_.id);
  std::vector<std::string> files = {file_name(record_.id)};
  // Only a killed create can have left one.
  if (record_.pid == 0) {
    files.push_back(new_file_name(record_.id));
    ::unlinkat(root_->get(), restore_place(record_.id).c_str(), AT_REMOVEDIR);
  }
  for (const std::string& file : files)
    if (::unlinkat(root_->get(), file.c_str(), 0) != 0 && errno != ENOENT)
      check(-1, "remove ", root_path_, "/", file);
}
