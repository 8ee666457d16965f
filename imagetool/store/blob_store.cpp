// SPDX-License-Identifier: Apache-2.0
#include "imagetool/store/blob_store.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/store/file_lock.hpp"

namespace {
constexpr std::string_view kLayoutVersion = "1.0.0";

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), &::closedir);
  if (!stream) {
    if (errno == ENOENT) return names;
    throw Error(sentence("list ", directory), errno);
  }
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with('.')) names.emplace_back(name);
  }
  return names;
}

/// True when the path still names this open file.
bool is_same_file(int fd, const std::string& path) {
  struct stat open = {};
  struct stat named = {};
  check(::fstat(fd, &open), "stat ", path);
  return ::lstat(path.c_str(), &named) == 0 && open.st_ino == named.st_ino &&
         open.st_dev == named.st_dev;
}

void check_layout(const std::string& directory, const std::string& text) {
  const nlohmann::json layout = nlohmann::json::parse(text, nullptr, false);
  const auto version = layout.is_object() ? layout.find("imageLayoutVersion") : layout.end();
  if (!layout.is_object() || version == layout.end() || !version->is_string())
    throw Error(sentence(directory, "/oci-layout is damaged: this is not a usable store"));
  if (version->get<std::string>() != kLayoutVersion)
    throw Error(
        sentence(directory, " has an image layout of another version than ", kLayoutVersion));
}

// oci-layout comes first, so that a second process that opens the store meanwhile never takes it
// for something else.
void make_layout(const std::string& directory) {
  if (!names_in(directory).empty())
    throw Error(sentence(directory, " has files in it but no oci-layout: it is not a store"));
  replace_file(directory + "/oci-layout",
               sentence("{\"imageLayoutVersion\": \"", kLayoutVersion, "\"}"), 0644);
}

/// Reads a file to its end and compares the digest there. What is damaged is removed, so that the
/// next pull fetches it again.
struct VerifiedFile {
  UniqueFd file;
  std::string path;
  Digest digest;
  Hasher hash;
  bool ended = false;

  std::size_t read(std::span<std::byte> buffer) {
    if (ended) return 0;
    ssize_t count = 0;
    do {
      count = ::read(file.get(), buffer.data(), buffer.size());
    } while (count < 0 && errno == EINTR);
    if (count < 0) throw Error(sentence("read blob ", digest.algorithm, ":", digest.hex), errno);
    hash.update(buffer.first(static_cast<std::size_t>(count)));
    if (count == 0) {
      ended = true;
      if (hash.finish() != digest) {
        if (is_same_file(file.get(), path)) ::unlink(path.c_str());
        throw Error(sentence("blob ", digest.algorithm, ":", digest.hex,
                             " in the store is damaged: pull the image again"));
      }
    }
    return static_cast<std::size_t>(count);
  }
};

/// Whether nobody will go on from this part.
bool is_stale(int part, const std::string& path) {
  constexpr time_t kLongest = time_t{7} * 24 * 3600;
  struct stat status = {};
  check(::fstat(part, &status), "stat ", path);
  return static_cast<std::uint64_t>(status.st_size) < kLeastPart ||
         ::time(nullptr) - status.st_mtime > kLongest;
}
}  // namespace

BlobStore BlobStore::open(const std::string& directory) {
  make_directories(directory, 0700);
  const std::string absolute = real_path(directory);
  const std::optional<std::string> layout = read_file_if_exists(absolute + "/oci-layout");
  if (layout)
    check_layout(absolute, *layout);
  else
    make_layout(absolute);
  make_directories(absolute + "/blobs/sha256", 0755);
  make_directories(absolute + "/partial", 0700);
  BlobStore store(absolute);
  store.remove_stale_parts();
  return store;
}

std::string BlobStore::path(const Digest& digest) const {
  return sentence(directory_, "/blobs/", digest.algorithm, '/', digest.hex);
}

std::optional<std::uint64_t> BlobStore::size(const Digest& digest) const {
  struct stat status = {};
  const std::string file = path(digest);
  if (::lstat(file.c_str(), &status) != 0) {
    if (errno == ENOENT) return std::nullopt;
    throw Error(sentence("stat ", file), errno);
  }
  if (!S_ISREG(status.st_mode))
    throw Error(sentence(file, " is not a regular file"));  // ggcr#2306: links to host files
  return static_cast<std::uint64_t>(status.st_size);
}

bool BlobStore::has(const Digest& digest) const { return size(digest).has_value(); }

