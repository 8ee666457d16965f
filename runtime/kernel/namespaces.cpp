// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/namespaces.hpp"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "runtime/kernel/procfs.hpp"

namespace kernel {
namespace {

OpenNamespace open_namespace(const plan::JoinNamespace& wanted) {
  UniqueFd file(check(::open(wanted.path.c_str(), O_RDONLY | O_CLOEXEC), wanted.type, " namespace ",
                      wanted.path));
  const int kind = ::ioctl(file.get(), NS_GET_NSTYPE);
  if (kind < 0)
    throw Error(sentence(wanted.path, " is not a namespace (", wanted.type, " namespace wanted)"));
  if (static_cast<std::uint64_t>(static_cast<unsigned>(kind)) != wanted.flag)
    throw Error(sentence(wanted.path, " is a namespace of another type than ", wanted.type));
  return {wanted, std::move(file)};
}

std::string map_text(const std::vector<oci::IdMapping>& mappings) {
  std::string text;
  for (const oci::IdMapping& one : mappings)
    words::append(text, sentence(one.container_id, ' ', one.host_id, ' ', one.size, '\n'));
  return text;
}

struct Spawn {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  Spawn() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  Spawn(const Spawn&) = delete;
  Spawn& operator=(const Spawn&) = delete;
  ~Spawn() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
};

/// Starts `words[0]` from PATH with stdout and stderr going to `output`; signals as a fresh program
/// expects them.
pid_t start(const std::vector<std::string>& words, int output) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  Spawn spawn;
  ::posix_spawn_file_actions_addopen(&spawn.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&spawn.actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&spawn.actions, output, STDERR_FILENO);
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&spawn.attributes, &none);
  ::posix_spawnattr_setflags(&spawn.attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  const int number = ::posix_spawnp(&pid, words[0].c_str(), &spawn.actions, &spawn.attributes,
                                    arguments.data(), environ);
  if (number == ENOENT)
    throw Error(sentence(words[0], " is not in PATH: install the uidmap package"));
  if (number != 0) throw Error(sentence("start ", words[0]), number);
  return pid;
}

int wait_for(pid_t pid, const std::string& name) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) throw Error(sentence("wait for ", name), errno);
  return status;
}

/// newuidmap(1), newgidmap(1): "PROGRAM PID [CONTAINER HOST COUNT]...".
void map_with(const std::string& program, pid_t pid, const std::vector<oci::IdMapping>& mappings) {
  std::vector<std::string> words = {program, std::to_string(pid)};
  for (const oci::IdMapping& one : mappings)
    for (const auto number : {one.container_id, one.host_id, one.size})
      words.push_back(std::to_string(number));
  int ends[2];
  check(::pipe2(ends, O_CLOEXEC), "pipe");
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t child = start(words, writer.get());
  writer.reset();
  std::string said;
  try {
    said = read_all(reader.get(), program, std::size_t{64} << 10);
  } catch (...) {
    wait_for(child, program);
    throw;
  }
  const int status = wait_for(child, program);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  while (!said.empty() && said.back() == '\n') said.pop_back();
  if (said.empty()) said = "failed";
  throw Error(sentence(said.starts_with(program) ? "" : program + ": ", said,
                       " (an ordinary user maps ids that /etc/subuid and /etc/subgid give them, or "
                       "only their own, as `toyrun spec --rootless` writes it)"));
}

}  // namespace

bool is_own(const OpenNamespace& one) {
  const std::string path = sentence("/proc/self/ns/", plan::namespace_file(one.plan.type));
  struct stat own{};
  struct stat joined{};
  check(::stat(path.c_str(), &own), "stat ", path);
  check(::fstat(one.file.get(), &joined), "stat ", one.plan.path);
  return own.st_ino == joined.st_ino && own.st_dev == joined.st_dev;
}

std::vector<OpenNamespace> open_namespaces(const plan::NamespacePlan& namespaces) {
  std::vector<OpenNamespace> open;
  for (const plan::JoinNamespace& one : namespaces.join) open.push_back(open_namespace(one));
  return open;
}

void join(const OpenNamespace& one) {
  check(::setns(one.file.get(), static_cast<int>(one.plan.flag)), "join ", one.plan.type,
        " namespace ", one.plan.path);
}

void write_id_maps(pid_t pid, const plan::NamespacePlan& namespaces) {
  if (namespaces.map_with_helpers) {
    map_with("newuidmap", pid, namespaces.uid_mappings);
    map_with("newgidmap", pid, namespaces.gid_mappings);
    return;
  }
  const Procfs procfs = Procfs::open();
  const std::string process = std::to_string(pid);
  if (!namespaces.uid_mappings.empty())
    procfs.write(process + "/uid_map", map_text(namespaces.uid_mappings));
  // user_namespaces(7): an unprivileged writer of gid_map must give up setgroups(2) first.
  if (namespaces.deny_setgroups) procfs.write(process + "/setgroups", "deny");
  if (!namespaces.gid_mappings.empty())
    procfs.write(process + "/gid_map", map_text(namespaces.gid_mappings));
}

void make_time_namespace(const plan::NamespacePlan& namespaces) {
  const bool is_root = ::geteuid() == 0;
  check(::unshare(CLONE_NEWTIME), "make a time namespace",
        is_root ? "" : " (an ordinary user cannot: leave it out of /linux/namespaces)");
  std::string offsets;
  for (const auto& [clock, offset] : namespaces.time_offsets)
    words::append(offsets, sentence(clock, ' ', offset.secs, ' ', offset.nanosecs, '\n'));
  if (offsets.empty()) return;
  try {
    Procfs::open().write("self/timens_offsets", offsets);
  } catch (Error& error) {
    error.add_context("/linux/timeOffsets");
    throw;
  }
}

void bring_up_loopback() {
  const UniqueFd socket(
      check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket for the loopback device"));
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
  check(::ioctl(socket.get(), SIOCSIFFLAGS, &request), "set the loopback device up");
}

void set_names(const plan::NamespacePlan& namespaces) {
  if (namespaces.hostname)
    check(::sethostname(namespaces.hostname->data(), namespaces.hostname->size()),
          "set the hostname to ", *namespaces.hostname);
  if (namespaces.domainname)
    check(::setdomainname(namespaces.domainname->data(), namespaces.domainname->size()),
          "set the domainname to ", *namespaces.domainname);
}

}  // namespace kernel
