// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/ready.hpp"

#include <utility>

#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/kernel/pidfd.hpp"
#include "runtime/kernel/seccomp.hpp"
#include "runtime/kernel/syscalls.hpp"
#include "runtime/kernel/terminal.hpp"

namespace launch {
namespace {

UniqueFd fetch_listener(const Launched& launched, int number) {
  return UniqueFd(
      check(kernel::pidfd_getfd(launched.pidfd.get(), number, 0), "fetch the seccomp listener"));
}

}  // namespace

Launched wait_until_ready(Child& child, Handshake handshake, const plan::SeccompPlan* seccomp,
                          const oci::State& state, const std::optional<std::string>& pidfd_socket) {
  const trace::Step step("wait until the other half is ready");
  Launched launched;
  launched.pid = child.pid();
  launched.pidfd = child.take_pidfd();
  launched.handshake = std::move(handshake);
  const Handshake::Ready ready = launched.handshake.expect_ready();
  launched.master = launched.handshake.take_master();
  launched.start_time = kernel::start_time(launched.pid);
  UniqueFd listener = launched.handshake.take_listener();
  if (ready.listener >= 0) listener = fetch_listener(launched, ready.listener);
  if (listener && seccomp != nullptr)
    kernel::send_listener(
        seccomp->listener_path,
        oci::write_container_process_state(state, launched.pid, seccomp->listener_metadata),
        listener.get());
  if (pidfd_socket) {
    const UniqueFd socket = kernel::connect_socket(*pidfd_socket);
    kernel::send_descriptor(socket.get(), launched.pidfd.get(), "pidfd");
  }
  return launched;
}

}  // namespace launch
