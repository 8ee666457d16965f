// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/seccomp.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <type_traits>

#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/kernel/terminal.hpp"

namespace kernel {
namespace {

// plan/ may not include kernel headers; the plain struct is the kernel's, field by field.
static_assert(sizeof(plan::FilterInstruction) == sizeof(sock_filter));
static_assert(std::is_standard_layout_v<plan::FilterInstruction>);
static_assert(offsetof(plan::FilterInstruction, code) == offsetof(sock_filter, code));
static_assert(offsetof(plan::FilterInstruction, jump_true) == offsetof(sock_filter, jt));
static_assert(offsetof(plan::FilterInstruction, jump_false) == offsetof(sock_filter, jf));
static_assert(offsetof(plan::FilterInstruction, k) == offsetof(sock_filter, k));

unsigned long filter_flags(const plan::SeccompPlan& seccomp) {
  unsigned long flags = seccomp.flags;
  if (!seccomp.notify) return flags;
  flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
  // seccomp(2): a listener and TSYNC both want the return value, unless TSYNC reports by errno.
  if ((flags & SECCOMP_FILTER_FLAG_TSYNC) != 0) flags |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
  return flags;
}

const char* hint(int number) {
  if (number == EACCES) return " (needs noNewPrivileges or CAP_SYS_ADMIN)";
  if (number == EBUSY) return " (a filter with a listener is installed already)";
  return "";
}

}  // namespace

int install_seccomp(const plan::SeccompPlan& seccomp) {
  if (seccomp.program.empty() || seccomp.program.size() > BPF_MAXINSNS) {
    throw Error(sentence("seccomp: the filter has ", seccomp.program.size(),
                         " instructions, the kernel takes 1 to ", BPF_MAXINSNS));
  }
  // A clock that is no vDSO's would be a system call, which the filter may answer with a signal.
  trace::call("seccomp follows: from here on this half is not traced");
  trace::stop();
  auto* instructions = const_cast<plan::FilterInstruction*>(seccomp.program.data());
  sock_fprog program{};
  program.len = static_cast<unsigned short>(seccomp.program.size());
  program.filter = reinterpret_cast<sock_filter*>(instructions);
  const long result =
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter_flags(seccomp), &program);
  if (result < 0) {
    const int number = errno;
    throw Error(sentence("install the seccomp filter", hint(number)), number);
  }
  return seccomp.notify ? static_cast<int>(result) : -1;
}

void send_listener(const std::string& listener_path, const std::string& container_process_state,
                   int listener) {
  try {
    const UniqueFd agent = connect_socket(listener_path);
    send_descriptor(agent.get(), listener, container_process_state);
  } catch (Error& error) {
    error.add_context("send the seccomp listener to ", listener_path);
    throw;
  }
}

}  // namespace kernel
