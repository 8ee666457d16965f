// SPDX-License-Identifier: Apache-2.0
// A command in the user namespace that the other verbs use: the way to files of subordinate ids.
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/owners/owners.hpp"

namespace {

// As env(1) and the shells have it.
constexpr int kNotStarted = 126;
constexpr int kNotFound = 127;

std::string shell() {
  const char* const named = std::getenv("SHELL");  // NOLINT(concurrency-mt-unsafe): one thread
  return named != nullptr && *named != '\0' ? named : "/bin/sh";
}

int run_unshare(const cli::Parsed& global, const cli::Parsed& options) {
  const Owners owners = decide_owners(global.has("single-id"));
  if (owners.form == Owners::Form::kRoot)
    throw Error("unshare: is for ordinary users, root has all ids already");
  if (owners.form == Owners::Form::kSingleId)
    throw Error(sentence("unshare: there are no subordinate ids to use: ", owners.why));
  if (entered_maps() == nullptr) {
    enter_user_namespace(owners);
    // As podman(1) and buildah(1) do it: mounts are possible, and gone with the command.
    check(::unshare(CLONE_NEWNS), "make a mount namespace");
  }
  const std::string uid = std::to_string(own_uid());
  check(::setenv(kUnsharedVariable, uid.c_str(), 1),  // NOLINT(concurrency-mt-unsafe): one thread
        "set ", kUnsharedVariable);
  std::vector<std::string> words = options.words;
  if (words.empty()) words.push_back(shell());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  const int number = errno;
  logging::error(Error(sentence("unshare: start ", words[0]), number).what());
  return number == ENOENT ? kNotFound : kNotStarted;
}

}  // namespace

const cli::Command kUnshareCommand = {
    .name = "unshare",
    .summary = "Run a command with your subordinate ids, as the owner of your containers' files",
    .words = {.usage = "[COMMAND [ARG...]]", .least = 0, .most = 0, .command_line = true},
    .options = {},
    .run = run_unshare,
};
