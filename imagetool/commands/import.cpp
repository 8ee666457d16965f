// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <array>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/image_change.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/image_reference.hpp"
#include "imagetool/layer/archive_stream.hpp"
#include "imagetool/registry/registries_conf.hpp"
#include "imagetool/registry/short_names.hpp"
#include "imagetool/transport/new_image.hpp"

namespace {

constexpr auto kOptions = std::to_array<cli::Option>({
    {.name = "change",
     .letter = 'c',
     .value = "INSTRUCTION",
     .help = "a Dockerfile instruction for its config: 'CMD [\"sh\"]', 'ENV A=b'",
     .repeatable = true},
    {.name = "message", .letter = 'm', .value = "TEXT", .help = "a comment for its history"},
    {.name = "platform",
     .value = "OS/ARCH[/VARIANT]",
     .help = "what it is made for (default: this host's)"},
    {.name = "compression",
     .value = "gzip|zstd|none[:LEVEL]",
     .help = "of its layer (default: gzip)"},
});

transport::NewLayer read_layer(const std::string& path, Compression compression) try {
  const auto file = std::make_shared<UniqueFd>(
      path == "-" ? UniqueFd(check(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), "dup"))
                  : open_at(AT_FDCWD, path, O_RDONLY));
  ArchiveStream stream(source_of_file(file));
  return transport::pack_tar([&](std::span<std::byte> buffer) { return stream.read(buffer); },
                             compression);
} catch (Error& error) {
  error.add_context(path == "-" ? "standard input" : path);
  throw;
}

int run_import(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string& path = options.words[0];
  const std::string name = registry::image_named(options.words[1]).canonical();
  const Compression compression = Compression::parse(options.value_or("compression", "gzip"));
  oci::Platform platform = oci::host_platform();
  platform.variant.clear();  // the host's level says nothing about the files
  if (const auto wanted = options.value("platform")) platform = oci::Platform::parse(*wanted);
  const std::string time = transport::creation_time();
  // A mistake in a change is told before anything is read.
  static_cast<void>(with_changes("{}", options.values("change")));
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  const transport::NewLayer layer = read_layer(path, compression);
  const std::string config =
      with_changes(transport::with_layer("", platform, layer.diff_id,
                                         {.created = time,
                                          .created_by = "toyimg import",
                                          .comment = options.value_or("message", "")}),
                   options.values("change"));
  print_line(transport::store_image(store, name, {}, &layer, config));
  return 0;
}

}  // namespace

const cli::Command kImportCommand = {
    .name = "import",
    .summary = "Make an image of one layer from a tarball of a root file system",
    .words = {.usage = "TARBALL NAME", .least = 2, .most = 2},
    .options = kOptions,
    .run = run_import,
};
