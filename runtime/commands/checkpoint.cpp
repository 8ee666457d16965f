// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <string>

#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/criu_options.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/commands/recorded_plan.hpp"
#include "runtime/container/removal.hpp"

namespace commands {
namespace {

constexpr std::array kOptions = {
    kImagePathOption,
    kWorkPathOption,
    cli::Option{.name = "parent-path",
                .value = "DIR",
                .help = "An earlier --pre-dump, relative to the images"},
    cli::Option{.name = "leave-running", .value = "", .help = "Let the container run on"},
    cli::Option{.name = "pre-dump",
                .value = "",
                .help = "Write the memory only, and let the container run on"},
    kTcpEstablishedOption,
    cli::Option{.name = "tcp-skip-in-flight",
                .value = "",
                .help = "Leave out TCP connections that are being made"},
    cli::Option{.name = "link-remap",
                .value = "",
                .help = "Keep files that were removed by linking them again"},
    kExtUnixSkOption,
    kShellJobOption,
    kLazyPagesOption,
    cli::Option{.name = "status-fd",
                .value = "FD",
                .help = "Gets a NUL byte when the server of --lazy-pages is ready"},
    cli::Option{.name = "page-server",
                .value = "ADDRESS:PORT",
                .help = "Send the memory to a CRIU page server"},
    kFileLocksOption,
    kCgroupsModeOption,
    kEmptyNsOption,
    kAutoDedupOption,
    kNetworkLockOption,
};

plan::CriuPageServer page_server(const std::string& word) {
  const std::size_t colon = word.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == word.size())
    throw Error("use --page-server ADDRESS:PORT to specify page server");
  return {.address = word.substr(0, colon),
          .port = static_cast<std::uint32_t>(
              cli::parse_number(std::string_view(word).substr(colon + 1), 65535, "--page-server"))};
}

int status_fd(const std::string& word) {
  const int fd = static_cast<int>(cli::parse_number(word, 1 << 20, "--status-fd"));
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) throw Error(sentence("--status-fd ", fd), errno);
  if ((flags & O_ACCMODE) == O_RDONLY)
    throw Error(sentence("invalid --status-fd argument ", fd, ": not writable"));
  return fd;
}

/// runc's rules for it.
void check_parent(const launch::CriuChoices& choices) {
  const std::string& parent = choices.parent_path;
  if (parent.empty()) return;
  if (parent.starts_with('/')) throw Error("--parent-path must be relative");
  const std::string path = sentence(choices.image_path, '/', parent);
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    throw Error(sentence("invalid --parent-path: ", path, " is not a directory"));
}

launch::CriuChoices choices_of(const cli::Parsed& options) {
  launch::CriuChoices choices = criu_choices(options);
  choices.parent_path = options.value_or("parent-path", "");
  choices.pre_dump = options.has("pre-dump");
  if (options.has("status-fd")) choices.status_fd = status_fd(options.value_or("status-fd", ""));
  if (const std::string server = options.value_or("page-server", ""); !server.empty())
    choices.page_server = page_server(server);
  make_directories(choices.image_path, 0700);
  make_directories(choices.work_path, 0700);
  check_parent(choices);
  return choices;
}

int checkpoint(const cli::Parsed& global, const cli::Parsed& options) {
  require_criu_rights();
  const Container container =
      Container::open_locked(state_root(global), options.words[0], Container::Creating::kShow);
  const oci::Status status = container.status();
  if (status != oci::Status::kRunning && status != oci::Status::kPaused)
    throw Error(sentence("Container cannot be checkpointed in ", oci::name(status), " state"));
  const launch::CriuChoices choices = choices_of(options);
  launch::checkpoint(container, recorded_plan(container).launch, choices);
  if (choices.pre_dump || options.has("leave-running")) return 0;
  // As runc: what is in the images now is no container any more.
  const trace::Step step("remove the container");
  kill_container(container);
  remove_container(container);
  return 0;
}

}  // namespace

cli::Command checkpoint_command() {
  return {.name = "checkpoint",
          .summary = "Write the processes of a container to images, by CRIU",
          .words = {.usage = "ID", .least = 1, .most = 1},
          .options = kOptions,
          .run = checkpoint};
}

}  // namespace commands
