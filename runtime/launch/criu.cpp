// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/criu.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/foreground.hpp"
#include "runtime/kernel/terminal.hpp"
#include "runtime/launch/execute.hpp"

namespace launch {
namespace {

constexpr unsigned kOldest = 31500;  // external pid namespaces, "status-ready"
constexpr int kSocket = 3;           // where `criu swrk 3` looks
constexpr int kHigh = 100;  // above all numbers that are given, so that none is overwritten
constexpr std::size_t kLongestMessage = 1 << 16;
constexpr std::string_view kFailed = "!";  // in front of why criu could not be executed

std::string version_words(unsigned version) {
  return sentence(version / 10000, '.', version / 100 % 100, '.', version % 100);
}

std::string find_criu() {
  const char* variable = ::getenv("PATH");
  std::string_view path = variable != nullptr ? variable : "/usr/sbin:/usr/bin:/sbin:/bin";
  while (!path.empty()) {
    const std::string_view directory = path.substr(0, path.find(':'));
    path.remove_prefix(std::min(directory.size() + 1, path.size()));
    std::string program = sentence(directory, "/criu");
    if (directory.starts_with('/') && ::access(program.c_str(), X_OK) == 0) return program;
  }
  throw Error(
      "exec: \"criu\": executable file not found in $PATH (checkpoint and restore need the program "
      "of that name, CRIU 3.15 or newer)");
}

/// The conversation and the two directories get their numbers; of all others only those named stay.
void arrange_descriptors(const UniqueFd& socket, int parent, const CriuSurroundings& surroundings) {
  const UniqueFd images = open_at(AT_FDCWD, surroundings.images, O_RDONLY | O_DIRECTORY);
  const UniqueFd work = open_at(AT_FDCWD, surroundings.work, O_RDONLY | O_DIRECTORY);
  std::vector<int> open = surroundings.inherited;
  open.push_back(parent);  // until execve
  std::vector<UniqueFd> high;
  for (const UniqueFd* one : {&socket, &images, &work})
    high.emplace_back(check(::fcntl(one->get(), F_DUPFD_CLOEXEC, kHigh), "duplicate a descriptor"));
  int number = kSocket;
  for (const UniqueFd& one : high) {
    check(::dup3(one.get(), number, 0), "dup3");
    open.push_back(number++);
  }
  for (const int fd : surroundings.inherited) check(::fcntl(fd, F_SETFD, 0), "fcntl");
  close_all_but(0, std::move(open));
}

/// CRIU opens our directories through the process that made the socket: that has to be itself, for
/// its mount namespace may be another.
[[noreturn]] void run_criu(const std::string& program, int socket,
                           const CriuSurroundings& surroundings) noexcept {
  const int parent = ::fcntl(socket, F_DUPFD_CLOEXEC, kHigh);
  try {
    kernel::SignalForwarder::restore_in_child();
    if (surroundings.before_exec) surroundings.before_exec();
    std::array<int, 2> ends{};
    check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()),
          "make a socket to criu");
    const UniqueFd own(ends[0]);
    const UniqueFd theirs(ends[1]);
    kernel::send_descriptor(parent, theirs.get(), "criu");
    arrange_descriptors(own, parent, surroundings);
    std::string name = "criu";
    std::string verb = "swrk";
    std::string number = std::to_string(kSocket);
    const std::array<char*, 4> words{name.data(), verb.data(), number.data(), nullptr};
    ::execv(program.c_str(), words.data());
    throw Error(sentence("exec ", program), errno);
  } catch (const std::exception& error) {
    const std::string words = sentence(kFailed, error.what());
    [[maybe_unused]] const ssize_t sent = ::send(parent, words.data(), words.size(), MSG_NOSIGNAL);
  }
  ::_exit(1);
}

/// One message, and the descriptor that came with it, if any. Empty at the end.
std::string receive_packet(int socket, UniqueFd& descriptor) {
  std::string bytes(kLongestMessage, '\0');
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno != ECONNRESET) check(got, "receive from criu");
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    descriptor.reset(fd);
  }
  bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return bytes;
}

}  // namespace

Criu Criu::start(const CriuSurroundings& surroundings) {
  const trace::Step step("start criu");
  const std::string program = find_criu();
  std::array<int, 2> ends{};
  check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()),
        "make a socket to criu");
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  Child child = Child::clone(0, surroundings.v2_cgroup);
  if (child.is_self()) run_criu(program, theirs.get(), surroundings);
  theirs.reset();
  UniqueFd conversation;
  const std::string words = receive_packet(ours.get(), conversation);
  if (words.starts_with(kFailed)) throw Error(words.substr(kFailed.size()));
  if (!conversation) throw Error("criu ended before it began");
  Criu criu(std::move(child), std::move(conversation));
  const std::string failure = receive_packet(ours.get(), conversation);
  if (!failure.empty()) throw Error(failure.substr(kFailed.size()));
  criu.require_version();
  return criu;
}

void Criu::require_version() {
  send(plan::write_criu_question(plan::CriuType::kVersion, true));
  UniqueFd nothing;
  version_ = receive(nothing).version;
  logging::debug(sentence("criu is version ", version_words(version_)));
  if (version_ < kOldest)
    throw Error(sentence("criu is version ", version_words(version_),
                         ", checkpoint and restore need ", version_words(kOldest), " or newer"));
}

void Criu::send(const std::string& bytes) const {
  // EPIPE: it ended, and why is for receive() to say.
  if (::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0 && errno != EPIPE)
    check(-1, "send to criu");
}

plan::CriuResponse Criu::receive(UniqueFd& descriptor) {
  const std::string bytes = receive_packet(socket_.get(), descriptor);
  if (bytes.empty())
    throw Error("criu ended without an answer (does `criu check` succeed on this host?)");
  return plan::read_criu_response(bytes);
}

plan::CriuResponse Criu::ask(plan::CriuType type, const plan::CriuOptions& options,
                             const std::string& log, const Notified& notified) {
  const trace::Step step([&] { return sentence("criu: ", plan::name(type)); });
  send(plan::write_criu_request(type, options));
  for (;;) {
    UniqueFd descriptor;
    plan::CriuResponse response;
    try {
      response = receive(descriptor);
    } catch (const Error&) {
      fail(type, {}, log);
    }
    if (!response.success) fail(type, response, log);
    if (response.type != plan::CriuType::kNotify) return response;
    logging::debug(sentence("criu: ", response.script));
    notified(response, std::move(descriptor));
    send(plan::write_criu_acknowledgement(true));
  }
}

void Criu::fail(plan::CriuType type, const plan::CriuResponse& response, const std::string& log) {
  std::string reason = response.error;
  try {
    const std::string text = plan::criu_complaints(read_file(log));
    if (!text.empty()) reason = text;
  } catch (const Error&) {
    // It did not come as far as opening its log.
    if (reason.empty()) reason = "it left no log (does `criu check` succeed on this host?)";
  }
  // runc's words, as far as "errno N".
  throw Error(sentence("criu failed: type ", plan::name(type), " errno ", response.error_number,
                       reason.empty() ? "" : ": ", reason, " (log file: ", log, ')'));
}

void Criu::finish() {
  ::shutdown(socket_.get(), SHUT_RDWR);
  child_.wait();
}

plan::CriuResponse Criu::features() {
  Criu criu = start({.images = "/", .work = "/", .before_exec = {}, .inherited = {}});
  criu.send(plan::write_criu_feature_question());
  UniqueFd nothing;
  plan::CriuResponse features = criu.receive(nothing);
  criu.finish();
  return features;
}

}  // namespace launch
