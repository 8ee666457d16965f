// SPDX-License-Identifier: Apache-2.0
#include "imagetool/bundle/user.hpp"

#include <array>
#include <string>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/result.hpp"

namespace {

int run_user(const cli::Parsed&, const cli::Parsed& options) {
  const RootedDir root = RootedDir::open(options.words[0]);
  const ImageUser user = resolve_user(root, options.words[1]);
  std::string groups;
  for (const std::uint32_t gid : user.additional_gids)
    groups += (groups.empty() ? "" : ",") + std::to_string(gid);
  print_line(sentence(user.uid, ' ', user.gid, ' ', groups.empty() ? "," : groups, ' ', user.home));
  return 0;
}

}  // namespace

const cli::Command kUserCommand = {
    .name = "user",
    .summary = "Look up a user in the passwd and group files of a root file system",
    .words = {.usage = "ROOTFS USER", .least = 2, .most = 2},
    .options = {},
    .run = run_user,
};
