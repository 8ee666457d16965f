// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/terminal.hpp"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "bundle-spec/error.hpp"

namespace kernel {
namespace {

constexpr ino_t kPtmxInode = 2;  // fs/devpts/inode.c: every instance's ptmx

UniqueFd open_ptmx(const RootedDir& root) {
  UniqueFd ptmx = root.open_no_symlinks("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
  struct statfs filesystem{};
  check(::fstatfs(ptmx.get(), &filesystem), "statfs /dev/pts/ptmx");
  struct stat status{};
  check(::fstat(ptmx.get(), &status), "stat /dev/pts/ptmx");
  if (filesystem.f_type != DEVPTS_SUPER_MAGIC || status.st_ino != kPtmxInode ||
      !S_ISCHR(status.st_mode) || status.st_rdev != makedev(5, 2))
    throw Error(
        "/dev/pts/ptmx of the container is not that of a devpts mount: a terminal needs one on "
        "/dev/pts");
  return ptmx;
}

void set_blocking(int fd) {
  const int flags = check(::fcntl(fd, F_GETFL), "get the flags of the terminal");
  check(::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK), "set the flags of the terminal");
}

void set_size(int terminal, const oci::ConsoleSize& size) {
  winsize window{};
  window.ws_row = static_cast<unsigned short>(size.height);
  window.ws_col = static_cast<unsigned short>(size.width);
  check(::ioctl(terminal, TIOCSWINSZ, &window), "set the terminal's size");
}

/// sun_path holds 108 bytes: a longer path goes through a descriptor of its directory.
std::string short_path(const std::string& path, UniqueFd& directory) {
  if (path.size() < sizeof(sockaddr_un::sun_path)) return path;
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  directory =
      UniqueFd(check(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), "open ", parent));
  return sentence("/proc/self/fd/", directory.get(), '/',
                  path.substr(slash == std::string::npos ? 0 : slash + 1));
}

/// Room for one descriptor, aligned as cmsg(3) wants it.
struct ControlMessage {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> bytes{};
};

}  // namespace

Terminal open_terminal(const RootedDir& root, const std::optional<oci::ConsoleSize>& size,
                       uid_t uid) {
  Terminal terminal;
  terminal.master = open_ptmx(root);
  set_blocking(terminal.master.get());
  int locked = 0;
  check(::ioctl(terminal.master.get(), TIOCSPTLCK, &locked), "unlock the terminal");
  unsigned number = 0;
  check(::ioctl(terminal.master.get(), TIOCGPTN, &number), "get the terminal's number");
  terminal.name = sentence("/dev/pts/", number);
  // TIOCGPTPEER and not the name: a path could lead elsewhere by now (CVE-2025-52565).
  terminal.slave =
      UniqueFd(check(::ioctl(terminal.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC),
                     "open the terminal's other end"));
  if (size) set_size(terminal.slave.get(), *size);
  check(::fchown(terminal.slave.get(), uid, static_cast<gid_t>(-1)), "give the terminal to user ",
        uid);
  return terminal;
}

void copy_window_size(int terminal) {
  winsize size{};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 ||
      ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
    ::ioctl(terminal, TIOCSWINSZ, &size);
}

void use_terminal(int slave) {
  check(::ioctl(slave, TIOCSCTTY, 0), "make the terminal the controlling one");
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    check(::dup2(slave, number), "put the terminal on descriptor ", number);
}

UniqueFd connect_socket(const std::string& path) {
  UniqueFd directory;
  const std::string name = short_path(path, directory);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.empty() || name.size() >= sizeof address.sun_path)
    throw Error(sentence("\"", path, "\" is not a name for a socket"));
  std::memcpy(address.sun_path, name.data(), name.size());
  UniqueFd socket(check(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  int result = 0;
  do {
    result = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } while (result < 0 && errno == EINTR);
  check(result, "connect to ", path);
  return socket;
}

void send_descriptor(int socket, int descriptor, const std::string& text) {
  // At least one byte has to go with it (unix(7)).
  std::string body = text.empty() ? std::string(1, '\0') : text;
  iovec data{body.data(), body.size()};
  ControlMessage control;
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  check(sent, "send a descriptor");
}

UniqueFd receive_descriptor(int socket) {
  std::array<char, 4096> body{};
  iovec data{body.data(), body.size()};
  ControlMessage control;
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  ssize_t received = 0;
  do {
    received = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  check(received, "receive a descriptor");
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len < CMSG_LEN(sizeof(int)))
    return {};
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  return UniqueFd(descriptor);
}

}  // namespace kernel
