// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/file_set.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/layer/archive_stream.hpp"
#include "imagetool/layer/entry_path.hpp"
#include "imagetool/layer/tar_reader.hpp"
#include "imagetool/layer/unless_stopped.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/transport/transport.hpp"

namespace transport {
namespace {

constexpr std::size_t kWindow = std::size_t{16} << 10;  // headers lie far apart
constexpr std::size_t kMostFiles = 1'000'000;
constexpr std::size_t kMostNames = std::size_t{128} << 20;  // bytes
constexpr int kMostLinks = 16;

/// Reads a part of an open file without moving its offset; keeps the file open.
ByteSource part_of(std::shared_ptr<UniqueFd> file, std::uint64_t from, std::uint64_t size) {
  return
      [file = std::move(file), at = from, end = from + size](std::span<std::byte> buffer) mutable {
        const std::size_t most =
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end - at));
        if (most == 0) return std::size_t{0};
        ssize_t count = 0;
        do {
          count = ::pread(file->get(), buffer.data(), most, static_cast<off_t>(at));
        } while (count < 0 && errno == EINTR);
        if (check(count, "read the archive") == 0) throw Error("the archive became shorter");
        at += static_cast<std::uint64_t>(count);
        return static_cast<std::size_t>(count);
      };
}

std::uint64_t size_of(int file) {
  struct stat status = {};
  check(::fstat(file, &status), "stat the file");
  return static_cast<std::uint64_t>(status.st_size);
}

class DirectoryFiles : public FileSet {
 public:
  explicit DirectoryFiles(const std::string& path) : root_(RootedDir::open(path)) {}

  std::optional<std::uint64_t> size(const std::string& name) const override {
    const std::optional<UniqueFd> file = find(name);
    if (!file) return std::nullopt;
    return size_of(file->get());
  }
  ByteSource open(const std::string& name) const override {
    std::optional<UniqueFd> file = find(name);
    if (!file) throw NotFound(sentence("there is no ", printable(name)));
    const std::uint64_t size = size_of(file->get());
    return part_of(std::make_shared<UniqueFd>(std::move(*file)), 0, size);
  }

 private:
  std::optional<UniqueFd> find(const std::string& name) const {
    try {
      UniqueFd file = root_.open_no_symlinks(name, O_RDONLY | O_NONBLOCK);
      struct stat status = {};
      check(::fstat(file.get(), &status), "stat ", name);
      if (!S_ISREG(status.st_mode))
        throw Error(sentence(printable(name), " is not a regular file"));
      return file;
    } catch (const Error& error) {
      if (error.number() == ENOENT || error.number() == ENOTDIR) return std::nullopt;
      if (error.number() == ELOOP)
        throw Error(sentence(printable(name), " is a symlink, or leads through one"));
      throw;
    }
  }
  RootedDir root_;
};

class ArchiveFiles : public FileSet {
 public:
  explicit ArchiveFiles(UniqueFd file)
      : file_(std::make_shared<UniqueFd>(std::move(file))), bytes_(size_of(file_->get())) {
    read_headers();
  }

  std::optional<std::uint64_t> size(const std::string& name) const override {
    const Member* const member = find(name);
    if (member == nullptr) return std::nullopt;
    return member->size;
  }
  ByteSource open(const std::string& name) const override {
    const Member* const member = find(name);
    if (member == nullptr) throw NotFound(sentence("the archive has no ", printable(name)));
    return part_of(file_, member->offset, member->size);
  }

 private:
  struct Member {
    TarEntry::Kind kind = TarEntry::Kind::kFile;
    std::uint64_t offset = 0, size = 0;
    std::string target{};  // of a link, cleaned
    bool twice = false;
  };
  void read_headers();
  void add(const TarEntry& entry, std::uint64_t offset);
  const Member* find(const std::string& name) const;

  std::shared_ptr<UniqueFd> file_;
  std::uint64_t bytes_;
  std::map<std::string, Member> members_;
  std::size_t names_ = 0;  // bytes
};

void ArchiveFiles::read_headers() {
  std::vector<std::byte> window(kWindow);
  std::uint64_t at = 0;
  TarReader reader(
      [&] {
        const std::uint64_t left = bytes_ - std::min(at, bytes_);
        const std::span<std::byte> some = std::span(window).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(left, kWindow)));
        const std::size_t count = some.empty() ? 0 : part_of(file_, at, some.size())(some);
        at += count;
        return std::span<const std::byte>(some.first(count));
      },
      {}, [&](std::uint64_t bytes) { at += bytes; });
  TarEntry entry;
  while (reader.next(entry)) add(entry, reader.position());
}

