// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/find_image.hpp"

#include "imagetool/transport/open.hpp"

ImageStore::Image find_image(const ImageStore& store, const std::string& words) {
  return transport::stored_image(store, words);
}
