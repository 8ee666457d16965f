// SPDX-License-Identifier: Apache-2.0
#include "runtime/commands/global_options.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <optional>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace commands {
namespace {

constexpr std::array kOptions = {
    cli::Option{.name = "root",
                .value = "DIR",
                .help = "Directory of the container state records (default /run/toyrun)"},
    cli::Option{.name = "log",
                .value = "FILE",
                .help = "Write the log to FILE, and errors to stderr as well"},
    cli::Option{.name = "log-format",
                .value = "FORMAT",
                .help = "Format of the log: text (default) or json"},
    cli::Option{.name = "log-level",
                .value = "LEVEL",
                .help = "What to log: error (default with json), warning (default) or debug"},
    cli::Option{.name = "debug", .value = "", .help = "Log everything that is done"},
    cli::Option{.name = "trace",
                .value = "FILE",
                .help = "Write steps, kernel calls and their times to FILE (Chrome trace JSON)"},
    cli::Option{.name = "systemd-cgroup",
                .value = "",
                .help = "Have systemd make the cgroup; cgroupsPath is SLICE:PREFIX:NAME then"},
    cli::Option{.name = "cgroup-manager",
                .value = "DRIVER",
                .help = "cgroupfs (default), systemd, or disabled: make no cgroup"},
    cli::Option{.name = "criu", .value = "PATH", .help = "", .hidden = true},
    cli::Option{.name = "rootless",
                .value = "WHEN",
                .help = "auto, true or false; accepted for engines, always auto"},
    cli::Option{.name = "help", .letter = 'h', .value = "", .help = "Show this help"},
    cli::Option{.name = "version", .letter = 'v', .value = "", .help = "Show the version"},
};

logging::Format log_format(const cli::Parsed& global) {
  const std::string format = global.value_or("log-format", "text");
  if (format == "text") return logging::Format::kText;
  if (format == "json") return logging::Format::kJson;
  throw Error(sentence("invalid log-format: ", format));
}

logging::Level log_level(const cli::Parsed& global) {
  if (global.has("debug")) return logging::Level::kDebug;
  // podman takes the whole JSON log for one object: nothing may come before the error.
  const char* usual = log_format(global) == logging::Format::kJson ? "error" : "warning";
  const std::string level = global.value_or("log-level", usual);
  if (level == "error") return logging::Level::kError;
  if (level == "warning" || level == "warn" || level == "info") return logging::Level::kWarning;
  if (level == "debug") return logging::Level::kDebug;
  throw Error(sentence("invalid log-level: ", level));
}

/// Without XDG_RUNTIME_DIR: below the directory that a login would have named, or in one of the
/// user's own in /tmp, where anybody may have put another.
std::string users_state_root() {
  const std::string user = std::to_string(::geteuid());
  struct stat status{};
  const std::string login = "/run/user/" + user;
  const bool has_login = ::stat(login.c_str(), &status) == 0 && status.st_uid == ::geteuid();
  if (has_login) return login + "/toyrun";
  std::string own = "/tmp/toyrun-" + user;
  if (::mkdir(own.c_str(), 0700) < 0 && errno != EEXIST) throw Error("make " + own, errno);
  check(::lstat(own.c_str(), &status), "stat ", own);
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 077) != 0)
    throw Error(sentence(own,
                         " is not a directory that only you may enter: set XDG_RUNTIME_DIR, "
                         "or use --root"));
  return own;
}

}  // namespace

const std::span<const cli::Option> kGlobalOptions = kOptions;

logging::Settings log_settings(const cli::Parsed& global) {
  return {.program = "toyrun",
          .level = log_level(global),
          .format = log_format(global),
          .file = global.value("log")};
}

void check_global(const cli::Parsed& global) {
  cgroup_driver(global);
  const std::string rootless = global.value_or("rootless", "auto");
  if (rootless != "auto" && rootless != "true" && rootless != "false")
    throw UsageError(sentence("invalid value for --rootless: ", rootless));
}

plan::CgroupDriver cgroup_driver(const cli::Parsed& global) {
  if (global.has("systemd-cgroup")) return plan::CgroupDriver::kSystemd;
  const std::string name = global.value_or("cgroup-manager", "cgroupfs");
  if (name == "cgroupfs") return plan::CgroupDriver::kCgroupfs;
  if (name == "systemd") return plan::CgroupDriver::kSystemd;
  if (name == "disabled") return plan::CgroupDriver::kDisabled;
  throw UsageError(
      sentence("--cgroup-manager: \"", name, "\" is none of cgroupfs, systemd, disabled"));
}

std::string state_root(const cli::Parsed& global) {
  if (const std::optional<std::string> root = global.value("root")) {
    if (root->empty() || *root == "/")
      throw Error("option --root argument should not be empty or /");
    return *root;
  }
  const char* runtime_directory = ::getenv("XDG_RUNTIME_DIR");
  if (::geteuid() != 0 && runtime_directory != nullptr && *runtime_directory != '\0')
    return sentence(runtime_directory, "/toyrun");
  return ::geteuid() == 0 ? "/run/toyrun" : users_state_root();
}

void print(std::string_view text) { write_all(STDOUT_FILENO, text, "standard output"); }

}  // namespace commands
