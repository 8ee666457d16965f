// SPDX-License-Identifier: Apache-2.0
#include <signal.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "runtime/commands/commands.hpp"
#include "runtime/commands/global_options.hpp"
#include "runtime/commands/named_containers.hpp"
#include "runtime/container/container.hpp"
#include "runtime/kernel/cgroup.hpp"
#include "runtime/kernel/pidfd.hpp"

namespace commands {
namespace {

constexpr std::array kOptions = {
    cli::Option{
        .name = "all", .letter = 'a', .value = "", .help = "Signal all processes of the container"},
    kRegexOption,
};

struct SignalName {
  std::string_view name;
  int number;
};

constexpr SignalName kSignals[] = {
    {"HUP", SIGHUP},       {"INT", SIGINT},     {"QUIT", SIGQUIT}, {"ILL", SIGILL},
    {"TRAP", SIGTRAP},     {"ABRT", SIGABRT},   {"IOT", SIGIOT},   {"BUS", SIGBUS},
    {"FPE", SIGFPE},       {"KILL", SIGKILL},   {"USR1", SIGUSR1}, {"SEGV", SIGSEGV},
    {"USR2", SIGUSR2},     {"PIPE", SIGPIPE},   {"ALRM", SIGALRM}, {"TERM", SIGTERM},
    {"STKFLT", SIGSTKFLT}, {"CHLD", SIGCHLD},   {"CLD", SIGCLD},   {"CONT", SIGCONT},
    {"STOP", SIGSTOP},     {"TSTP", SIGTSTP},   {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},
    {"URG", SIGURG},       {"XCPU", SIGXCPU},   {"XFSZ", SIGXFSZ}, {"VTALRM", SIGVTALRM},
    {"PROF", SIGPROF},     {"WINCH", SIGWINCH}, {"IO", SIGIO},     {"POLL", SIGPOLL},
    {"PWR", SIGPWR},       {"SYS", SIGSYS},
};

constexpr int kFirstRealtime = 34,
              kLastRealtime = 64;  // SIGRTMIN, SIGRTMAX of glibc and musl programs

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

/// "RTMIN", "RTMIN+3", "RTMAX-1" without a SIG in front.
std::optional<int> realtime_signal(std::string_view name) {
  const bool from_first = name.starts_with("RTMIN");
  if (!from_first && !name.starts_with("RTMAX")) return std::nullopt;
  int number = from_first ? kFirstRealtime : kLastRealtime;
  name.remove_prefix(5);
  if (!name.empty()) {
    const std::string_view digits = name.substr(1);
    const bool valid = name[0] == (from_first ? '+' : '-') && !digits.empty() &&
                       digits.size() < 3 && std::ranges::all_of(digits, is_digit);
    if (!valid) return std::nullopt;
    const int distance = static_cast<int>(cli::parse_number(digits, 99, "signal"));
    number += from_first ? distance : -distance;
  }
  if (number < kFirstRealtime || number > kLastRealtime) return std::nullopt;
  return number;
}

/// A number, or a name with or without SIG, in any case.
int read_signal(const std::string& text) {
  if (!text.empty() && text.size() < 3 && std::ranges::all_of(text, is_digit)) {
    const int number = static_cast<int>(cli::parse_number(text, 99, "signal"));
    if (number <= kLastRealtime) return number;
  }
  std::string upper = text;
  for (char& letter : upper)
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  std::string_view name = upper;
  if (name.starts_with("SIG")) name.remove_prefix(3);
  const auto found = std::ranges::find(kSignals, name, &SignalName::name);
  if (found != std::end(kSignals)) return found->number;
  if (const std::optional<int> number = realtime_signal(name)) return *number;
  throw Error(sentence("unknown signal \"", text, '"'));
}

void signal_init(const Container& container, int signal) {
  const std::optional<UniqueFd> init = container.open_init();
  if (!init || !kernel::send_signal(init->get(), signal)) throw Error("container not running");
  // cgroup v1: even SIGKILL waits for a frozen process to thaw.
  const ContainerRecord& record = container.record();
  if (signal == SIGKILL && kernel::is_frozen(record.freezer))
    kernel::thaw(container.cgroups().directories);
}

void signal_container(const Container& container, int signal, bool all) {
  const ContainerRecord& record = container.record();
  // Without a pid namespace of its own nothing else would end the container's other processes.
  const bool to_all = all || (signal == SIGKILL && !record.own_pid_namespace && record.pid != 0);
  if (!to_all) return signal_init(container, signal);
  const kernel::CgroupDirectories& cgroups = container.cgroups().directories;
  if (!cgroups.empty()) return kernel::signal_all(cgroups, signal);
  if (all && (signal != SIGKILL || !record.own_pid_namespace))
    throw Error("cannot signal all processes of a container without a cgroup");
  signal_init(container, signal);
}

int kill(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string root = state_root(global);
  const bool is_named = options.words.size() > 1 && !options.words[1].empty();
  const int signal = read_signal(is_named ? options.words[1] : "TERM");
  for_named_containers(root, options, [&](const std::string& id) {
    // Locked where the cgroup is frozen for it: that must not be one of a new container of this
    // name. KILL waits for nobody.
    const bool all = options.has("all");
    const bool freezes = all && signal != SIGKILL;
    signal_container(freezes ? Container::open_locked(root, id) : Container::open(root, id), signal,
                     all);
  });
  return 0;
}

}  // namespace

cli::Command kill_command() {
  return {.name = "kill",
          .summary = "Send a signal (default: TERM) to the container's first process",
          .words = {.usage = "ID [SIGNAL]", .least = 1, .most = 2},
          .options = kOptions,
          .run = kill};
}

}  // namespace commands
