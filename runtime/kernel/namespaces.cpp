// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/namespaces.hpp"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/ids/new_user_namespace.hpp"
#include "runtime/kernel/procfs.hpp"

namespace kernel {
namespace {

constexpr std::string_view kMappingRemedy =
    "an ordinary user maps ids that /etc/subuid and /etc/subgid give them, or only their own, as "
    "`toyrun spec --rootless` writes it";

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
    return ids::map_with_programs(pid, namespaces.uid_mappings, namespaces.gid_mappings,
                                  kMappingRemedy);
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
