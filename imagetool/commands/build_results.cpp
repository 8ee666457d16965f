// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/build_results.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/document_writer.hpp"
#include "imagetool/pull/pull.hpp"
#include "imagetool/transport/archive_destination.hpp"
#include "imagetool/transport/copy.hpp"
#include "imagetool/transport/new_directory.hpp"
#include "imagetool/transport/output_file.hpp"
#include "imagetool/transport/store_transport.hpp"

namespace {

void write_metadata(const cli::Parsed& options, const BuildCommand& command,
                    const BuildResult& result) {
  const bool is_alone = result.images.size() == 1;
  const std::string id = is_alone ? result.images[0].stored.config.digest : result.manifest.digest;
  if (const auto file = options.value("iidfile")) write_result_file(*file, id);
  const auto file = options.value("metadata-file");
  if (!file) return;
  std::string names;
  for (const ImageReference& tag : command.tags)
    names += (names.empty() ? "" : ",") + tag.canonical();
  nlohmann::ordered_json metadata;
  if (is_alone) metadata["containerimage.config.digest"] = id;
  metadata["containerimage.descriptor"] = {{"mediaType", result.manifest.media_type},
                                           {"digest", result.manifest.digest},
                                           {"size", result.manifest.size}};
  metadata["containerimage.digest"] = result.manifest.digest;
  metadata["image.name"] = names;
  write_result_file(*file, metadata.dump(2) + "\n");
}

void write_archive(const BuildCommand& command, const ImageStore& store, const BuildResult& result,
                   const BuildOutput& output) {
  using Format = transport::ArchiveDestination::Format;
  transport::ArchiveDestination archive(
      output.destination,
      output.kind == BuildOutput::Kind::kOciArchive ? Format::kOci : Format::kDocker);
  if (!command.tags.empty()) archive.set_name(command.tags[0].canonical());
  Progress quiet(ProgressStyle::kQuiet);
  const auto source = transport::store_source(store, result.manifest);
  transport::copy_image(*source, archive, {.all = true, .platform = {}, .form = {}, .stop = {}},
                        quiet);
  archive.finish();
}

/// As docker buildx names it: "linux_arm_v7".
std::string directory_of(const oci::Platform& platform) {
  std::string name = platform.str();
  std::ranges::replace(name, '/', '_');
  return name;
}

void write_directories(build::BuildStore& builds, const BuildResult& result,
                       const std::string& directory) {
  NewDirectory made(directory, 0755);
  if (result.images.size() == 1)
    build::write_directory(builds, result.images[0].image, directory);
  else
    for (const PlatformBuild& one : result.images)
      build::write_directory(builds, one.image,
                             sentence(directory, "/", directory_of(one.platform)));
  made.keep();
}

void write_tar(build::BuildStore& builds, const build::BuiltImage& image, const std::string& path,
               std::optional<std::int64_t> epoch) {
  OutputFile file(path);
  build::write_tar(
      builds, image, [&](std::span<const std::byte> bytes) { file.write(bytes); }, epoch);
  file.finish();
}

void write_output(build::BuildStore& builds, const BuildCommand& command, const BuildResult& result,
                  const BuildOutput& output) {
  const ImageStore& store = builds.images();
  const PlatformBuild& first = result.images[0];
  switch (output.kind) {
    case BuildOutput::Kind::kDirectory:
      return write_directories(builds, result, output.destination);
    case BuildOutput::Kind::kTar:
      return write_tar(builds, first.image, output.destination, command.options.epoch);
    case BuildOutput::Kind::kOciArchive:
    case BuildOutput::Kind::kDockerArchive:
      return write_archive(command, store, result, output);
    case BuildOutput::Kind::kBundle:
      break;
  }
  Progress quiet(ProgressStyle::kQuiet);
  unpack(store, read_stored_image(store, first.stored.manifest), {.directory = output.destination},
         command.options.stop, quiet);
}

}  // namespace

BuildResult gather(const ImageStore& store, std::vector<PlatformBuild> images) {
  BuildResult result{.images = std::move(images)};
  if (result.images.size() == 1) {
    result.manifest = result.images[0].stored.manifest;
    return result;
  }
  oci::Index index{.media_type = std::string(oci::kOciIndex)};
  for (const PlatformBuild& one : result.images) {
    index.manifests.push_back(one.stored.manifest);
    index.manifests.back().platform = one.platform;
  }
  const std::string text = oci::write_index(index);
  result.manifest = {.media_type = std::string(oci::kOciIndex),
                     .digest = store.blobs().put(text).str(),
                     .size = static_cast<std::int64_t>(text.size())};
  return result;
}

void write_results(build::BuildStore& builds, const cli::Parsed& options,
                   const BuildCommand& command, const BuildResult& result) {
  for (const BuildOutput& output : command.outputs) write_output(builds, command, result, output);
  write_metadata(options, command, result);
}
