// SPDX-License-Identifier: Apache-2.0
// One blob on its way from an endpoint into a sink: counts, caps, resumes where it was. toyimg
// only; one per thread.
#pragma once

#include <cstdint>

#include "imagetool/oci/manifest.hpp"
#include "imagetool/registry/endpoint.hpp"

namespace registry {

class BlobDownload {
 public:
  /// Borrows both. The sink has the first `offset` bytes already.
  BlobDownload(const oci::Descriptor& blob, const BodySink& sink, std::int64_t offset)
      : blob_(blob), sink_(sink), received_(offset) {}

  /// Fetches what is still missing. Throws NotFound or Error; may then be called with another
  /// endpoint.
  void fetch(Endpoint& endpoint);
  /// The same from a foreign layer's own URL, without login.
  void fetch_foreign(Endpoint& endpoint, const Url& url);
  /// True when the sink threw: nobody else can help.
  bool sink_failed() const { return sink_failed_; }

 private:
  void fetch_by(Endpoint& endpoint, const Url* foreign);
  HttpResponse send(Endpoint& endpoint, const Url* foreign);
  BodySink begin(const HttpHead& head);
  std::int64_t checked_start(const HttpHead& head) const;
  void take(std::span<const std::byte> bytes);

  const oci::Descriptor& blob_;
  const BodySink& sink_;
  std::int64_t received_;      // bytes the sink has
  std::int64_t skipping_ = 0;  // bytes of this response that the sink already has
  bool begun_ = false;
  bool asks_for_all_ = false;  // the server has shown that it cannot send the part that is missing
  bool sink_failed_ = false;
};

}  // namespace registry
