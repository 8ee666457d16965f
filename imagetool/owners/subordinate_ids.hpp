// SPDX-License-Identifier: Apache-2.0
// The ids that /etc/subuid and /etc/subgid give a user, and the map made of them. Pure; toyimg.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "bundle-spec/oci/runtime_config.hpp"

struct IdRange {
  std::uint32_t first = 0, count = 0;
  bool operator==(const IdRange&) const = default;
};

/// The ranges of a user, by name or number, in a file's order (subuid(5)). As newuidmap(1) does,
/// lines that are damaged are passed over.
std::vector<IdRange> ranges_of(std::string_view text, std::string_view user, std::uint32_t uid);

/// 0 is the user's own id; the ranges follow from 1 on, one after the other.
std::vector<oci::IdMapping> map_of(std::uint32_t own, const std::vector<IdRange>& ranges);

bool is_mapped(const std::vector<oci::IdMapping>& map, std::uint32_t id);

/// The highest id of a map that is not empty.
std::uint32_t last_mapped(const std::vector<oci::IdMapping>& map);
