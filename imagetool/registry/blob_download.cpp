// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/blob_download.hpp"

#include <algorithm>
#include <charconv>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/registry/refusal.hpp"

namespace registry {
namespace {

constexpr std::int64_t kProgress = std::int64_t{1}
                                   << 20;  // what makes a dropped connection forgivable

/// Takes a number and what must follow it off the front.
std::optional<std::int64_t> take_number(std::string_view& text, std::string_view behind) {
  std::int64_t number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end.ec != std::errc() || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end.ptr - text.data()));
  if (!text.starts_with(behind)) return std::nullopt;
  text.remove_prefix(behind.size());
  return number;
}

struct ContentRange {
  std::int64_t first = 0;
  std::optional<std::int64_t> size{};  // nullopt: "*"
};

/// "bytes 5-9/10" (RFC 9110, 14.4).
std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  const auto first = take_number(text, "-");
  const auto last = first ? take_number(text, "/") : std::nullopt;
  if (!last || *last < *first) return std::nullopt;
  if (text == "*") return ContentRange{*first};
  const auto size = take_number(text, "");
  if (!size || !text.empty()) return std::nullopt;
  return ContentRange{*first, size};
}

/// The answer to a Range is not what was asked for.
class OtherPart : public Error {
 public:
  using Error::Error;
};

}  // namespace

void BlobDownload::fetch(Endpoint& endpoint) { fetch_by(endpoint, nullptr); }

void BlobDownload::fetch_foreign(Endpoint& endpoint, const Url& url) { fetch_by(endpoint, &url); }

void BlobDownload::fetch_by(Endpoint& endpoint, const Url* foreign) {
  Retries retries(endpoint.limits());
  HttpResponse response;
  std::int64_t mark = received_;
  do {
    if (received_ - mark >= kProgress) retries.reset();
    mark = received_;
    response = send(endpoint, foreign);
    if (begun_ && received_ == blob_.size) return;
    if (response.transport == Transport::kDone && response.is_content()) {
      response.transport = Transport::kDropped;
      response.failure = "the server ended it early";
    }
  } while (retries.again(response, endpoint.has_answered()));
  if (response.transport == Transport::kDropped)
    throw Error(sentence("ends after ", received_, " of ", blob_.size,
                         " bytes: ", printable(response.failure)));
  refuse(response, {foreign != nullptr ? foreign->host : endpoint.host(), endpoint.has_login()});
}

/// Asks for what is missing; once a server refuses that or sends another part, for all of it.
HttpResponse BlobDownload::send(Endpoint& endpoint, const Url* foreign) {
  constexpr int kRangeNotSatisfiable = 416;
  const bool asks_for_part = received_ > 0 && !asks_for_all_;
  Ask ask{.path = "blobs/" + blob_.digest, .may_leave_https = true};
  if (asks_for_part) ask.headers.push_back(sentence("Range: bytes=", received_, "-"));
  const OnContent on_content = [this](const HttpHead& head) { return begin(head); };
  try {
    HttpResponse response = foreign != nullptr ? endpoint.send_foreign(*foreign, ask, on_content)
                                               : endpoint.send(ask, on_content);
    if (!asks_for_part || response.status != kRangeNotSatisfiable) return response;
  } catch (const OtherPart&) {
    if (!asks_for_part) throw;
  }
  asks_for_all_ = true;
  return send(endpoint, foreign);
}

/// Where in the blob the body begins. Throws OtherPart when that is not where we are, Error when
/// the blob is of another size.
std::int64_t BlobDownload::checked_start(const HttpHead& head) const {
  if (head.status == 206) {
    const auto range = parse_content_range(head.header("content-range").value_or(""));
    if (!range || range->first != received_)
      throw OtherPart(
          sentence("the server sends another part than asked for: ",
                   printable(head.header("content-range").value_or("no Content-Range"))));
    if (range->size && *range->size != blob_.size)
      throw OtherPart(
          sentence("is ", *range->size, " bytes long, not ", blob_.size, " as its manifest says"));
    return received_;
  }
  std::string length = head.header("content-length").value_or("");
  std::string_view rest = length;
  const auto size = take_number(rest, "");
  if (size && *size != blob_.size)
    throw Error(sentence("is ", *size, " bytes long, not ", blob_.size, " as its manifest says"));
  return 0;  // the server has no ranges: what the sink has comes once more
}

BodySink BlobDownload::begin(const HttpHead& head) {
  skipping_ = received_ - checked_start(head);
  begun_ = true;
  return [this](std::span<const std::byte> bytes) { take(bytes); };
}

void BlobDownload::take(std::span<const std::byte> bytes) {
  const auto skipped = std::min<std::int64_t>(skipping_, static_cast<std::int64_t>(bytes.size()));
  skipping_ -= skipped;
  bytes = bytes.subspan(static_cast<std::size_t>(skipped));
  if (bytes.empty()) return;
  if (static_cast<std::int64_t>(bytes.size()) > blob_.size - received_)
    throw Error(sentence("is longer than the ", blob_.size, " bytes its manifest says"));
  try {
    sink_(bytes);
  } catch (...) {
    sink_failed_ = true;
    throw;
  }
  received_ += static_cast<std::int64_t>(bytes.size());
}

}  // namespace registry