void ArchiveFiles::add(const TarEntry& entry, std::uint64_t offset) {
  const std::string name = clean_path(entry.name);
  if (members_.size() == kMostFiles)
    throw Error(sentence("the archive has more than ", kMostFiles, " files"));
  names_ += name.size() + entry.link_target.size();
  if (names_ > kMostNames)
    throw Error(sentence("the archive's names are longer than ", kMostNames, " bytes in all"));
  Member member{.kind = entry.kind, .offset = offset, .size = entry.size};
  if (entry.kind == TarEntry::Kind::kSymlink) {
    // Relative to where the link lies. A target outside names nothing.
    const std::string_view directory = split_path(name).directory;
    if (!entry.link_target.starts_with('/')) {
      try {
        member.target = clean_path(sentence(directory, '/', entry.link_target));
      } catch (const Error&) {
        member.target.clear();
      }
    }
  } else if (entry.kind == TarEntry::Kind::kHardLink) {
    member.target = clean_path(entry.link_target);
  } else if (entry.kind == TarEntry::Kind::kFile) {
    if (entry.sparse) throw Error(sentence(printable(name), " in the archive is a sparse file"));
    if (offset > bytes_ || entry.size > bytes_ - offset)
      throw Error(sentence("the archive is cut off inside ", printable(name)));
  }
  const auto [place, is_new] = members_.try_emplace(name, member);
  const bool both_directories =
      entry.kind == TarEntry::Kind::kDirectory && place->second.kind == TarEntry::Kind::kDirectory;
  if (!is_new && !both_directories) place->second.twice = true;
}

const ArchiveFiles::Member* ArchiveFiles::find(const std::string& name) const {
  std::string at = clean_path(name);
  for (int links = 0; links <= kMostLinks; ++links) {
    const auto found = members_.find(at);
    if (found == members_.end()) return nullptr;
    const Member& member = found->second;
    // Which of the two is meant depends on the reader: docker's takes the last, others the first.
    if (member.twice) throw Error(sentence("the archive has ", printable(at), " twice"));
    if (member.kind == TarEntry::Kind::kFile) return &member;
    if (member.target.empty())
      throw Error(sentence(printable(at), " in the archive is not a regular file"));
    at = member.target;
  }
  throw Error(sentence("the archive's links of ", printable(name), " lead nowhere"));
}

/// An unnamed file for what arrives in a form that cannot be sought in.
UniqueFd spool(const ByteSource& source, std::uint64_t limit, const std::stop_token& stop) {
  UniqueFd file = unnamed_file();
  std::vector<std::byte> buffer(std::size_t{512} << 10);
  std::uint64_t total = 0;
  while (const std::size_t count = source(buffer)) {
    total += count;
    if (stop.stop_requested()) throw Error("stopped");
    if (total > limit) throw Error(sentence("is larger than the ", limit, " bytes allowed"));
    write_all(file.get(), {reinterpret_cast<const char*>(buffer.data()), count},
              "a temporary file");
  }
  return file;
}

std::unique_ptr<FileSet> read_archive(const std::string& path, const std::stop_token& stop,
                                      std::uint64_t limit) try {
  UniqueFd file = path == "-" ? UniqueFd(check(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), "dup"))
                              : open_at(AT_FDCWD, path, O_RDONLY);
  struct stat status = {};
  check(::fstat(file.get(), &status), "stat");
  if (S_ISDIR(status.st_mode)) throw Error("is a directory, not an archive");
  const auto input = std::make_shared<UniqueFd>(std::move(file));
  ArchiveStream stream(source_of_file(input));
  if (S_ISREG(status.st_mode) && !stream.is_compressed() && ::lseek(input->get(), 0, SEEK_SET) == 0)
    return std::make_unique<ArchiveFiles>(
        UniqueFd(check(::fcntl(input->get(), F_DUPFD_CLOEXEC, 3), "dup")));
  return std::make_unique<ArchiveFiles>(
      spool([&](std::span<std::byte> buffer) { return stream.read(buffer); }, limit, stop));
} catch (Error& error) {
  error.add_context(path == "-" ? "standard input" : path);
  throw;
}

}  // namespace

std::string FileSet::read(const std::string& name, std::size_t limit) const {
  try {
    return read_text(open(name), limit);
  } catch (const NotFound&) {
    throw;
  } catch (Error& error) {
    error.add_context(printable(name));
    throw;
  }
}

std::unique_ptr<FileSet> open_directory(const std::string& path) {
  return std::make_unique<DirectoryFiles>(path);
}

std::unique_ptr<FileSet> open_archive(const std::string& path, const std::stop_token& stop,
                                      std::uint64_t limit) {
  return unless_stopped(stop, [path, stop, limit] { return read_archive(path, stop, limit); });
}

}  // namespace transport
