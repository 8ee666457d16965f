// SPDX-License-Identifier: Apache-2.0
// An image of a layer as a plain directory, for hosts that cannot mount it: whiteouts and opaque
// marks stay overlayfs's. toyimg.
#pragma once

#include <string>

#include "imagetool/store/erofs_reader.hpp"

/// Fills `directory`, which is empty and is reached by nobody else. Who is not root makes files of
/// his own: owners are noted in user.rootlesscontainers, devices are empty files. Throws Error.
void write_tree(const ErofsReader& image, const std::string& directory);
