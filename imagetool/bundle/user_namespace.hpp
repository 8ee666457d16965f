// SPDX-License-Identifier: Apache-2.0
// What a config.json needs beyond an image's for a container of an ordinary user with subordinate
// ids. Pure; toyimg.
#pragma once

#include "bundle-spec/oci/runtime_config.hpp"
#include "imagetool/owners/owners.hpp"

/// A user namespace with these maps, and nothing that only root of the host may ask for. Throws
/// Error where the process's own ids are outside of them.
void give_user_namespace(oci::RuntimeConfig& config, const IdMaps& maps);
