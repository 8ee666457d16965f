// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/id_map.hpp"

#include <linux/sched.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>

#include "bundle-spec/error.hpp"

namespace plan {
namespace {

using Mappings = std::vector<oci::IdMapping>;

/// Cuts what comes before `separator` off the text.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

class OptionReader {
 public:
  OptionReader(std::string_view text, std::string_view pointer, const Mappings& uids,
               const Mappings& gids)
      : text_(text), pointer_(pointer), container_uids_(uids), container_gids_(gids) {}

  /// "uids=0-1000-10#10-2000-5;gids=…", as crun(1) has it.
  IdMap read() const {
    IdMap map;
    for (std::string_view rest = text_; !rest.empty();) {
      std::string_view list = take(rest, ';');
      const std::string_view kind = take(list, '=');
      if (kind == "uids") {
        map.uids = read_list(list, container_uids_);
      } else if (kind == "gids") {
        map.gids = read_list(list, container_gids_);
      } else {
        refuse(kind, "is neither uids nor gids");
      }
    }
    if (map.uids.empty() || map.gids.empty()) refuse(text_, "needs uids and gids");
    return map;
  }

 private:
  [[noreturn]] void refuse(std::string_view part, std::string_view why) const {
    throw Error(sentence(pointer_, "/options: idmap: \"", part, "\" ", why));
  }

  std::uint32_t read_number(std::string_view text) const {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) refuse(text, "is no id");
    return number;
  }

  // A host id that is relative is meant as an id of the container.
  std::uint32_t absolute(const oci::IdMapping& asked, const Mappings& container,
                         std::string_view part) const {
    for (const oci::IdMapping& one : container) {
      if (asked.host_id < one.container_id) continue;
      const std::uint32_t offset = asked.host_id - one.container_id;
      if (offset < one.size && asked.size <= one.size - offset) return one.host_id + offset;
    }
    refuse(part, "is not within one mapping of the container's new user namespace");
  }

  Mappings read_list(std::string_view list, const Mappings& container) const {
    Mappings mappings;
    while (!list.empty()) {
      const std::string_view whole = take(list, '#');
      std::string_view part = whole;
      const bool relative = part.starts_with('@');
      if (relative) part.remove_prefix(1);
      oci::IdMapping one;
      one.container_id = read_number(take(part, '-'));
      one.host_id = read_number(take(part, '-'));
      one.size = read_number(part);
      if (one.size == 0) refuse(whole, "maps no id");
      if (relative) one.host_id = absolute(one, container, whole);
      mappings.push_back(one);
    }
    return mappings;
  }

  std::string_view text_, pointer_;
  const Mappings& container_uids_;
  const Mappings& container_gids_;
};

}  // namespace

std::optional<IdMap> plan_id_map(const oci::Mount& mount, const MountOptions& options,
                                 const NamespacePlan& namespaces, std::string_view pointer) {
  const bool own = !mount.uid_mappings.empty() || !mount.gid_mappings.empty();
  if (!own && !options.idmap) return std::nullopt;
  IdMap map;
  if (own) {
    if (!options.idmap_text.empty()) {
      throw Error(sentence(pointer, "/options: idmap=… and uidMappings exclude each other"));
    }
    map = {.uids = mount.uid_mappings, .gids = mount.gid_mappings};
  } else if (!options.idmap_text.empty()) {
    map =
        OptionReader(options.idmap_text, pointer, namespaces.uid_mappings, namespaces.gid_mappings)
            .read();
  } else if (namespaces.joined(CLONE_NEWUSER) != nullptr) {
    map.of_joined_namespace = true;
  } else if (!namespaces.uid_mappings.empty()) {
    map = {.uids = namespaces.uid_mappings, .gids = namespaces.gid_mappings};
  } else {
    throw Error(sentence(pointer,
                         "/options: idmap needs uidMappings and gidMappings, or a user namespace"));
  }
  map.recursive = options.recursive_idmap;
  return map;
}

std::string describe(const IdMap& map) {
  if (map.of_joined_namespace) return "its ids mapped as in the joined user namespace";
  return sentence("its ids mapped: ", describe_mappings("user ids", map.uids), "; ",
                  describe_mappings("group ids", map.gids));
}

}  // namespace plan
