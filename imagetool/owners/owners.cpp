// SPDX-License-Identifier: Apache-2.0
#include "imagetool/owners/owners.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/ids/new_user_namespace.hpp"
#include "imagetool/owners/subordinate_ids.hpp"

namespace {

constexpr const char* kSubuid = "/etc/subuid";
constexpr const char* kSubgid = "/etc/subgid";

struct Entered {
  uid_t uid = 0;  // outside
  IdMaps maps;
};
std::optional<Entered> entered;

std::string variable(const char* name) {
  const char* const value =
      std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before there are threads
  return value != nullptr ? value : "";
}

std::string user_name(uid_t uid) {
  const passwd* const entry =
      ::getpwuid(uid);  // NOLINT(concurrency-mt-unsafe): before there are threads
  return entry != nullptr ? entry->pw_name : std::to_string(uid);
}

bool is_in_path(const std::string& program) {
  std::string_view rest;
  const std::string path = variable("PATH");
  for (rest = path; !rest.empty();) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const std::string file = sentence(end == 0 ? "." : rest.substr(0, end), '/', program);
    if (::access(file.c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

std::vector<IdRange> ranges_in(const char* file, const std::string& user, uid_t uid) {
  return ranges_of(read_file_if_exists(file).value_or(""), user, uid);
}

Owners single(std::string why, std::string lacks = {}) {
  return {.form = Owners::Form::kSingleId, .why = std::move(why), .lacks = std::move(lacks)};
}

Owners with_ranges(const std::string& user, const std::vector<IdRange>& uids,
                   const std::vector<IdRange>& gids) {
  for (const auto& [found, file] : {std::pair{&uids, kSubuid}, std::pair{&gids, kSubgid}})
    if (found->empty()) {
      std::string why = sentence(file, " has no range for ", user);
      return single(why, uids.empty() && gids.empty() ? "" : why);
    }
  for (const char* const program : {"newuidmap", "newgidmap"})
    if (!is_in_path(program)) {
      std::string why = sentence(program, " is not in PATH: install the uidmap package");
      return single(why, why);
    }
  Owners owners{.form = Owners::Form::kMapped, .why = {}};
  owners.maps = {map_of(::getuid(), uids), map_of(::getgid(), gids)};
  owners.why = sentence(user, " has subordinate ids for 1–", last_mapped(owners.maps.uids),
                        " in /etc/subuid and 1–", last_mapped(owners.maps.gids), " in /etc/subgid");
  return owners;
}

std::vector<oci::IdMapping> read_map(const char* file) {
  std::vector<oci::IdMapping> map;
  std::istringstream text(read_file(file));
  oci::IdMapping one;
  while (text >> one.container_id >> one.host_id >> one.size) map.push_back(one);
  return map;
}

[[noreturn]] void refuse_id(const std::string& whose, const char* kind, std::uint32_t id,
                            const std::vector<oci::IdMapping>& map, const char* file) {
  std::string remedy = "map more ids into it";
  if (entered)
    remedy = sentence("give ", user_name(entered->uid), " a longer range in ", file,
                      ", or use toyimg --single-id");
  throw Error(sentence(whose, ": the ", kind, " id ", id, " is outside of the ids 0–",
                       last_mapped(map), " of this user namespace: ", remedy));
}

}  // namespace

Owners decide_owners(bool single_id) {
  if (entered)
    return {.form = Owners::Form::kMapped,
            .why = "this is a user namespace of toyimg unshare",
            .maps = entered->maps};
  if (::getuid() != ::geteuid() || ::getgid() != ::getegid())
    throw Error("toyimg must not be set-user-ID or set-group-ID");
  if (::geteuid() == 0) return {.form = Owners::Form::kRoot, .why = "root"};
  if (single_id) return single("--single-id says so");
  if (const std::string value = variable("TOYIMG_SINGLE_ID"); !value.empty() && value != "0")
    return single("TOYIMG_SINGLE_ID says so");
  const uid_t uid = ::getuid();
  const std::string user = user_name(uid);
  return with_ranges(user, ranges_in(kSubuid, user, uid), ranges_in(kSubgid, user, uid));
}

void enter_user_namespace(const Owners& owners) {
  const uid_t uid = ::getuid();
  try {
    const ids::NewUserNamespace made("of subordinate ids");
    ids::map_with_programs(made.pid(), owners.maps.uids, owners.maps.gids,
                           "the ranges of /etc/subuid and /etc/subgid were refused");
    const UniqueFd file = open_at(AT_FDCWD, sentence("/proc/", made.pid(), "/ns/user"), O_RDONLY);
    check(::setns(file.get(), CLONE_NEWUSER), "enter the user namespace");
  } catch (Error& error) {
    error.add_context("subordinate ids cannot be used (toyimg --single-id does without)");
    throw;
  }
  entered = {.uid = uid, .maps = owners.maps};
}

void recognize_unshared() {
  const std::string said = variable(kUnsharedVariable);
  if (said.empty() || ::geteuid() != 0) return;
  IdMaps maps{read_map("/proc/self/uid_map"), read_map("/proc/self/gid_map")};
  if (maps.uids.empty() || maps.gids.empty() || maps.uids[0].host_id == 0 ||
      maps.uids[0].container_id != 0 || std::to_string(maps.uids[0].host_id) != said)
    return;
  const uid_t uid = maps.uids[0].host_id;
  entered = {.uid = uid, .maps = std::move(maps)};
}

const IdMaps* entered_maps() { return entered ? &entered->maps : nullptr; }

uid_t own_uid() { return entered ? entered->uid : ::getuid(); }

bool is_in_first_user_namespace() {
  // user_namespaces(7): the first one maps all ids to themselves.
  return read_file("/proc/self/uid_map").find("4294967295") != std::string::npos;
}

bool is_root_of_host() { return ::geteuid() == 0 && is_in_first_user_namespace(); }

void refuse_unmapped(const IdMaps& maps, std::uint32_t uid, std::uint32_t gid,
                     const std::string& whose) {
  if (!is_mapped(maps.uids, uid)) refuse_id(whose, "user", uid, maps.uids, kSubuid);
  if (!is_mapped(maps.gids, gid)) refuse_id(whose, "group", gid, maps.gids, kSubgid);
}

void check_owner_set(int result, std::uint32_t uid, std::uint32_t gid) {
  if (result == 0) return;
  const int number = errno;
  if (number == EINVAL)  // chown(2)
    refuse_unmapped({read_map("/proc/self/uid_map"), read_map("/proc/self/gid_map")}, uid, gid,
                    "set the owner");
  throw Error("set the owner", number);
}
