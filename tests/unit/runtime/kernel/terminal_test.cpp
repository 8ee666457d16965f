// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/terminal.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace {

struct SocketPair {
  UniqueFd one, other;
  SocketPair() {
    int ends[2];
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
    one = UniqueFd(ends[0]);
    other = UniqueFd(ends[1]);
  }
};

TEST(Terminal, SendsAndReceivesADescriptor) {
  const SocketPair pair;
  const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  for (const char* text : {"/dev/pts/0", ""}) {
    kernel::send_descriptor(pair.one.get(), file.get(), text);
    const UniqueFd got = kernel::receive_descriptor(pair.other.get());
    ASSERT_TRUE(got);
    struct stat sent{}, received{};
    ASSERT_EQ(::fstat(file.get(), &sent), 0);
    ASSERT_EQ(::fstat(got.get(), &received), 0);
    EXPECT_EQ(sent.st_rdev, received.st_rdev);
    EXPECT_NE(::fcntl(got.get(), F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST(Terminal, ReceivesNothingFromAPlainMessage) {
  SocketPair pair;
  ASSERT_EQ(::write(pair.one.get(), "x", 1), 1);
  EXPECT_FALSE(kernel::receive_descriptor(pair.other.get()));
  pair.one.reset();
  EXPECT_FALSE(kernel::receive_descriptor(pair.other.get()));
}

TEST(Terminal, SendingToNobodyIsAnErrorAndNoSignal) {
  SocketPair pair;
  pair.other.reset();
  EXPECT_THROW(kernel::send_descriptor(pair.one.get(), 0, "x"), Error);
}

TEST(Terminal, ConnectsToALongPath) {
  char base[] = "/tmp/terminal-test-XXXXXX";
  ASSERT_NE(::mkdtemp(base), nullptr);
  const std::string directory = std::string(base) + "/" + std::string(120, 'd');
  ASSERT_EQ(::mkdir(directory.c_str(), 0700), 0);
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd at(::open(directory.c_str(), O_PATH | O_CLOEXEC));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = "/proc/self/fd/" + std::to_string(at.get()) + "/socket";
  std::memcpy(address.sun_path, name.data(), name.size());
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_TRUE(kernel::connect_socket(directory + "/socket"));
  try {
    kernel::connect_socket(directory + "/none");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.number(), ENOENT);
    EXPECT_NE(std::string(error.what()).find(directory + "/none"), std::string::npos);
  }
  ::unlink((directory + "/socket").c_str());
  ::rmdir(directory.c_str());
  ::rmdir(base);
}

}  // namespace
