// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/added_sources.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <span>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/build/runtime_process.hpp"
#include "imagetool/layer/apply_layer.hpp"
#include "imagetool/layer/archive_stream.hpp"
#include "imagetool/layer/tar_header.hpp"
#include "imagetool/layer/tree_entry.hpp"
#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

ArchiveStream open_uncompressed(int file) {
  return ArchiveStream([file](std::span<std::byte> buffer) {
    return static_cast<std::size_t>(
        check(::read(file, buffer.data(), buffer.size()), "read an archive"));
  });
}

struct GitAddress {
  std::string repository{};
  std::string reference{};
  std::string directory{};
};

/// "URL#ref:dir".
GitAddress read_git_address(const std::string& source) {
  const std::size_t hash = source.find('#');
  GitAddress address{.repository = source.substr(0, hash)};
  if (hash == std::string::npos) return address;
  const std::string fragment = source.substr(hash + 1);
  const std::size_t colon = fragment.find(':');
  address.reference = fragment.substr(0, colon);
  if (colon != std::string::npos) address.directory = clean_relative(fragment.substr(colon + 1));
  if (address.reference.starts_with('-') || address.repository.starts_with('-'))
    throw Error(sentence(printable(source, 200), " is no git address"));
  return address;
}

bool is_git(const std::string& source) {
  const std::string repository = source.substr(0, source.find('#'));
  return source.starts_with("git://") || source.starts_with("git@") ||
         source.starts_with("ssh://") ||
         ((source.starts_with("http://") || source.starts_with("https://")) &&
          repository.ends_with(".git"));
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

FetchedSource fetch_git(BuildStore& store, const CopyAction& action, const std::string& source,
                        const std::stop_token& stop) {
  const GitAddress address = read_git_address(source);
  const std::string clone = store.make_work("git") + "/tree";
  const auto git = [&](std::vector<std::string> words, const std::string& where) {
    // Whatever a repository brings, no program is started and no other protocol spoken for it.
    std::vector<std::string> command = {"git",
                                        "-c",
                                        "core.hooksPath=/dev/null",
                                        "-c",
                                        "protocol.file.allow=never",
                                        "-c",
                                        "advice.detachedHead=false"};
    command.insert(command.end(), words.begin(), words.end());
    return run_program(command, where, stop);
  };
  git({"init", "--quiet", clone}, store.work());
  git({"fetch", "--quiet", "--depth=1", "--", address.repository,
       address.reference.empty() ? "HEAD" : address.reference},
      clone);
  git({"checkout", "--quiet", "FETCH_HEAD"}, clone);
  const std::string commit = first_line(git({"rev-parse", "HEAD"}, clone));
  if (!action.checksum.empty() && !commit.starts_with(action.checksum))
    throw Error(sentence("the commit of ", printable(source, 200), " is ", commit,
                         ", not --checksum=", printable(action.checksum, 80)));
  git({"submodule", "update", "--quiet", "--init", "--recursive", "--depth=1"}, clone);
  if (!action.keep_git_dir) remove_tree_at(RootedDir::open(clone).fd(), ".git");
  FetchedSource fetched{.directory = clone, .identity = sentence(commit, ":", address.directory)};
  if (address.directory.empty()) return fetched;
  // The subdirectory is looked for inside the tree: a symlink in it leads nowhere else
  // (CVE-2026-33748).
  const UniqueFd inside =
      RootedDir::open(clone).open_no_symlinks(address.directory, O_PATH | O_DIRECTORY);
  fetched.directory = sentence(clone, "/", address.directory);
  return fetched;
}

std::string file_name_of(const std::string& url) {
  std::string path = url.substr(0, url.find_first_of("?#"));
  const std::size_t host = path.find("://");
  path = path.substr(host + 3);
  const std::size_t slash = path.rfind('/');
  std::string name = slash == std::string::npos ? "" : path.substr(slash + 1);
  return name.empty() || name == "." || name == ".." ? "__unnamed__" : name;
}

FetchedSource fetch_url(BuildStore& store, const Services& services, const CopyAction& action,
                        const std::string& source) {
  FetchedSource fetched{.directory = store.make_work("download"), .file = file_name_of(source)};
  const std::string path = sentence(fetched.directory, "/", fetched.file);
  const FetchedFile file = services.fetch(source, path);
  const UniqueFd opened = open_at(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW);
  const Digest digest = digest_of_file(opened.get());
  if (!action.checksum.empty() && digest.str() != action.checksum)
    throw Error(sentence("digest mismatch of ", printable(source, 200), ": it is ", digest.str(),
                         ", not --checksum=", printable(action.checksum, 100)));
  check(::fchmod(opened.get(), 0600), "chmod ", path);
  const timespec time = {file.last_modified.value_or(0), 0};
  const std::array<timespec, 2> times = {time, time};
  check(::futimens(opened.get(), times.data()), "set the times of ", path);
  fetched.identity = sentence(digest.str(), " ", file.last_modified.value_or(0));
  return fetched;
}

}  // namespace

bool is_remote(const std::string& source) {
  return source.starts_with("http://") || source.starts_with("https://") || is_git(source);
}

FetchedSource fetch_source(BuildStore& store, const Services& services, const CopyAction& action,
                           const std::string& source, const std::stop_token& stop) {
  if (is_git(source)) return fetch_git(store, action, source, stop);
  if (!action.checksum.empty()) Digest::parse(action.checksum);
  return fetch_url(store, services, action, source);
}

bool is_archive(int file) {
  std::array<std::byte, tar::kBlockSize> block{};
  std::size_t filled = 0;
  try {
    ArchiveStream stream = open_uncompressed(file);
    while (filled < block.size()) {
      const std::size_t count = stream.read(std::span(block).subspan(filled));
      if (count == 0) break;
      filled += count;
    }
  } catch (const Error& error) {
    // What is damaged is a file like any other, as for Docker.
    if (error.number() != 0) throw;
    filled = 0;
  }
  check(::lseek(file, 0, SEEK_SET), "seek in an archive");
  return filled == block.size() && !tar::is_zero(block) && tar::checksum_fits(block);
}

void extract_archive(int file, const std::string& directory) {
  ArchiveStream stream = open_uncompressed(file);
  try {
    apply_layer([&](std::span<std::byte> buffer) { return stream.read(buffer); },
                RootedDir::open(directory));
  } catch (Error& error) {
    error.add_context("the archive");
    throw;
  }
}

}  // namespace build
