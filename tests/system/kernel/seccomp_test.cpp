// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/seccomp.hpp"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>

#include "runtime/kernel/terminal.hpp"
#include "tests/system/kernel/children.hpp"

namespace kernel {
namespace {

/// getppid(2) gets `action`, everything else is allowed.
plan::SeccompPlan about_getppid(std::uint32_t action) {
  plan::SeccompPlan seccomp;
  seccomp.program = {
      {.code = BPF_LD | BPF_W | BPF_ABS, .k = offsetof(seccomp_data, nr)},
      {.code = BPF_JMP | BPF_JEQ | BPF_K, .jump_true = 0, .jump_false = 1, .k = SYS_getppid},
      {.code = BPF_RET | BPF_K, .k = action},
      {.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW},
  };
  return seccomp;
}

TEST(Seccomp, TheFilterIsInForce) {
  EXPECT_EQ(in_child([] {
              const int listener = install_seccomp(about_getppid(SECCOMP_RET_ERRNO | EDOM));
              const long result = ::syscall(SYS_getppid);
              return sentence(listener, " ", result, " ", errno);
            }),
            sentence("-1 -1 ", EDOM));
}

TEST(Seccomp, FlagsArePassedOn) {
  EXPECT_EQ(in_child([]() -> std::string {
              plan::SeccompPlan seccomp = about_getppid(SECCOMP_RET_ERRNO | EDOM);
              seccomp.flags = SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |
                              SECCOMP_FILTER_FLAG_TSYNC;
              install_seccomp(seccomp);
              return ::syscall(SYS_getppid) == -1 ? "filtered" : "not filtered";
            }),
            "filtered");
  const std::string words = in_child([]() -> std::string {
    plan::SeccompPlan seccomp = about_getppid(SECCOMP_RET_ALLOW);
    seccomp.flags = 1U << 30;
    install_seccomp(seccomp);
    return "no Error";
  });
  EXPECT_EQ(words, "Error: install the seccomp filter: Invalid argument");
}

TEST(Seccomp, AnEmptyOrTooLongProgramIsRefused) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{4097}}) {
    plan::SeccompPlan seccomp;
    seccomp.program.resize(size, {.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW});
    EXPECT_THROW(install_seccomp(seccomp), Error) << size;
  }
}

TEST(Seccomp, WithoutPrivilegeTheHintNamesTheWayOut) {
  EXPECT_EQ(in_child([]() -> std::string {
              if (::setgid(65534) < 0 || ::setuid(65534) < 0) return "setuid failed";
              install_seccomp(about_getppid(SECCOMP_RET_ALLOW));
              return "no Error";
            }),
            "Error: install the seccomp filter (needs noNewPrivileges or CAP_SYS_ADMIN): "
            "Permission denied");
}

TEST(Seccomp, AListenerComesBackAndGoesToTheAgent) {
  const std::string path = sentence("/tmp/toyrun-seccomp-", ::getpid(), ".sock");
  const UniqueFd agent(check(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ::unlink(path.c_str());
  check(::bind(agent.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  check(::listen(agent.get(), 1), "listen");
  const std::string document = "{\"ociVersion\":\"1.3.0\",\"fds\":[\"seccompFd\"]}";
  EXPECT_EQ(in_child([&] {
              plan::SeccompPlan seccomp = about_getppid(SECCOMP_RET_USER_NOTIF);
              seccomp.notify = true;
              const int listener = install_seccomp(seccomp);
              send_listener(path, document, listener);
              return std::string(listener >= 0 ? "listener" : "none");
            }),
            "listener");
  const UniqueFd connection(
      check(::accept4(agent.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
  char text[256];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  iovec part{.iov_base = text, .iov_len = sizeof text};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t length = ::recvmsg(connection.get(), &message, MSG_CMSG_CLOEXEC);
  ASSERT_EQ(std::string(text, static_cast<std::size_t>(std::max<ssize_t>(length, 0))), document);
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  ASSERT_NE(header, nullptr) << "no descriptor in the first message";
  EXPECT_EQ(header->cmsg_type, SCM_RIGHTS);
  ::unlink(path.c_str());
}

TEST(Seccomp, AMissingAgentIsNamed) {
  try {
    send_listener("/nowhere/agent.sock", "{}", 0);
    FAIL() << "no Error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("/nowhere/agent.sock"), std::string::npos);
  }
}

}  // namespace
}  // namespace kernel
