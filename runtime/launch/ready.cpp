// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/ready.hpp"

#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/kernel/pidfd.hpp"
#include "runtime/kernel/seccomp.hpp"
#include "runtime/kernel/syscalls.hpp"
#include "runtime/kernel/terminal.hpp"
#include "runtime/plan/seccomp_start.hpp"

namespace launch {
namespace {

UniqueFd fetch_listener(const Launched& launched, int number) {
  return UniqueFd(
      check(kernel::pidfd_getfd(launched.pidfd.get(), number, 0), "fetch the seccomp listener"));
}

/// Empty when the filter has nothing to do with it.
std::string blame(const Filter& filter, bool killed) {
  if (!filter.seccomp) return {};
  const auto barring = killed ? plan::Barring::kKills : plan::Barring::kKillsOrRefuses;
  std::string why = plan::barred_start(*filter.seccomp, filter.no_new_privileges, barring);
  if (why.empty() && killed) why = "the filter of /linux/seccomp kills a call that starting needs";
  return why;
}

}  // namespace

std::string describe_early_end(int wait_status, const Filter& filter) {
  const int signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
  const char* name = ::sigabbrev_np(signal);
  std::string text = "the container's process ended before its program could run";
  if (signal != 0) text += sentence(": killed by SIG", name == nullptr ? "RT" : name);
  const std::string why = blame(filter, signal == SIGSYS);
  return why.empty() ? text : sentence(text, ": ", why);
}

void send_release(const Launched& launched, const Filter& filter) {
  try {
    launched.handshake.send(Message::kRelease);
  } catch (const Error&) {
    require_program(launched, filter);
    throw;
  }
}

void require_program(const Launched& launched, const Filter& filter) {
  const std::optional<int> status = kernel::status_without_exec(launched.pid, std::nullopt);
  if (status) throw Error(describe_early_end(*status, filter));
}

Child adopt_sibling(Child go_between, Handshake& handshake) {
  pid_t pid = 0;
  try {
    pid = handshake.expect_pid(go_between.pidfd());
  } catch (const SilentEnd&) {
    // It has no filter yet.
    throw Error(describe_early_end(go_between.wait(),
                                   {.seccomp = std::nullopt, .no_new_privileges = false}));
  }
  go_between.wait();
  return Child::adopt(pid);
}

Launched wait_until_ready(Child& child, Handshake handshake, const Filter& filter,
                          const oci::State& state, const std::optional<std::string>& pidfd_socket) {
  const trace::Step step("wait until the other half is ready");
  Launched launched;
  launched.pid = child.pid();
  launched.pidfd = child.take_pidfd();
  launched.handshake = std::move(handshake);
  Handshake::Ready ready;
  try {
    ready = launched.handshake.expect_ready();
  } catch (const SilentEnd&) {
    throw Error(describe_early_end(child.wait(), filter));
  }
  launched.master = launched.handshake.take_master();
  UniqueFd listener = launched.handshake.take_listener();
  if (ready.listener >= 0) listener = fetch_listener(launched, ready.listener);
  if (listener && filter.seccomp)
    kernel::send_listener(
        filter.seccomp->listener_path,
        oci::write_container_process_state(state, launched.pid, filter.seccomp->listener_metadata),
        listener.get());
  if (pidfd_socket) {
    const UniqueFd socket = kernel::connect_socket(*pidfd_socket);
    kernel::send_descriptor(socket.get(), launched.pidfd.get(), "pidfd");
  }
  return launched;
}

}  // namespace launch
