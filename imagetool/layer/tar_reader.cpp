// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/tar_reader.hpp"

#include <algorithm>
#include <cstring>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/pax_header.hpp"
#include "imagetool/layer/tar_header.hpp"

namespace {
using Kind = TarEntry::Kind;

constexpr std::uint64_t kLargest = std::uint64_t{1} << 62;  // sums of two sizes never overflow

std::uint64_t padding_of(std::uint64_t size) {
  return (tar::kBlockSize - size % tar::kBlockSize) % tar::kBlockSize;
}

Kind kind_of(char type, std::string_view name) {
  switch (type) {
    case '\0':
    case '0':
    case '7':
    case 'S':
      return name.ends_with('/') ? Kind::kDirectory
                                 : Kind::kFile;  // v7 had no type for directories
    case '1':
      return Kind::kHardLink;
    case '2':
      return Kind::kSymlink;
    case '3':
      return Kind::kCharDevice;
    case '4':
      return Kind::kBlockDevice;
    case '5':
      return Kind::kDirectory;
    case '6':
      return Kind::kFifo;
    default:
      throw Error(sentence("an entry has the unknown type ",
                           static_cast<int>(static_cast<unsigned char>(type))));
  }
}

std::uint32_t id_of(std::uint64_t id, std::string_view what) {
  if (id >= 0xffffffff) throw Error(sentence("an entry's ", what, " ", id, " is too large"));
  return static_cast<std::uint32_t>(id);
}

// "offset" and "size" fields of 12 bytes each; the first unused one is empty.
void add_old_segments(TarEntry& entry, std::span<const std::byte> block, std::size_t offset,
                      int count) {
  for (int i = 0; i < count; ++i, offset += 24) {
    if (block[offset] == std::byte{0} || block[offset + 12] == std::byte{0}) return;
    entry.segments.push_back({tar::number(block, {offset, 12, "sparse offset"}),
                              tar::number(block, {offset + 12, 12, "sparse size"})});
  }
}

void add_segments(TarEntry& entry, const std::vector<std::uint64_t>& map) {
  if (map.size() % 2 != 0) throw Error("a sparse file's map is cut off");
  for (std::size_t i = 0; i < map.size(); i += 2) entry.segments.push_back({map[i], map[i + 1]});
}
}  // namespace

TarReader::TarReader(ChunkSource source, TarLimits limits, SkipAhead skip_ahead)
    : source_(std::move(source)), skip_ahead_(std::move(skip_ahead)), limits_(limits) {}

// --- bytes
// -----------------------------------------------------------------------------------------------------------

// Makes chunk_ not empty unless the stream ended.
bool TarReader::refill() {
  if (!chunk_.empty()) return true;
  chunk_ = std::exchange(after_, {});
  if (chunk_.empty()) chunk_ = source_();
  return !chunk_.empty();
}

// The next block in one piece, not consumed; shorter only when the stream ends within it.
std::span<const std::byte> TarReader::peek_block() {
  if (refill() && chunk_.size() < joined_.size()) {
    std::size_t have = 0;
    while (have < joined_.size() && refill()) {
      const std::size_t count = std::min(joined_.size() - have, chunk_.size());
      std::memmove(joined_.data() + have, chunk_.data(), count);
      have += count;
      chunk_ = chunk_.subspan(count);
    }
    after_ = chunk_;
    chunk_ = std::span(joined_).first(have);
  }
  return chunk_.first(std::min(chunk_.size(), tar::kBlockSize));
}

// Fills block_; false at the end of the stream.
bool TarReader::read_block() {
  const std::span<const std::byte> block = peek_block();
  if (block.empty()) return false;
  if (block.size() < tar::kBlockSize) throw Error("the archive is cut off inside a header");
  std::memcpy(block_.data(), block.data(), block.size());
  chunk_ = chunk_.subspan(block.size());
  position_ += block.size();
  return true;
}

std::span<const std::byte> TarReader::take(std::uint64_t most) {
  if (most == 0) return {};
  if (!refill()) throw Error("the archive is cut off inside an entry");
  const std::span<const std::byte> bytes =
      chunk_.first(static_cast<std::size_t>(std::min<std::uint64_t>(most, chunk_.size())));
  chunk_ = chunk_.subspan(bytes.size());
  position_ += bytes.size();
  return bytes;
}

void TarReader::skip(std::uint64_t bytes) {
  while (bytes > 0) {
    if (skip_ahead_ && chunk_.empty() && after_.empty()) {
      skip_ahead_(bytes);
      position_ += bytes;
      return;
    }
    bytes -= take(bytes).size();
  }
}

// The stream may end where only padding is missing, as Go's reader allows.
void TarReader::skip_padding() {
  while (padding_ > 0 && refill()) padding_ -= take(padding_).size();
  padding_ = 0;
}

void TarReader::drain() {
  while (refill()) take(chunk_.size());
}

// --- headers
// ---------------------------------------------------------------------------------------------------------

