// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/content_digests.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/layer/tree_entry.hpp"
#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

// A file in the byte order of this machine; one that begins otherwise is none.
constexpr std::string_view kMagic = "toyimg digests 3";

FileIdentity identity_of(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .mtime = status.st_mtim.tv_sec,
          .mtime_nanoseconds = status.st_mtim.tv_nsec,
          .ctime = status.st_ctim.tv_sec,
          .ctime_nanoseconds = status.st_ctim.tv_nsec};
}

/// Of the bytes alone when there are no attributes, as nearly always.
std::string digest_of(int file) {
  std::string digest = digest_of_file(file).hex;
  const Xattrs xattrs = read_xattrs(file);
  if (xattrs.empty()) return digest;
  for (const auto& [name, value] : xattrs) digest += sentence(" ", name, "=", sha256_of(value).hex);
  // Another hash: no file's bytes have a digest that means bytes and attributes.
  Hasher hash("sha512");
  hash.update(digest);
  return hash.finish().hex.substr(0, 64);
}

}  // namespace

ContentDigests::ContentDigests(std::string file) : file_(std::move(file)) {
  const std::optional<std::string> text = read_file_if_exists(file_);
  if (!text || !text->starts_with(kMagic)) return;
  const std::string_view records = std::string_view(*text).substr(kMagic.size());
  if (records.size() % sizeof(Record) != 0) return;
  known_.resize(records.size() / sizeof(Record));
  std::memcpy(known_.data(), records.data(), records.size());
  if (!std::ranges::is_sorted(known_, {}, &Record::identity)) known_.clear();
  used_.resize(known_.size());
}

std::optional<std::string> ContentDigests::find(const FileIdentity& identity) {
  const std::lock_guard<std::mutex> guard(mutex_);
  const auto known = std::ranges::lower_bound(known_, identity, {}, &Record::identity);
  if (known != known_.end() && known->identity == identity) {
    used_[static_cast<std::size_t>(known - known_.begin())] = true;
    return std::string(known->digest.data(), known->digest.size());
  }
  const auto made = new_.find(identity);
  if (made == new_.end()) return std::nullopt;
  return made->second;
}

std::string ContentDigests::of(const RootedDir& root, const std::string& path,
                               const struct stat& status, bool is_local) {
  // Of the user's files alone: a device number of an overlay or image is another's tomorrow.
  const FileIdentity identity = identity_of(status);
  if (is_local)
    if (std::optional<std::string> digest = find(identity)) return *digest;
  const UniqueFd file = root.open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
  const std::time_t begun = ::time(nullptr);
  std::string digest;
  try {
    digest = digest_of(file.get());
  } catch (Error& error) {
    error.add_context(printable(path, 200));
    throw;
  }
  struct stat now{};
  check(::fstat(file.get(), &now), "stat ", path);
  if (is_local && identity_of(now) == identity && begun - identity.ctime > 2) {
    const std::lock_guard<std::mutex> guard(mutex_);
    new_.emplace(identity, digest);
  }
  return digest;
}

void ContentDigests::save() const {
  if (new_.empty()) return;
  std::vector<Record> records;
  for (const auto& [identity, digest] : new_) {
    records.push_back({.identity = identity});
    std::ranges::copy(digest, records.back().digest.begin());
  }
  for (std::size_t at = 0; at < known_.size(); ++at)
    if (used_[at]) records.push_back(known_[at]);
  std::size_t spare = records.size();
  for (std::size_t at = 0; at < known_.size() && spare > 0; ++at)
    if (!used_[at]) {
      records.push_back(known_[at]);
      --spare;
    }
  std::ranges::sort(records, {}, &Record::identity);
  std::string text(kMagic);
  text.append(reinterpret_cast<const char*>(records.data()), records.size() * sizeof(Record));
  replace_file(file_, text, 0600);
}

}  // namespace build
