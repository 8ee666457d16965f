// SPDX-License-Identifier: Apache-2.0
// The image in the store that a user's words mean. toyimg.
#pragma once

#include <string>

#include "imagetool/store/image_store.hpp"

/// By name ("alpine" is docker.io/library/alpine:latest) or by the beginning of its digest. Throws
/// NotFound.
ImageStore::Image find_image(const ImageStore& store, const std::string& words);