// Fills block_ with the next header; false at the end of the archive.
bool TarReader::read_header() {
  if (!read_block()) return false;  // every implementation takes an archive without end marker
  if (!tar::is_zero(block_)) {
    if (!tar::checksum_fits(block_))
      throw Error("a header's checksum is wrong: this is no tar archive or it is damaged");
    return true;
  }
  if (read_block() && !tar::is_zero(block_))
    throw Error("a lone zero block stands between two entries");
  return false;
}

std::string TarReader::read_extension() {
  const std::uint64_t size = tar::number(block_, tar::kSize);
  if (size > limits_.header_bytes)
    throw Error(sentence("an extension header of ", size, " bytes is too large"));
  std::string text;
  text.reserve(static_cast<std::size_t>(size));
  while (text.size() < size) {
    const std::span<const std::byte> bytes = take(size - text.size());
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  padding_ = padding_of(size);
  skip_padding();
  return text;
}

// Reads extension headers up to the header of a real entry, which is in block_ then.
void TarReader::read_extensions(tar::Extensions& extensions) {
  bool pax = false;
  const auto set_once = [this](std::optional<std::string>& long_text) {
    if (long_text) throw Error("two GNU long names stand before one entry");
    const std::string text = read_extension();
    long_text = text.substr(0, text.find('\0'));
  };
  for (;;) {
    switch (tar::type_of(block_)) {
      case 'x':
        // Readers differ on whether the second replaces the first or adds to it.
        if (std::exchange(pax, true)) throw Error("two PAX headers stand before one entry");
        tar::read_pax(read_extension(), extensions);
        break;
      case 'g':
        tar::check_global_pax(read_extension());
        break;
      case 'L':
        set_once(extensions.long_name);
        break;
      case 'K':
        set_once(extensions.long_link);
        break;
      default:
        return;
    }
    if (!read_header()) throw Error("the archive ends after an extension header");
  }
}

void TarReader::set_names(TarEntry& entry, tar::Extensions& extensions) {
  // GNU tar prefers the PAX name, Go the GNU one: an archive with both shows two faces.
  if ((extensions.path && extensions.long_name) || (extensions.linkpath && extensions.long_link))
    throw Error("an entry has both a PAX name and a GNU long name");
  if (extensions.sparse.name)
    entry.name = std::move(*extensions.sparse.name);
  else if (extensions.path)
    entry.name = std::move(*extensions.path);
  else if (extensions.long_name)
    entry.name = std::move(*extensions.long_name);
  else
    entry.name = tar::full_name(block_);
  if (entry.name.empty()) throw Error("an entry has no name");
  if (extensions.linkpath)
    entry.link_target = std::move(*extensions.linkpath);
  else if (extensions.long_link)
    entry.link_target = std::move(*extensions.long_link);
  else
    entry.link_target = tar::text(block_, tar::kLinkName);
}

void TarReader::set_numbers(TarEntry& entry, tar::Extensions& extensions) {
  entry.mode = static_cast<mode_t>(tar::number(block_, tar::kMode) & 07777);
  entry.uid = id_of(extensions.uid ? *extensions.uid : tar::number(block_, tar::kUid), "uid");
  entry.gid = id_of(extensions.gid ? *extensions.gid : tar::number(block_, tar::kGid), "gid");
  entry.mtime = extensions.mtime ? *extensions.mtime
                                 : std::timespec{.tv_sec = tar::signed_number(block_, tar::kMtime),
                                                 .tv_nsec = 0};
  entry.xattrs = std::move(extensions.xattrs);
  entry.device_major = entry.device_minor = 0;
  if (entry.kind != Kind::kCharDevice && entry.kind != Kind::kBlockDevice) return;
  // Linux: 12 bits of major, 20 of minor; a larger number would wrap into another device.
  const std::uint64_t major = tar::number(block_, tar::kMajor);
  const std::uint64_t minor = tar::number(block_, tar::kMinor);
  if (major >= 1U << 12 || minor >= 1U << 20)
    throw Error(sentence("device ", major, ":", minor, " cannot exist"));
  entry.device_major = static_cast<std::uint32_t>(major);
  entry.device_minor = static_cast<std::uint32_t>(minor);
}

void TarReader::set_body(TarEntry& entry, const tar::Extensions& extensions) {
  const std::uint64_t size = extensions.size ? *extensions.size : tar::number(block_, tar::kSize);
  if (size > kLargest) throw Error(sentence("an entry's size ", size, " is too large"));
  body_left_ = size;
  padding_ = padding_of(size);
  entry.size = entry.kind == Kind::kFile ? size : 0;
  if (entry.kind == Kind::kFile || size == 0) return;
  // A size on a link or directory is noise for ustar and GNU, but PAX lets hard links carry data:
  // it is data if no header follows. (Go and GNU tar never see data there, so where they can read
  // on we read the same.)
  const std::span<const std::byte> peeked = peek_block();
  if (peeked.size() < tar::kBlockSize || tar::is_zero(peeked.first<tar::kBlockSize>()) ||
      tar::checksum_fits(peeked.first<tar::kBlockSize>()))
    body_left_ = padding_ = 0;
}

// --- sparse files
// ----------------------------------------------------------------------------------------------------

// GNU tar manual, "Storing Sparse Files": old (type S), PAX 0.0 and 0.1 (map in the header), 1.0
// (map before the data).
void TarReader::set_sparse(TarEntry& entry, const tar::Extensions& extensions) {
  const tar::SparseRecords& records = extensions.sparse;
  const bool old = tar::type_of(block_) == 'S';
  entry.sparse = old || records.any;
  entry.segments.clear();
  if (!entry.sparse) return;
  if (entry.kind != Kind::kFile || (old && (records.any || !tar::is_gnu(block_))))
    throw Error("an entry is marked sparse in a way that contradicts itself");
  if (old) {
    entry.size = tar::number(block_, tar::kRealSize);
    read_old_sparse_map(entry);
  } else {
    if (!records.size) throw Error("a sparse file has no size");
    entry.size = *records.size;
    const std::string version = sentence(records.major, '.', records.minor);
    if (version == "1.0")
      read_sparse_map_in_data(entry);
    else if (version == "." || version == "0.0" || version == "0.1")
      add_segments(entry, records.map);
    else
      throw Error(sentence("sparse format ", version, " is unknown"));
  }
  check_segments(entry);
}

void TarReader::read_old_sparse_map(TarEntry& entry) {
  add_old_segments(entry, block_, 386, 4);
  bool more = block_[482] != std::byte{0};
  while (more) {
    if (entry.segments.size() * 24 > limits_.header_bytes)
      throw Error("a sparse file's map is too large");
    if (!read_block()) throw Error("the archive is cut off inside a sparse file's map");
    add_old_segments(entry, block_, 0, 21);
    more = block_[504] != std::byte{0};
  }
}

// Decimal numbers, one a line, padded to whole blocks: how many pairs, then the pairs.
void TarReader::read_sparse_map_in_data(TarEntry& entry) {
  std::string text;
  std::size_t lines = 0;
  std::size_t wanted = 1;
  std::size_t scanned = 0;
  std::vector<std::uint64_t> numbers;
  while (lines < wanted) {
    if (text.size() >= limits_.header_bytes) throw Error("a sparse file's map is too large");
    if (body_left_ < tar::kBlockSize || !read_block())
      throw Error("a sparse file's map is cut off");
    body_left_ -= tar::kBlockSize;
    text.append(reinterpret_cast<const char*>(block_.data()), block_.size());
    for (std::size_t end; lines < wanted && (end = text.find('\n', scanned)) != std::string::npos;
         scanned = end + 1) {
      numbers.push_back(
          tar::read_decimal(std::string_view(text).substr(scanned, end - scanned), "sparse map"));
      if (++lines == 1) wanted = 1 + 2 * std::min<std::uint64_t>(numbers[0], limits_.header_bytes);
    }
  }
  numbers.erase(numbers.begin());
  add_segments(entry, numbers);
}

void TarReader::check_segments(const TarEntry& entry) const {
  if (entry.size > limits_.sparse_size)
    throw Error(sentence("a sparse file of ", entry.size, " bytes is larger than the ",
                         limits_.sparse_size, " allowed"));
  std::uint64_t end = 0;
  std::uint64_t stored = 0;
  for (const TarEntry::Segment& segment : entry.segments) {
    if (segment.offset < end || segment.offset > entry.size ||
        segment.size > entry.size - segment.offset)
      throw Error("a sparse file's map is out of order or reaches past its end");
    end = segment.offset + segment.size;
    stored += segment.size;
  }
  if (stored != body_left_) throw Error("a sparse file's map does not fit its data");
}

// --- entries
// ---------------------------------------------------------------------------------------------------------

bool TarReader::next_entry(TarEntry& entry) {
  skip(body_left_);
  body_left_ = 0;
  skip_padding();
  if (!read_header()) return false;
  tar::Extensions extensions;
  read_extensions(extensions);
  set_names(entry, extensions);
  entry.kind = kind_of(tar::type_of(block_), entry.name);
  set_numbers(entry, extensions);
  set_body(entry, extensions);
  set_sparse(entry, extensions);
  sparse_ = entry.sparse;
  segments_ = entry.segments;
  segment_ = 0;
  offset_ = sparse_ && !segments_.empty() ? segments_[0].offset : 0;
  return true;
}

bool TarReader::next(TarEntry& entry) try { return next_entry(entry); } catch (Error& error) {
  error.add_context("tar, before byte ", position_);
  throw;
}

TarReader::Piece TarReader::next_piece() {
  std::uint64_t most = body_left_;
  if (sparse_) {
    while (segment_ < segments_.size() &&
           offset_ == segments_[segment_].offset + segments_[segment_].size) {
      if (++segment_ < segments_.size()) offset_ = segments_[segment_].offset;
    }
    most = segment_ < segments_.size()
               ? segments_[segment_].offset + segments_[segment_].size - offset_
               : 0;
  }
  const Piece piece{offset_, take(most)};
  offset_ += piece.bytes.size();
  body_left_ -= piece.bytes.size();
  return piece;
}
