// SPDX-License-Identifier: Apache-2.0
// Files out of and into a root file system as plain tar, with no link of it followed on the host:
// what `toydock cp` is made of.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/layer/layer_applier.hpp"
#include "imagetool/layer/tar_reader.hpp"
#include "imagetool/layer/tree_layer.hpp"

namespace {

constexpr std::size_t kBufferBytes = std::size_t{64} << 10;

constexpr auto kArchiveOptions = std::to_array<cli::Option>({
    {.name = "name", .value = "NAME", .help = "call the file so in the archive"},
    {.name = "type", .help = "print only what it is: directory, file, symlink, other or none"},
});

void write_all(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    bytes = bytes.subspan(static_cast<std::size_t>(check(put, "write the archive")));
  }
}

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "directory";
  if (S_ISREG(mode)) return "file";
  return S_ISLNK(mode) ? "symlink" : "other";
}

/// "/" has no last component; what is there is the root.
std::optional<UniqueFd> find(const RootedDir& root, const std::string& path) {
  return root.open_if_exists(path, O_PATH | O_NOFOLLOW);
}

int run_archive(const cli::Parsed&, const cli::Parsed& options) {
  const RootedDir root = RootedDir::open(options.words[0]);
  const std::string& path = options.words[1];
  const std::optional<UniqueFd> found = find(root, path);
  struct stat status{};
  if (found) check(::fstat(found->get(), &status), "stat ", path);
  if (options.has("type")) {
    print_line(found ? kind_of(status.st_mode) : "none");
    return 0;
  }
  if (!found) throw Error(sentence(path, " is not there"));
  LayerWriterOptions how;
  how.compression = Compression::parse("none");
  how.nanoseconds = true;
  LayerWriter writer(write_all, how);
  if (S_ISDIR(status.st_mode)) {
    add_tree(writer, RootedDir(root.open(path, O_PATH | O_DIRECTORY)), {.layer = false});
  } else {
    const std::string base = path.substr(path.find_last_of('/') + 1);
    const ChosenFile file{.source = path, .path = options.value_or("name", base)};
    add_files(writer, root, std::span(&file, 1));
  }
  writer.finish();
  return 0;
}

int run_extract(const cli::Parsed&, const cli::Parsed& options) {
  const RootedDir root = RootedDir::open(options.words[0]);
  const RootedDir directory(root.make_directories(options.words[1]));
  std::vector<std::byte> buffer(kBufferBytes);
  TarReader reader([&]() -> std::span<const std::byte> {
    ssize_t got = 0;
    do {
      got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    } while (got < 0 && errno == EINTR);
    return std::span(buffer).first(static_cast<std::size_t>(check(got, "read the archive")));
  });
  LayerApplier(directory, {.whiteouts = false}).apply(reader);
  return 0;
}

}  // namespace

const cli::Command kArchiveCommand = {
    .name = "archive",
    .summary = "Write files of a root file system as tar",
    .words = {.usage = "ROOTFS PATH", .least = 2, .most = 2},
    .options = kArchiveOptions,
    .run = run_archive,
};

const cli::Command kExtractCommand = {
    .name = "extract",
    .summary = "Read tar into a directory of a root file system",
    .words = {.usage = "ROOTFS DIRECTORY", .least = 2, .most = 2},
    .options = {},
    .run = run_extract,
};
