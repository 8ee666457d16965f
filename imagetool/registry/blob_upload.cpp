// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/blob_upload.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/registry/refusal.hpp"

namespace registry {
namespace {

constexpr std::int64_t kProgress = std::int64_t{1} << 20;
constexpr const char* kUploads = "blobs/uploads/";
constexpr const char* kBinary = "Content-Type: application/octet-stream";

/// "0-99" (distribution-spec: without "bytes"; some say "bytes=0-99") → 100 bytes are there.
/// docker-registry says 0-0 for nothing as well as for one byte: taken as nothing.
std::int64_t bytes_in_range(std::string_view text) {
  for (const std::string_view unit : {"bytes=", "bytes "})
    if (text.starts_with(unit)) text.remove_prefix(unit.size());
  if (!text.starts_with("0-")) return 0;
  text.remove_prefix(2);
  std::int64_t last = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), last);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size() || last <= 0) return 0;
  return last + 1;
}

void skip(const ByteSource& source, std::int64_t count) {
  std::array<std::byte, 64 << 10> buffer{};
  while (count > 0) {
    const auto most = std::min<std::int64_t>(count, buffer.size());
    const std::size_t got = source(std::span(buffer).first(static_cast<std::size_t>(most)));
    if (got == 0) throw Error("what is to be sent ends too early");
    count -= static_cast<std::int64_t>(got);
  }
}

/// What a new try may cure although the status says it is final: the session is gone, or stands
/// elsewhere than we think.
bool is_lost_session(const HttpResponse& response) {
  return response.status == 404 || response.status == 416 || response.status == 409 ||
         response.status == 202;
}

}  // namespace

bool BlobUpload::is_there() {
  const HttpResponse response = endpoint_.send_patiently(
      {.method = "HEAD", .path = "blobs/" + blob_.digest, .follow = false});
  if (response.transport != Transport::kDone || response.status >= 500 || response.status == 429)
    refuse(response, {endpoint_.host(), endpoint_.has_login()});
  // A login that may only push is refused the look: sending decides then.
  return response.status == 200 || (response.status >= 300 && response.status < 400);
}

void BlobUpload::take_location(const HttpResponse& response) {
  const std::string text = response.header("location").value_or("");
  if (text.empty() && location_) return;
  location_ = endpoint_.checked_location(text, location_ ? *location_ : endpoint_.url_of(kUploads));
  const std::string least = response.header("oci-chunk-min-length").value_or("");
  std::int64_t bytes = 0;
  if (std::from_chars(least.data(), least.data() + least.size(), bytes).ec == std::errc() &&
      chunk_ > 0)
    chunk_ = std::max(chunk_, std::min(bytes, blob_.size));
}

// Registries differ in how they say no to a mount; whatever it is, the blob can still be sent.
bool BlobUpload::mount(const std::string& from) {
  const std::string scope = sentence("repository:", from, ":pull");
  endpoint_.authorization().add_scope(scope);
  try {
    const HttpResponse response =
        endpoint_.send({.method = "POST",
                        .path = sentence(kUploads, "?mount=", percent_encoded(blob_.digest),
                                         "&from=", percent_encoded(from)),
                        .headers = {"Content-Type:"}});
    if (response.status == 201) return true;
    if (response.status == 202) take_location(response);
    if (response.transport == Transport::kStopped) throw Error("stopped");
    if (response.status == 202) return false;
  } catch (const Error& error) {
    logging::debug(sentence("mount from ", from, ": ", error.what()));
  }
  endpoint_.authorization().drop_scope(scope);
  return false;
}

StreamedBody BlobUpload::part(std::int64_t begin, std::int64_t end) const {
  return {.open =
              [open = open_, begin] {
                ByteSource source = open();
                skip(source, begin);
                return source;
              },
          .size = end - begin};
}

Url BlobUpload::with_digest() const {
  Url url = *location_;
  url.text += sentence(url.text.find('?') == std::string::npos ? "?" : "&",
                       "digest=", percent_encoded(blob_.digest));
  return url;
}

HttpResponse BlobUpload::send_part(std::int64_t end) {
  return endpoint_.send({.method = "PATCH",
                         .url = location_,
                         .headers = {kBinary, sentence("Content-Range: ", received_, "-", end - 1)},
                         .streamed = part(received_, end)});
}

