// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/ids/new_user_namespace.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace ids {
namespace {

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
  char* nothing[] = {nullptr};  // no variable of ours has a say in a set-user-ID program
  const int number = ::posix_spawnp(&pid, words[0].c_str(), &spawn.actions, &spawn.attributes,
                                    arguments.data(), nothing);
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
void map_with(const std::string& program, pid_t pid, const std::vector<oci::IdMapping>& mappings,
              std::string_view remedy) {
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
  throw Error(sentence(said.starts_with(program) ? "" : program + ": ", said, " (", remedy, ")"));
}

}  // namespace

NewUserNamespace::NewUserNamespace(std::string_view what_for) {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "pipe");
  UniqueFd reader(ends[0]);
  writer_.reset(ends[1]);
  clone_args arguments{};
  arguments.flags = CLONE_NEWUSER;
  arguments.exit_signal = SIGCHLD;
  pid_ = static_cast<pid_t>(check(::syscall(SYS_clone3, &arguments, sizeof arguments),
                                  "clone3 with a user namespace ", what_for));
  if (pid_ != 0) return;
  ::close(writer_.release());
  char byte = 0;
  while (::read(reader.get(), &byte, 1) < 0 && errno == EINTR) {
  }
  ::_exit(0);
}

NewUserNamespace::~NewUserNamespace() {
  writer_.reset();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void map_with_programs(pid_t pid, const std::vector<oci::IdMapping>& uids,
                       const std::vector<oci::IdMapping>& gids, std::string_view remedy) {
  map_with("newuidmap", pid, uids, remedy);
  map_with("newgidmap", pid, gids, remedy);
}

}  // namespace ids
