// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: any bytes through TarReader. It must end with entries or an Error, within its
// limits, and see the same archive however the bytes are cut into runs.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/entry_path.hpp"
#include "imagetool/layer/tar_reader.hpp"

namespace {
/// All that can be seen of the archive, as one text.
std::string described(std::span<const std::byte> archive, std::size_t run) {
  std::size_t at = 0;
  TarReader reader(
      [&] {
        const std::size_t count = std::min(run, archive.size() - at);
        at += count;
        return archive.subspan(at - count, count);
      },
      {.header_bytes = 1 << 16, .sparse_size = 1 << 20});
  std::string text;
  try {
    TarEntry entry;
    while (reader.next(entry)) {
      text += sentence(entry.name, '|', entry.link_target, '|', static_cast<int>(entry.kind), '|',
                       entry.size, '|', entry.uid, '|', entry.mode, '|', entry.mtime.tv_sec, '\n');
      for (const auto& [name, value] : entry.xattrs) text += sentence(name, '=', value, '\n');
      if (entry.mode > 07777 || entry.uid == UINT32_MAX || entry.mtime.tv_nsec < 0 ||
          entry.mtime.tv_nsec > 999'999'999)
        std::abort();
      std::uint64_t end = 0;
      for (TarReader::Piece piece = reader.next_piece(); !piece.bytes.empty();
           piece = reader.next_piece()) {
        if (piece.offset < end ||
            piece.offset + piece.bytes.size() >
                entry.size + (entry.kind == TarEntry::Kind::kFile ? 0 : archive.size()))
          std::abort();
        end = piece.offset + piece.bytes.size();
        text.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
      }
      try {
        const std::string path = clean_path(entry.name);
        if (path.starts_with('/') || path == ".." || path.starts_with("../") ||
            path.find("/../") != std::string::npos)
          std::abort();
        text += std::to_string(static_cast<int>(marker_of(path)));
      } catch (const Error&) {
        text += "refused";
      }
    }
    reader.drain();
  } catch (const Error&) {
    text += "error";
  }
  return text;
}
/// Right checksums for whatever looks like a header, which the fuzzer would hardly ever guess.
void mend_checksums(std::string& archive) {
  for (std::size_t at = 0; at + 512 <= archive.size(); at += 512) {
    if (archive.compare(at + 257, 5, "ustar") != 0) continue;
    archive.replace(at + 148, 8, 8, ' ');
    unsigned sum = 0;
    for (const char letter : std::string_view(archive).substr(at, 512))
      sum += static_cast<unsigned char>(letter);
    char digits[16];
    std::snprintf(digits, sizeof digits, "%06o", sum);
    archive.replace(at + 148, 6, digits);
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(bytes), size);
  mend_checksums(text);
  const std::span archive = std::as_bytes(std::span(text));
  if (described(archive, SIZE_MAX) != described(archive, 700)) std::abort();
  return 0;
}
