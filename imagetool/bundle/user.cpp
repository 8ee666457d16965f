// SPDX-License-Identifier: Apache-2.0
#include "imagetool/bundle/user.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/oci/printable.hpp"

namespace {

constexpr std::size_t kFileLimit = std::size_t{16} << 20;
constexpr std::size_t kLineLimit = std::size_t{1} << 20;  // CVE-2026-47262
constexpr std::size_t kLongestName = 80;                  // in messages
constexpr std::uint32_t kHighestId = 2147483647;

/// Cuts the text before the next `separator` off the front.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

/// All digits, a sign allowed in front: then it is a number and never a name (CVE-2026-46680).
bool is_number(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::uint32_t> read_id(std::string_view text) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id > kHighestId)
    return std::nullopt;
  return id;
}

std::uint32_t checked_id(std::string_view text, std::string_view what) {
  if (const std::optional<std::uint32_t> id = read_id(text)) return *id;
  throw Error(sentence("image config: User: ", what, " ", printable(text, kLongestName),
                       " is not between 0 and ", kHighestId));
}

struct Account {
  std::string_view name;
  std::uint32_t uid = 0, gid = 0;
  std::string_view home;
};

/// passwd(5): name:password:uid:gid:gecos:home:shell; lines that are not so are passed over.
std::optional<Account> read_account(std::string_view line) {
  Account account{.name = take(line, ':'), .home = {}};
  take(line, ':');
  const std::optional<std::uint32_t> uid = read_id(take(line, ':'));
  const std::optional<std::uint32_t> gid = read_id(take(line, ':'));
  if (account.name.empty() || account.name.front() == '#' || !uid || !gid) return std::nullopt;
  account.uid = *uid;
  account.gid = *gid;
  take(line, ':');
  account.home = take(line, ':');
  return account;
}

template <typename Accept>
std::optional<Account> find_account(std::string_view passwd, const Accept& accept) {
  while (!passwd.empty()) {
    const std::string_view line = take(passwd, '\n');
    if (line.size() > kLineLimit) continue;
    const std::optional<Account> account = read_account(line);
    if (account && accept(*account)) return account;
  }
  return std::nullopt;
}

struct Group {
  std::string_view name;
  std::uint32_t gid = 0;
  std::string_view members;
};

/// group(5): name:password:gid:member,member.
template <typename Visit>
void for_each_group(std::string_view text, const Visit& visit) {
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    if (line.size() > kLineLimit) continue;
    Group group{.name = take(line, ':'), .members = {}};
    take(line, ':');
    const std::optional<std::uint32_t> gid = read_id(take(line, ':'));
    if (group.name.empty() || group.name.front() == '#' || !gid) continue;
    group.gid = *gid;
    group.members = line;
    visit(group);
  }
}

std::uint32_t find_group(std::string_view text, std::string_view name) {
  std::optional<std::uint32_t> gid;
  for_each_group(text, [&](const Group& group) {
    if (!gid && group.name == name) gid = group.gid;
  });
  if (!gid)
    throw Error(sentence("image config: User: no group ", printable(name, kLongestName),
                         " in the image's /etc/group"));
  return *gid;
}

std::vector<std::uint32_t> groups_of(std::string_view text, std::string_view member) {
  std::vector<std::uint32_t> gids;
  for_each_group(text, [&](const Group& group) {
    std::string_view members = group.members;
    while (!members.empty())
      if (take(members, ',') == member && std::ranges::find(gids, group.gid) == gids.end())
        gids.push_back(group.gid);
  });
  return gids;
}

/// nullopt also when symlinks lead in a circle.
std::optional<UniqueFd> find_in_root(const RootedDir& root, std::string_view path) try {
  return root.open_if_exists(path, O_PATH);
} catch (const Error& error) {
  if (error.number() != ELOOP) throw;
  return std::nullopt;
}

/// A missing file, and what is no regular file, is an empty one. Nothing is waited for (a fifo) and
/// no device opened.
std::string read_in_root(const RootedDir& root, std::string_view path) {
  const std::optional<UniqueFd> found = find_in_root(root, path);
  if (!found) return {};
  struct stat status{};
  check(::fstat(found->get(), &status), "stat ", path);
  if (!S_ISREG(status.st_mode)) return {};
  const UniqueFd file = root.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  return read_all(file.get(), path, kFileLimit);
}

}  // namespace

ImageUser resolve_user(std::string_view passwd, std::string_view group, std::string_view user) {
  std::string_view group_part = user;
  const std::string_view user_part = take(group_part, ':');
  ImageUser result;
  std::optional<Account> account;
  if (user_part.empty() || is_number(user_part)) {
    result.uid = user_part.empty() ? 0 : checked_id(user_part, "uid");
    account = find_account(passwd, [&](const Account& one) { return one.uid == result.uid; });
  } else {
    account = find_account(passwd, [&](const Account& one) { return one.name == user_part; });
    if (!account)
      throw Error(sentence("image config: User: no user ", printable(user_part, kLongestName),
                           " in the image's /etc/passwd"));
    result.uid = account->uid;
  }
  result.home = account && !account->home.empty() ? std::string(account->home) : "/";
  if (!group_part.empty()) {
    result.gid =
        is_number(group_part) ? checked_id(group_part, "gid") : find_group(group, group_part);
  } else if (account) {
    result.gid = account->gid;
    // Docker gives the account's groups; the primary one is among them (CVE-2022-2989 and its
    // like).
    result.additional_gids = groups_of(group, account->name);
    if (std::ranges::find(result.additional_gids, result.gid) == result.additional_gids.end())
      result.additional_gids.insert(result.additional_gids.begin(), result.gid);
  }
  return result;
}

ImageUser resolve_user(const RootedDir& root, std::string_view user) {
  return resolve_user(read_in_root(root, "/etc/passwd"), read_in_root(root, "/etc/group"), user);
}
