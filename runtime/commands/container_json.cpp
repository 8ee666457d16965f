// SPDX-License-Identifier: Apache-2.0
#include "runtime/commands/container_json.hpp"

namespace commands {

void write_container(JsonWriter& json, const ContainerRecord& record, const oci::State& state) {
  json.begin_object();
  json.key("ociVersion").text(record.oci_version).key("id").text(record.id);
  json.key("pid").number(state.pid).key("status").text(oci::name(state.status));
  json.key("bundle").text(record.bundle).key("rootfs").text(record.rootfs);
  json.key("created").text(record.created);
  if (!record.annotations.empty()) {
    json.key("annotations").begin_object();
    for (const auto& [key, value] : record.annotations) json.key(key).text(value);
    json.end_object();
  }
  json.key("owner").text(record.owner).end_object();
}

}  // namespace commands
