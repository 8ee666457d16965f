// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/build_context.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/build/added_sources.hpp"
#include "imagetool/layer/unless_stopped.hpp"
#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

BuildContext open_directory(const std::string& place) {
  struct stat status{};
  if (::stat(place.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    throw Error(sentence("the build context ", printable(place, 200), " is no directory"));
  const std::string directory = real_path(place);
  return {.directory = directory, .name = directory};
}

/// An archive becomes its files; anything else is a Dockerfile that comes alone.
BuildContext open_file(BuildStore& store, int file, const std::string& name) {
  BuildContext context{.directory = store.make_work("context"), .name = name, .is_local = false};
  if (is_archive(file))
    extract_archive(file, context.directory);
  else
    context.dockerfile = read_all(file, name, kDockerfileLimit);
  return context;
}

/// Into a file first: an archive is told from a Dockerfile by its beginning.
BuildContext open_stdin(BuildStore& store, const std::stop_token& stop) {
  const std::string path = store.make_work("stdin") + "/file";
  const auto file =
      std::make_shared<UniqueFd>(open_at(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0600));
  unless_stopped(stop, [file, path] {
    std::array<char, std::size_t{256} << 10> buffer{};
    while (const ssize_t count =
               check(::read(STDIN_FILENO, buffer.data(), buffer.size()), "read standard input"))
      write_all(file->get(), {buffer.data(), static_cast<std::size_t>(count)}, path);
    return check(::lseek(file->get(), 0, SEEK_SET), "seek in ", path);
  });
  return open_file(store, file->get(), "stdin");
}

}  // namespace

BuildContext open_context(BuildStore& store, const Services& services, const std::string& place,
                          const std::stop_token& stop) {
  if (place != "-" && !is_remote(place)) {
    if (place.find("://") == std::string::npos) return open_directory(place);
    throw UsageError(sentence("the build context ", printable(place, 200),
                              " must be a directory, -, a git or an http(s) address"));
  }
  try {
    if (place == "-") return open_stdin(store, stop);
    const CopyAction whole{.is_add = true};
    const FetchedSource fetched = fetch_source(store, services, whole, place, stop);
    if (fetched.file.empty())
      return {.directory = fetched.directory, .name = place, .is_local = false};
    const std::string path = sentence(fetched.directory, "/", fetched.file);
    return open_file(store, open_at(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW).get(), place);
  } catch (Error& error) {
    error.add_context("the build context ", printable(place, 200));
    throw;
  }
}

std::optional<ContextFile> find_file(const BuildContext& context,
                                     const std::vector<std::string>& names, std::size_t limit) {
  for (const std::string& name : names) {
    const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
    const auto file =
        context.is_local
            ? open_at_if_exists(AT_FDCWD, sentence(context.directory, "/", name), flags)
            : RootedDir::open(context.directory).open_if_exists(name, flags);
    struct stat status{};
    if (!file) continue;
    check(::fstat(file->get(), &status), "stat ", printable(name, 200));
    if (!S_ISREG(status.st_mode))
      throw Error(sentence(printable(name, 200), " in the build context is no regular file"));
    return ContextFile{.name = name, .text = read_all(file->get(), name, limit)};
  }
  return std::nullopt;
}

}  // namespace build
