// SPDX-License-Identifier: Apache-2.0
// One blob on its way to a registry (distribution-spec, "Pushing blobs"): mounted, sent whole or in
// chunks, continued where a broken upload stopped. toyimg only; one per thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "imagetool/oci/manifest.hpp"
#include "imagetool/registry/endpoint.hpp"

namespace registry {

class BlobUpload {
 public:
  /// Borrows `endpoint` and `blob`. `open` gives the blob's bytes from the first one on, once per
  /// attempt. `chunk`: most bytes in one request; 0: all.
  BlobUpload(Endpoint& endpoint, const oci::Descriptor& blob, std::function<ByteSource()> open,
             std::int64_t chunk)
      : endpoint_(endpoint), blob_(blob), open_(std::move(open)), chunk_(chunk) {}

  /// HEAD: whether the repository has it.
  bool is_there();
  /// Asks for the blob of another repository on the same registry. False: it has to be sent.
  bool mount(const std::string& from);
  /// Sends it, unless a mount has done so. Throws Error; then the upload is given up at the
  /// registry, too.
  void send();

 private:
  enum class Outcome { kDone, kGoesOn, kFailed };
  void begin();
  HttpResponse send_parts(Outcome& outcome);
  void send_all();
  void take_location(const HttpResponse& response);
  HttpResponse send_next();
  HttpResponse send_part(std::int64_t end);
  HttpResponse send_last(std::int64_t begin);
  Outcome outcome_of(const HttpResponse& response);
  void find_offset();
  void forget_session();
  void abandon();
  StreamedBody part(std::int64_t begin, std::int64_t end) const;
  Url with_digest() const;
  void check_stated(const HttpResponse& response) const;

  Endpoint& endpoint_;
  const oci::Descriptor& blob_;
  std::function<ByteSource()> open_;
  std::int64_t chunk_;
  std::optional<Url> location_{};  // where the upload goes on; none: it has not begun
  std::int64_t received_ = 0;      // bytes the registry has
  std::int64_t sent_to_ = 0;       // end of the part that was sent last
  bool last_was_final_ = false;
};

}  // namespace registry