HttpResponse BlobUpload::send_last(std::int64_t begin) {
  Ask ask{.method = "PUT", .url = with_digest(), .headers = {kBinary}};
  if (begin < blob_.size) ask.streamed = part(begin, blob_.size);
  return endpoint_.send(ask);
}

/// The whole blob in the closing PUT when nothing was sent yet and it fits; else the next part, and
/// a PUT without content behind the last.
HttpResponse BlobUpload::send_next() {
  const std::int64_t rest = blob_.size - received_;
  const bool fits = chunk_ == 0 || rest <= chunk_;
  last_was_final_ = rest == 0 || (fits && received_ == 0);
  sent_to_ = fits ? blob_.size : received_ + chunk_;
  return last_was_final_ ? send_last(received_) : send_part(sent_to_);
}

void BlobUpload::check_stated(const HttpResponse& response) const {
  const std::string stated = response.header("docker-content-digest").value_or("");
  const std::string algorithm = blob_.digest.substr(0, blob_.digest.find(':') + 1);
  // A registry may name it by another algorithm than ours (docker-registry knows sha256 only).
  if (!stated.starts_with(algorithm) || stated == blob_.digest) return;
  throw Error(sentence("the registry has received something else: ", printable(stated)));
}

BlobUpload::Outcome BlobUpload::outcome_of(const HttpResponse& response) {
  if (response.transport != Transport::kDone) return Outcome::kFailed;
  if (last_was_final_) {
    if (response.status != 201 && response.status != 204) return Outcome::kFailed;
    check_stated(response);
    return Outcome::kDone;
  }
  if (response.status != 202) return Outcome::kFailed;
  take_location(response);
  const std::string range = response.header("range").value_or("");
  const std::int64_t there = range.empty() ? sent_to_ : bytes_in_range(range);
  const bool is_one_byte = sent_to_ == 1 && range.ends_with("0-0");
  if (!is_one_byte && (there <= received_ || there > sent_to_)) return Outcome::kFailed;
  received_ = is_one_byte ? 1 : there;
  return Outcome::kGoesOn;
}

void BlobUpload::forget_session() {
  location_.reset();
  received_ = 0;
}

/// After a failure: where the registry stands, or that it knows nothing of the upload any more.
void BlobUpload::find_offset() {
  const HttpResponse response = endpoint_.send({.url = location_});
  const std::int64_t there = bytes_in_range(response.header("range").value_or(""));
  const bool is_known = response.transport == Transport::kDone &&
                        (response.status == 204 || response.status == 202) && there > 0 &&
                        there <= blob_.size;
  if (!is_known) return forget_session();
  take_location(response);
  received_ = there;
  logging::debug(sentence("upload of ", blob_.digest, " goes on at ", received_));
}

void BlobUpload::abandon() {
  if (!location_) return;
  try {
    (void)endpoint_.send({.method = "DELETE", .url = location_});
  } catch (const Error& error) {
    logging::debug(sentence("give up the upload: ", error.what()));
  }
}

void BlobUpload::begin() {
  const HttpResponse response =
      endpoint_.send_patiently({.method = "POST", .path = kUploads, .headers = {"Content-Type:"}});
  if (response.transport != Transport::kDone || response.status != 202)
    refuse(response, {endpoint_.host(), endpoint_.has_login()});
  take_location(response);
}

/// All parts up to the last, or the first that fails.
HttpResponse BlobUpload::send_parts(Outcome& outcome) {
  HttpResponse response;
  do {
    response = send_next();
    outcome = outcome_of(response);
  } while (outcome == Outcome::kGoesOn);
  return response;
}

void BlobUpload::send_all() {
  Retries retries(endpoint_.limits());
  std::int64_t mark = 0;
  for (bool again = false;; again = true) {
    if (again && !location_ && is_there()) return;  // the answer was lost, not the blob
    if (!location_) begin();
    Outcome outcome = Outcome::kFailed;
    HttpResponse response = send_parts(outcome);
    if (outcome == Outcome::kDone) return;
    if (received_ - mark >= kProgress) retries.reset();
    mark = received_;
    HttpResponse judged = response;
    if (is_lost_session(response)) {
      judged.transport = Transport::kDropped;
      judged.failure = "the registry lost the upload";
    }
    if (!retries.again(judged, true)) refuse(response, {endpoint_.host(), endpoint_.has_login()});
    find_offset();
  }
}

void BlobUpload::send() {
  try {
    send_all();
  } catch (...) {
    abandon();
    throw;
  }
}

}  // namespace registry
