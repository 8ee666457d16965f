// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/checkpoint.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <utility>

#include "bundle-spec/cli/options.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "runtime/container/json_writer.hpp"
#include "runtime/kernel/mount_calls.hpp"
#include "runtime/kernel/mount_table.hpp"
#include "runtime/launch/criu.hpp"
#include "runtime/plan/checkpoint.hpp"
#include "runtime/plan/paths.hpp"

namespace launch {
namespace {

std::string read_link(const std::string& path) {
  std::string target(PATH_MAX, '\0');
  const ssize_t length =
      check(::readlink(path.c_str(), target.data(), target.size()), "read ", path);
  target.resize(static_cast<std::size_t>(length));
  return target;
}

/// Where the container's mount table has it, symlinks followed; nullopt when nothing is mounted
/// there.
std::optional<std::string> mount_point_of(const plan::ExternalMount& mount, const RootedDir& root) {
  const std::optional<UniqueFd> there = root.open_if_exists(mount.target, O_PATH);
  if (!there) return std::nullopt;
  const struct statx status = kernel::identify(there->get(), mount.target);
  if ((status.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0) return std::nullopt;
  if (mount.is_file_mask && !S_ISCHR(status.stx_mode)) return std::nullopt;
  std::string point = read_link(sentence("/proc/self/fd/", there->get()));
  // CRIU reads "mnt[KEY]:NAME", so a name of the image's could end the key (CVE-2026-119101).
  const bool is_plain = std::ranges::none_of(
      point, [](unsigned char letter) { return letter < 32 || letter == ']' || letter == '['; });
  if (!is_plain)
    throw Error(sentence("mount ", mount.target, " is at ", point,
                         " in the container: CRIU takes no brackets and control characters there"));
  return point;
}

plan::CriuPairs mounts_to_dump(const plan::LaunchPlan& launch, pid_t pid) {
  const RootedDir root(open_at(AT_FDCWD, sentence("/proc/", pid, "/root"), O_PATH | O_DIRECTORY));
  plan::CriuPairs mounts;
  for (const plan::ExternalMount& one : plan::external_mounts(launch, host_mount_points()))
    if (std::optional<std::string> point = mount_point_of(one, root))
      mounts.emplace_back(std::move(*point), one.name);
  return mounts;
}

/// The number behind "mnt_id:" in a file's fdinfo; proc(5).
std::string mount_id(pid_t pid, int fd) {
  const std::string text = read_file(sentence("/proc/", pid, "/fdinfo/", fd));
  const std::size_t at = text.find("mnt_id:\t");
  if (at == std::string::npos) return {};
  const std::size_t start = at + std::string_view("mnt_id:\t").size();
  return text.substr(start, text.find('\n', start) - start);
}

bool is_mount_of(pid_t pid, const std::string& id) {
  const std::string table = "\n" + read_file(sentence("/proc/", pid, "/mountinfo"));
  return table.find(sentence('\n', id, ' ')) != std::string::npos;
}

std::string hexadecimal(std::uint64_t number) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return {digits.data(), end.ptr};
}

/// How CRIU calls what this descriptor is: "pipe:[123]"; "file[1f:2a]" for a file that lies on a
/// mount of the host; else a path in the container.
std::string name_of_descriptor(pid_t pid, int fd) {
  const std::string path = sentence("/proc/", pid, "/fd/", fd);
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return {};
  std::string name = read_link(path);
  if (!name.starts_with('/') || ::stat(path.c_str(), &status) != 0) return name;
  const std::string id = mount_id(pid, fd);
  if (id.empty() || is_mount_of(pid, id)) return name;
  return sentence("file[", hexadecimal(cli::parse_number(id, ~0ULL, path)), ':',
                  hexadecimal(status.st_ino), ']');
}

/// What init's stdio is, so that restore can put its own in these places.
std::vector<std::string> stdio_of(pid_t pid) {
  std::vector<std::string> names;
  for (const int fd : {0, 1, 2}) names.push_back(name_of_descriptor(pid, fd));
  return names;
}

/// As runc's descriptors.json.
std::string write_descriptors(const std::vector<std::string>& names) {
  JsonWriter json(JsonWriter::Layout::kCompact);
  json.begin_array();
  for (const std::string& one : names) json.text(one);
  return json.end_array().take();
}

/// Namespaces named by path stay outside: the images only say which they were.
std::vector<std::string> external_namespaces(const plan::LaunchPlan& launch, pid_t pid) {
  std::vector<std::string> all;
  for (const ExternalNamespace& one : kExternalNamespaces) {
    if (launch.namespaces.joined(plan::namespace_flag(one.type)) == nullptr) continue;
    const std::string_view file = plan::namespace_file(one.type);
    struct stat status{};
    const std::string path = sentence("/proc/", pid, "/ns/", file);
    check(::stat(path.c_str(), &status), "stat ", path);
    all.push_back(sentence(file, '[', status.st_ino, "]:", one.key));
  }
  return all;
}

std::string freezer_of(const std::vector<plan::CgroupDirectory>& directories) {
  for (const plan::CgroupDirectory& one : directories) {
    const bool freezes =
        one.is_v2 || std::ranges::find(one.controllers, "freezer") != one.controllers.end();
    const bool hybrid = one.is_v2 && directories.size() > 1;
    if (freezes && !hybrid) return one.mount_point + one.path;
  }
  return {};
}

void require_features(const CriuChoices& choices) {
  if (!choices.pre_dump && !choices.lazy_pages) return;
  const plan::CriuResponse features = Criu::features();
  if (choices.pre_dump && !features.tracks_memory)
    throw Error("--pre-dump: CRIU cannot track memory on this kernel");
  if (choices.lazy_pages && !features.has_lazy_pages)
    throw Error("--lazy-pages: CRIU finds no userfaultfd for it on this kernel");
}

}  // namespace

std::string criu_log(const CriuChoices& choices, std::string_view name) {
  return sentence(choices.work_path, '/', name);
}

std::string criu_config(const oci::Annotations& annotations, UniqueFd& file) {
  const auto named = annotations.find("org.criu.config");
  if (named != annotations.end()) {
    if (named->second.empty()) return {};
    const std::string path = real_path(named->second);
    if (!path.starts_with("/etc/criu/"))
      throw Error(sentence("/annotations/org.criu.config: ", path,
                           " is not below /etc/criu, where options for CRIU have to be"));
    file = open_at(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW);
  } else {
    for (const char* path : {"/etc/criu/toyrun.conf", "/etc/criu/runc.conf"}) {
      std::optional<UniqueFd> there = open_at_if_exists(AT_FDCWD, path, O_RDONLY);
      if (!there) continue;
      file = std::move(*there);
      break;
    }
  }
  return file ? sentence("/proc/", ::getpid(), "/fd/", file.get()) : std::string();
}

std::vector<std::string> host_mount_points() {
  std::vector<std::string> points;
  for (kernel::MountEntry& one : kernel::read_mount_table())
    points.push_back(std::move(one.mount_point));
  return points;
}

void checkpoint(const Container& container, const plan::LaunchPlan& launch,
                const CriuChoices& choices) {
  const ContainerRecord& record = container.record();
  plan::require_restorable(launch);
  require_features(choices);
  UniqueFd config;
  plan::CriuOptions options;
  options.images_directory = kCriuImages;
  options.work_directory = kCriuWork;
  options.log_file = "dump.log";
  options.pid = record.pid;
  options.root = record.rootfs;
  options.switches = choices.switches;
  for (const plan::CriuSwitch one :
       {plan::CriuSwitch::kManageCgroups, plan::CriuSwitch::kNotifyScripts,
        plan::CriuSwitch::kOrphanPtsMaster})
    options.switches.push_back(one);
  if (choices.pre_dump) options.switches.push_back(plan::CriuSwitch::kTrackMem);
  options.cgroup_mode = choices.cgroup_mode;
  options.empty_namespaces = choices.empty_namespaces;
  options.page_server = choices.page_server;
  options.parent_image = choices.parent_path;
  options.network_lock = choices.network_lock;
  options.freeze_cgroup = freezer_of(container.cgroups().directories);
  options.config_file = criu_config(record.annotations, config);
  options.external = external_namespaces(launch, record.pid);
  options.mounts = mounts_to_dump(launch, record.pid);
  if (!choices.pre_dump) {
    const std::vector<std::string> stdio = stdio_of(record.pid);
    replace_file(sentence(choices.image_path, '/', kDescriptorsName), write_descriptors(stdio),
                 0600);
    for (const std::string& one : stdio)
      if (one.starts_with("file[")) options.external.push_back(one);
  }

  Criu criu = Criu::start({.images = choices.image_path,
                           .work = choices.work_path,
                           .before_exec = {},
                           .inherited = {}});
  const auto notified = [&](const plan::CriuResponse& notification, UniqueFd) {
    if (notification.script == "status-ready" && choices.status_fd)
      write_all(*choices.status_fd, std::string_view("\0", 1), "--status-fd");
  };
  const plan::CriuType type = choices.pre_dump ? plan::CriuType::kPreDump : plan::CriuType::kDump;
  criu.ask(type, options, criu_log(choices, options.log_file), notified);
  // After a pre-dump it waits for the next one, and is ended with this object.
  if (!choices.pre_dump) criu.finish();
}

}  // namespace launch
