// SPDX-License-Identifier: Apache-2.0
// The image store as a place to copy from and to. toyimg.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "imagetool/store/image_store.hpp"
#include "imagetool/transport/transport.hpp"

namespace transport {

/// Borrows the store.
std::unique_ptr<Source> store_source(const ImageStore& store, const oci::Descriptor& manifest);
/// Gives the image all of `names` at finish(), or keeps it under its digest when there are none;
/// nothing of it is collected before. Borrows the store.
std::unique_ptr<Destination> store_destination(const ImageStore& store,
                                               std::vector<std::string> names,
                                               const std::stop_token& stop = {});

/// Writes a blob that is not there yet, checked; false when it is there.
bool put_blob(const BlobStore& blobs, const oci::Descriptor& blob, const OpenBlob& open,
              const std::stop_token& stop = {});

}  // namespace transport