ByteSource BlobStore::read(const Digest& digest) const {
  if (!size(digest))
    throw NotFound(sentence("blob ", digest.algorithm, ":", digest.hex, " is not in the store"));
  auto file = std::make_shared<VerifiedFile>(
      VerifiedFile{open_at(AT_FDCWD, path(digest), O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
                   path(digest), digest, Hasher(digest.algorithm)});
  return [file](std::span<std::byte> buffer) { return file->read(buffer); };
}

std::string BlobStore::read_all(const Digest& digest, std::size_t limit) const {
  const std::optional<std::uint64_t> bytes = size(digest);
  if (bytes && *bytes > limit)
    throw Error(
        sentence("blob ", digest.algorithm, ":", digest.hex, " is larger than ", limit, " bytes"));
  const ByteSource source = read(digest);
  std::string content;
  std::vector<std::byte> buffer(std::size_t{64} << 10);
  while (const std::size_t count = source(buffer)) {
    content.append(reinterpret_cast<const char*>(buffer.data()), count);
    if (content.size() > limit)
      throw Error(sentence("blob ", digest.algorithm, ":", digest.hex, " is larger than ", limit,
                           " bytes"));
  }
  return content;
}

// The file under partial/ is both the data and, by flock(2), the right to write it; the kernel
// drops the lock of whoever dies. Its writer unlinks or renames it before unlocking, so a waiter
// finds that the name is gone and starts over.
std::optional<BlobWriter> BlobStore::begin(const Digest& digest, std::uint64_t wanted,
                                           const std::stop_token& stop, Resume resume) const {
  const auto is_there = [&] {
    return size(digest) == wanted;
  };  // another size: power was lost while it was written
  if (is_there()) return std::nullopt;
  const std::string part_path =
      sentence(directory_, "/partial/", digest.algorithm, '-', digest.hex);
  for (;;) {
    UniqueFd part = open_at(AT_FDCWD, part_path, O_RDWR | O_CREAT | O_NOFOLLOW, 0644);
    lock_unless_stopped(part.get(), LOCK_EX, part_path, stop);
    if (!is_same_file(part.get(), part_path)) {
      if (is_there()) return std::nullopt;
      continue;
    }
    if (is_there()) {
      check(::unlink(part_path.c_str()), "remove ", part_path);
      return std::nullopt;
    }
    make_directories(sentence(directory_, "/blobs/", digest.algorithm), 0755);
    return BlobWriter(std::move(part), part_path, path(digest), digest, wanted, resume);
  }
}

Digest BlobStore::put(std::string_view content) const {
  Digest digest = sha256_of(content);
  put(digest, content);
  return digest;
}

void BlobStore::put(const Digest& digest, std::string_view content) const {
  std::optional<BlobWriter> writer = begin(digest, content.size());
  if (!writer) return;
  writer->write(std::as_bytes(std::span(content)));
  writer->commit();
}

// Not syncfs(2), which would wait for all the files that were extracted meanwhile. All writing is
// begun before any is waited for, so that the file system commits once.
void BlobStore::sync(const std::set<Digest>& digests) const {
  std::vector<std::pair<UniqueFd, std::string>> files;
  std::set<std::string> directories{directory_, directory_ + "/blobs"};
  for (const Digest& digest : digests) {
    std::optional<UniqueFd> file =
        open_at_if_exists(AT_FDCWD, path(digest), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!file) continue;
    static_cast<void>(::sync_file_range(file->get(), 0, 0, SYNC_FILE_RANGE_WRITE));
    files.emplace_back(std::move(*file), path(digest));
    directories.insert(sentence(directory_, "/blobs/", digest.algorithm));
  }
  for (const std::string& directory : directories)
    files.emplace_back(open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY), directory);
  for (const auto& [file, name] : files) check(::fsync(file.get()), "sync ", name);
}

std::uint64_t BlobStore::remove(const Digest& digest) const {
  const std::uint64_t bytes = size(digest).value_or(0);
  const std::string file = path(digest);
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) check(-1, "remove ", file);
  return bytes;
}

std::vector<Digest> BlobStore::list() const {
  std::vector<Digest> digests;
  for (const std::string& algorithm : {std::string("sha256"), std::string("sha512")}) {
    for (const std::string& name : names_in(sentence(directory_, "/blobs/", algorithm))) {
      try {
        digests.push_back(Digest::parse(sentence(algorithm, ':', name)));
      } catch (const Error&) {
        // Not a blob's name: someone else's file, left alone.
      }
    }
  }
  std::sort(digests.begin(), digests.end());
  return digests;
}

void BlobStore::remove_stale_parts() const {
  const std::string parts = directory_ + "/partial";
  for (const std::string& name : names_in(parts)) {
    const std::string path = sentence(parts, '/', name);
    const std::optional<UniqueFd> part =
        open_at_if_exists(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!part || ::flock(part->get(), LOCK_EX | LOCK_NB) != 0) continue;  // its writer lives
    if (is_same_file(part->get(), path) && is_stale(part->get(), path)) ::unlink(path.c_str());
  }
}
