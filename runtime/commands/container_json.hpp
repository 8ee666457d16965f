// SPDX-License-Identifier: Apache-2.0
// A container as `state` and `list` print it: runc's object, key by key. Host side.
#pragma once

#include "runtime/container/container.hpp"
#include "runtime/container/json_writer.hpp"

namespace commands {

/// Writes the object of one container; `state` is its state now.
void write_container(JsonWriter& json, const ContainerRecord& record, const oci::State& state);

}  // namespace commands
