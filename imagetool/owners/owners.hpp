// SPDX-License-Identifier: Apache-2.0
// Whether the files that toyimg makes get the owners an image says. Root gives them; an ordinary
// user with subordinate ids does so in a user namespace that maps them, which this process joins
// before it has threads; with a single id all files become the user's. toyimg.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"

struct IdMaps {
  std::vector<oci::IdMapping> uids, gids;
  bool operator==(const IdMaps&) const = default;
};

struct Owners {
  enum class Form { kRoot, kMapped, kSingleId };
  Form form = Form::kSingleId;
  std::string why;      // "alice has 65536 user ids in /etc/subuid and …"
  IdMaps maps{};        // of kMapped
  std::string lacks{};  // kSingleId although there are ranges: what is missing
};

/// The rule: root keeps owners; so does who has ranges in both files and newuidmap and newgidmap in
/// PATH, unless `single_id` (or TOYIMG_SINGLE_ID) says otherwise; the rest has a single id.
Owners decide_owners(bool single_id);

/// Joins a new user namespace with the maps of `owners`. The process must have one thread. Throws
/// Error when the kernel or newuidmap refuses.
void enter_user_namespace(const Owners& owners);

/// The variable by which `toyimg unshare` tells a toyimg inside whose namespace it is in.
inline constexpr const char* kUnsharedVariable = "TOYIMG_UNSHARED_UID";
/// Takes the namespace of an outer `toyimg unshare` for one that was entered here.
void recognize_unshared();

/// The maps of the namespace that was entered; nullptr where there is none.
const IdMaps* entered_maps();
/// The user's id outside of that namespace.
uid_t own_uid();
/// True for root where nothing is out of reach: no device, no trusted.* xattr.
bool is_root_of_host();
/// user_namespaces(7): the first one.
bool is_in_first_user_namespace();

/// check() of a chown: an id that this user namespace lacks is named, with the remedy. Throws
/// Error.
void check_owner_set(int result, std::uint32_t uid, std::uint32_t gid);
/// Throws Error for an id that the namespace lacks; `whose` begins the sentence.
void refuse_unmapped(const IdMaps& maps, std::uint32_t uid, std::uint32_t gid,
                     const std::string& whose);
