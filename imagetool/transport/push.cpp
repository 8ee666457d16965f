// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/push.hpp"

#include "imagetool/transport/copy.hpp"
#include "imagetool/transport/registry_transport.hpp"
#include "imagetool/transport/store_transport.hpp"

std::string push(const ImageStore& store, const oci::Descriptor& image, PushRequest request,
                 Progress& progress) {
  request.registry.stop = request.stop.get_token();
  const auto source = transport::store_source(store, image);
  const auto destination = transport::registry_destination(
      request.destination, request.registry,
      request.foreign ? transport::Foreign::kSend : transport::Foreign::kStay);
  const transport::CopyOptions options{
      .all = request.all, .platform = {}, .form = {}, .stop = request.stop};
  const transport::RawManifest manifest =
      transport::copy_image(*source, *destination, options, progress);
  destination->finish();
  return manifest.digest;
}
