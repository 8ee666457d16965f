// SPDX-License-Identifier: Apache-2.0
// Whether programs of a platform run on this machine: by the processor, or through an emulator that
// the kernel starts, binfmt_misc(5). toyimg.
#pragma once

#include <string>
#include <string_view>

#include "imagetool/oci/platform.hpp"

namespace build {

/// True when this entry of binfmt_misc takes ELF programs of the architecture (Go's word). Pure.
bool emulates(std::string_view entry, std::string_view architecture);

/// Throws Error saying what is missing unless programs of the platform run here.
void require_runnable(const oci::Platform& platform);

}  // namespace build
