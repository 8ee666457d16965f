// SPDX-License-Identifier: Apache-2.0
// What the two files of field tables share: config.json's "linux" part as one type, and the id
// mapping, which mounts have too. Private to bundle-spec/oci.
#pragma once

#include "bundle-spec/oci/json_fields.hpp"
#include "bundle-spec/oci/runtime_config.hpp"

namespace oci {

template <>
struct TypeOf<Linux> {
  static const Type type;
};

template <>
struct Fields<IdMapping> {
  static constexpr Field list[] = {
      field<&IdMapping::container_id>("containerID", Presence::kRequired),
      field<&IdMapping::host_id>("hostID", Presence::kRequired),
      field<&IdMapping::size>("size", Presence::kRequired),
  };
};

}  // namespace oci
