// SPDX-License-Identifier: Apache-2.0
// toyrun: global options, the verb, and the only place that prints an error. Host side.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/cli/options.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/oci/runtime_config.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/error_keys.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/commands/trace_file.hpp"
#include "runtime/commit.hpp"
#include "runtime/kernel/own_binary.hpp"
#include "runtime/launch/launch.hpp"

namespace {

constexpr int kFailed = 1;
constexpr int kExecFailed = 255;  // as runc: engines tell it from the program's own statuses

/// The command line, as far as it is understood.
struct Request {
  cli::GlobalSplit split{};
  const cli::Command* command = nullptr;  // none: only help or version is wanted
  cli::Parsed options;
  bool is_understood = false;
};

void print_version() {
  commands::print(sentence("toyrun version ", TOYRUN_VERSION, "\ncommit: ", TOYRUN_COMMIT,
                           "\nspec: ", oci::kRuntimeSpecVersion, '\n'));
}

const cli::Command& find_command(const cli::Program& program, std::string_view name) {
  const auto found = std::ranges::find(program.commands, name, &cli::Command::name);
  if (found == program.commands.end())
    throw UsageError(sentence("No help topic for '", name, "': there is no such command"));
  return *found;
}

/// create, run, exec and mounts bring a process of ours into the container.
bool enters_container(const Request& request) {
  const std::string_view name = request.command->name;
  const bool enters = name == "create" || name == "run" || name == "exec" || name == "mounts";
  return enters && !request.options.has("explain");
}

void read_request(const cli::Program& program, std::span<const std::string_view> words,
                  Request& request) {
  request.split = cli::split_global(words, program.global_options);
  const std::span<const std::string_view> rest = request.split.rest;
  if (request.split.global.has("version") || request.split.global.has("help") || rest.empty())
    return;
  const bool is_help = rest[0] == "help";
  if (is_help && rest.size() == 1) return;
  request.command = &find_command(program, rest[is_help ? 1 : 0]);
  if (is_help) return request.options.add("help", "");
  request.options = cli::parse(rest.subspan(1), request.command->options, request.command->words);
  // Before anything is opened, the log above all: it would pass for one of them.
  if (enters_container(request))
    launch::check_inherited_fds(static_cast<unsigned>(cli::parse_number(
        request.options.value_or("preserve-fds", "0"), 1 << 20, "--preserve-fds")));
}

/// Understands the command line and opens the log; what is wrong with the former is said in the
/// latter.
void prepare(const cli::Program& program, std::span<const std::string_view> words,
             Request& request) {
  occupy_stdio();
  logging::configure({.program = "toyrun",
                      .level = logging::Level::kWarning,
                      .format = logging::Format::kText,
                      .file = {}});
  std::exception_ptr refused;
  try {
    read_request(program, words, request);
  } catch (...) {
    refused = std::current_exception();
  }
  logging::configure(commands::log_settings(request.split.global));
  if (refused != nullptr) std::rethrow_exception(refused);
  commands::check_global(request.split.global);
  request.is_understood = true;
}

/// "toyrun create box": what a trace is of.
std::string title_of(const Request& request) {
  std::string title = sentence("toyrun ", request.command->name);
  if (!request.options.words.empty()) title += sentence(" ", request.options.words.front());
  return title;
}

int run_request(const cli::Program& program, const Request& request, char** arguments) {
  const cli::Parsed& global = request.split.global;
  if (request.command == nullptr) {
    if (global.has("version") && !global.has("help"))
      print_version();
    else
      commands::print(cli::help(program));
    return 0;
  }
  if (request.options.has("help")) {
    commands::print(cli::help(program, *request.command));
    return 0;
  }
  if (enters_container(request)) kernel::continue_from_protected_binary(arguments);
  std::optional<commands::TraceFile> trace;
  if (const auto file = global.value("trace")) trace.emplace(*file, title_of(request));
  return request.command->run(global, request.options);
}

/// The help that fits what was asked for, on stdout as in runc. A failure to print it is no news.
void print_usage(const cli::Program& program, const Request& request) {
  const std::string text = sentence(
      "Incorrect Usage.\n\n",
      request.command == nullptr ? cli::help(program) : cli::help(program, *request.command));
  [[maybe_unused]] const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
}

}  // namespace

/// Instead of libstdc++'s, which brings a demangler and its tables: 60 KB for a message that only a
/// bug would print.
void __gnu_cxx::__verbose_terminate_handler() {
  constexpr std::string_view kMessage = "toyrun: terminated by an exception that nobody caught\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kMessage.data(), kMessage.size());
  std::abort();
}

int main(int count, char** arguments) {
  std::signal(SIGCHLD, SIG_DFL);  // ignored, it would take every status away: wait(2)
  const auto rows = commands::all();
  const cli::Program program{.name = "toyrun",
                             .summary = "Runs containers from OCI bundles.",
                             .global_options = commands::kGlobalOptions,
                             .commands = rows};
  Request request;
  try {
    const std::vector<std::string_view> words(arguments + std::min(count, 1), arguments + count);
    prepare(program, words, request);
    return run_request(program, request, arguments);
  } catch (const std::exception& error) {
    const bool is_misused =
        !request.is_understood && dynamic_cast<const UsageError*>(&error) != nullptr;
    if (is_misused) print_usage(program, request);
    const auto* ours = dynamic_cast<const Error*>(&error);
    if (ours != nullptr)
      logging::error(ours->what(), commands::error_keys(*ours));
    else
      logging::error(error.what());
    const bool is_exec = request.command != nullptr && request.command->name == "exec";
    return is_exec && !is_misused ? kExecFailed : kFailed;
  }
}
