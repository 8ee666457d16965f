// SPDX-License-Identifier: Apache-2.0
#include "imagetool/bundle/runtime_config_from_image.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/bundle/default_seccomp.hpp"
#include "imagetool/oci/printable.hpp"

namespace {

constexpr std::string_view kPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Labels steer runtimes and engines when they reach config.json (containerd CVE-2026-53488): these
// are not an image's to set.
constexpr auto kReservedLabels = std::to_array<std::string_view>(
    {"run.oci.", "org.systemd.property.", "org.criu.", "io.katacontainers.", "cdi.k8s.io/",
     "io.kubernetes.", "io.container.manager", "io.podman.", "containerd.io/", "io.cri-containerd",
     "toyrun.", "org.toyrun.", "module.wasm.", "nvidia.com/"});
constexpr std::size_t kMostLabels = 1024;
constexpr std::size_t kLongestName = 80;  // in messages

/// The kernel would see the text end there, and whoever checked it another one.
void refuse_nul(std::string_view text, const char* member) {
  if (text.find('\0') != std::string_view::npos)
    throw Error(sentence("image config: ", member, ": there is a NUL byte in it"));
}

std::string_view name_of(std::string_view entry) { return entry.substr(0, entry.find('=')); }

std::vector<std::string> environment(const oci::ImageConfig& image, const ImageUser& user,
                                     std::vector<std::string>& warnings) {
  std::vector<std::string> env;
  const auto has = [&](std::string_view name) {
    return std::ranges::find(env, name, [](const std::string& entry) { return name_of(entry); });
  };
  for (const std::string& entry : image.config.env) {
    refuse_nul(entry, "Env");
    // Never completed from the host's environment (podman CVE-2026-57231).
    if (entry.find('=') == std::string::npos || entry.front() == '=') {
      warnings.push_back(sentence("image config: Env: \"", printable(entry, kLongestName),
                                  "\" has no NAME=, ignoring"));
      continue;
    }
    const auto same = has(name_of(entry));
    if (same != env.end())
      *same = entry;
    else
      env.push_back(entry);
  }
  if (has("PATH") == env.end()) env.insert(env.begin(), std::string(kPath));
  if (has("HOME") == env.end()) env.push_back("HOME=" + user.home);
  return env;
}

/// Absolute, without ".", ".." and doubled slashes; the runtime proves that it lies inside.
std::string working_directory(std::string_view path) {
  refuse_nul(path, "WorkingDir");
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!part.empty() && part != "." && part != "..") parts.push_back(part);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  std::string clean;
  for (const std::string_view part : parts) clean += sentence("/", part);
  // A directory of the runtime's own, through /proc/self/fd (CVE-2024-21626).
  if (!parts.empty() && parts.front() == "proc")
    throw Error(sentence("image config: WorkingDir: ", printable(clean, kLongestName),
                         " lies in /proc, which no container may start in"));
  return clean.empty() ? "/" : clean;
}

std::vector<std::string> arguments(const oci::ImageConfig& image,
                                   std::vector<std::string>& warnings) {
  std::vector<std::string> args = image.config.entrypoint;
  args.insert(args.end(), image.config.cmd.begin(), image.config.cmd.end());
  for (const std::string& word : args) refuse_nul(word, "Entrypoint or Cmd");
  if (args.empty()) {
    warnings.push_back("the image names no command, the bundle starts sh");
    args = {"sh"};
  }
  return args;
}

oci::Capabilities default_capabilities(std::uint32_t uid) {
  const std::vector<std::string> docker = {
      "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
      "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
      "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
      "CAP_KILL",    "CAP_AUDIT_WRITE"};
  // As Docker does it: another user than root has them within reach (setuid programs) but not in
  // force.
  if (uid != 0)
    return {.bounding = docker, .effective = {}, .inheritable = {}, .permitted = {}, .ambient = {}};
  // Inheritable and ambient stay empty (CVE-2022-24769 and its like).
  return {.bounding = docker,
          .effective = docker,
          .inheritable = {},
          .permitted = docker,
          .ambient = {}};
}

oci::Mount mount(std::string destination, std::string type, std::vector<std::string> options) {
  std::string source = type;
  return {.destination = std::move(destination),
          .type = std::move(type),
          .source = std::move(source),
          .options = std::move(options),
          .uid_mappings = {},
          .gid_mappings = {}};
}

