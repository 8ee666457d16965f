// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/commands/commands.hpp"

namespace commands {
namespace {

constexpr std::array kOptions = {
    cli::Option{.name = "bundle",
                .letter = 'b',
                .value = "DIR",
                .help = "Directory to write config.json into (default: the current one)"},
    cli::Option{.name = "file",
                .letter = 'f',
                .value = "FILE",
                .help = "Write it to FILE, seen from DIR, instead of config.json"},
    cli::Option{.name = "rootless", .value = "", .help = "For a container of an ordinary user"},
};

oci::Process default_process() {
  const std::vector<std::string> capabilities = {"CAP_AUDIT_WRITE", "CAP_KILL",
                                                 "CAP_NET_BIND_SERVICE"};
  oci::Process process;
  process.terminal = true;
  process.cwd = "/";
  process.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"};
  process.args = {"sh"};
  process.rlimits = {{.type = "RLIMIT_NOFILE", .hard = 1024, .soft = 1024}};
  process.capabilities = oci::Capabilities{.bounding = capabilities,
                                           .effective = capabilities,
                                           .inheritable = {},
                                           .permitted = capabilities,
                                           .ambient = {}};
  process.no_new_privileges = true;
  return process;
}

oci::Mount mount(const char* destination, const char* type, const char* source,
                 std::vector<std::string> options) {
  return {.destination = destination,
          .type = type,
          .source = source,
          .options = std::move(options),
          .uid_mappings = {},
          .gid_mappings = {}};
}

std::vector<oci::Mount> default_mounts() {
  return {
      mount("/proc", "proc", "proc", {}),
      mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
      mount("/dev/pts", "devpts", "devpts",
            {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
      mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
      mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
      mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
      mount("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"})};
}

bool host_has_only_cgroup_v2() {
  struct statfs status{};
  return ::statfs("/sys/fs/cgroup", &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

oci::RuntimeConfig default_config() {
  oci::RuntimeConfig config;
  config.oci_version = oci::kRuntimeSpecVersion;
  config.root = oci::Root{.path = "rootfs", .readonly = true};
  config.mounts = default_mounts();
  config.process = default_process();
  config.hostname = "toyrun";
  for (const char* type : {"pid", "network", "ipc", "uts", "mount"})
    config.linux_.namespaces.push_back({.type = type, .path = {}});
  if (host_has_only_cgroup_v2()) config.linux_.namespaces.push_back({.type = "cgroup", .path = {}});
  config.linux_.resources.emplace().devices.push_back(
      {.allow = false, .type = {}, .major = {}, .minor = {}, .access = "rwm"});
  config.linux_.masked_paths = {"/proc/acpi",        "/proc/asound",        "/proc/kcore",
                                "/proc/keys",        "/proc/latency_stats", "/proc/timer_list",
                                "/proc/timer_stats", "/proc/sched_debug",   "/sys/firmware",
                                "/proc/scsi"};
  config.linux_.readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                  "/proc/sysrq-trigger"};
  return config;
}

/// What an ordinary user can have: one id, the host's network, no limits.
void make_rootless(oci::RuntimeConfig& config) {
  std::erase_if(config.linux_.namespaces,
                [](const oci::Namespace& one) { return one.type == "network"; });
  config.linux_.namespaces.push_back({.type = "user", .path = {}});
  config.linux_.uid_mappings = {{.container_id = 0, .host_id = ::geteuid(), .size = 1}};
  config.linux_.gid_mappings = {{.container_id = 0, .host_id = ::getegid(), .size = 1}};
  config.linux_.resources.reset();
  for (oci::Mount& one : config.mounts) {
    // A new sysfs needs a network namespace of one's own (runtime.md 1.2).
    if (one.destination == "/sys")
      one = mount("/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"});
    std::erase_if(one.options, [](const std::string& word) {
      return word.starts_with("uid=") || word.starts_with("gid=");
    });
  }
}

int spec(const cli::Parsed&, const cli::Parsed& options) {
  oci::RuntimeConfig config = default_config();
  if (options.has("rootless")) make_rootless(config);
  const std::string file = options.value_or("file", "config.json");
  const std::string path =
      file.starts_with('/') ? file : sentence(options.value_or("bundle", "."), '/', file);
  if (open_at_if_exists(AT_FDCWD, path, O_PATH | O_NOFOLLOW))
    throw Error(sentence("File ", file, " exists. Remove it first"));
  replace_file(path, oci::write_runtime_config(config));
  return 0;
}

}  // namespace

cli::Command spec_command() {
  return {.name = "spec",
          .summary = "Write a config.json to start from",
          .words = {},
          .options = kOptions,
          .run = spec};
}

}  // namespace commands