std::vector<oci::Mount> default_mounts() {
  return {mount("/proc", "proc", {"nosuid", "noexec", "nodev"}),
          mount("/dev", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
          mount("/dev/pts", "devpts",
                {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
          mount("/sys", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
          mount("/sys/fs/cgroup", "cgroup", {"ro", "nosuid", "noexec", "nodev"}),
          mount("/dev/mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
          mount("/dev/shm", "tmpfs", {"nosuid", "noexec", "nodev", "mode=1777", "size=67108864"})};
}

oci::Resources default_resources() {
  oci::Resources resources;
  resources.devices.push_back(
      {.allow = false, .type = {}, .major = {}, .minor = {}, .access = "rwm"});
  constexpr std::array<std::pair<std::int64_t, std::int64_t>, 6> kAllowed = {
      {{1, 3}, {1, 5}, {1, 8}, {1, 9}, {5, 0}, {5, 1}}};
  for (const auto& [major, minor] : kAllowed)
    resources.devices.push_back(
        {.allow = true, .type = "c", .major = major, .minor = minor, .access = "rwm"});
  return resources;
}

oci::Linux default_linux(std::string_view architecture) {
  oci::Linux linux_part;
  for (const char* type : {"mount", "network", "uts", "pid", "ipc", "cgroup"})
    linux_part.namespaces.push_back({.type = type, .path = {}});
  linux_part.resources = default_resources();
  linux_part.sysctl = {{"net.ipv4.ip_unprivileged_port_start", "0"},
                       {"net.ipv4.ping_group_range", "0 2147483647"}};
  linux_part.seccomp = default_seccomp(architecture);
  linux_part.masked_paths = {"/proc/acpi",
                             "/proc/asound",
                             "/proc/interrupts",
                             "/proc/kcore",
                             "/proc/keys",
                             "/proc/latency_stats",
                             "/proc/sched_debug",
                             "/proc/scsi",
                             "/proc/timer_list",
                             "/proc/timer_stats",
                             "/sys/devices/virtual/powercap",
                             "/sys/firmware"};
  linux_part.readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                               "/proc/sysrq-trigger"};
  return linux_part;
}

void add_annotation(oci::Annotations& annotations, const char* name, const std::string& value) {
  if (!value.empty()) annotations.emplace(sentence("org.opencontainers.image.", name), value);
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

/// conversion.md "Annotation Fields": labels win over the implicit ones.
oci::Annotations annotations(const oci::ImageConfig& image, std::vector<std::string>& warnings) {
  oci::Annotations result;
  std::vector<std::string> reserved;
  for (const auto& [name, value] : image.config.labels) {
    const bool is_reserved = std::ranges::any_of(
        kReservedLabels, [&](std::string_view prefix) { return name.starts_with(prefix); });
    if (is_reserved)
      reserved.push_back(printable(name, kLongestName));
    else if (!name.empty() && result.size() < kMostLabels)
      result.emplace(name, value);
  }
  const std::size_t left_out = image.config.labels.size() - result.size() - reserved.size();
  if (!reserved.empty())
    warnings.push_back(
        sentence("image labels that runtimes and engines would obey are not copied to the bundle: ",
                 joined(reserved)));
  if (left_out > 0)
    warnings.push_back(sentence(left_out,
                                " image labels are not copied to the bundle: there are more than ",
                                kMostLabels, ", or they have no name"));
  add_annotation(result, "os", image.os);
  add_annotation(result, "architecture", image.architecture);
  add_annotation(result, "variant", image.variant);
  add_annotation(result, "os.version", image.os_version);
  add_annotation(result, "author", image.author);
  add_annotation(result, "created", image.created);
  add_annotation(result, "stopSignal", image.config.stop_signal);
  add_annotation(result, "exposedPorts", joined(image.config.exposed_ports));
  return result;
}

}  // namespace

ConvertedConfig runtime_config_from_image(const oci::ImageConfig& image, const ImageUser& user,
                                          const std::string& hostname) {
  ConvertedConfig converted;
  oci::RuntimeConfig& config = converted.config;
  config.oci_version = "1.0.2";  // nothing newer is used: older runtimes take the bundle, too
  config.root = oci::Root{.path = "rootfs"};
  config.hostname = hostname;
  config.mounts = default_mounts();
  config.annotations = annotations(image, converted.warnings);
  config.linux_ = default_linux(image.architecture);

  oci::Process& process = config.process.emplace();
  process.cwd = working_directory(image.config.working_dir);
  process.env = environment(image, user, converted.warnings);
  process.args = arguments(image, converted.warnings);
  process.user = {
      .uid = user.uid, .gid = user.gid, .umask = {}, .additional_gids = user.additional_gids};
  process.capabilities = default_capabilities(user.uid);
  if (!image.config.volumes.empty())
    converted.warnings.push_back(sentence("the image's volumes (", joined(image.config.volumes),
                                          ") are plain directories of this bundle"));
  return converted;
}
