// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <array>
#include <ctime>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/build/build_output.hpp"
#include "imagetool/build/lint.hpp"
#include "imagetool/build/runtime_process.hpp"
#include "imagetool/build/tree_mount.hpp"
#include "imagetool/commands/build_cache.hpp"
#include "imagetool/commands/build_options.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/pull/pull.hpp"
#include "imagetool/pull/push.hpp"
#include "imagetool/registry/http.hpp"
#include "imagetool/transport/archive_destination.hpp"
#include "imagetool/transport/copy.hpp"
#include "imagetool/transport/store_transport.hpp"

namespace {

constexpr int kMostRedirects = 10;

constexpr auto kOptions =
    joined(std::to_array<cli::Option>({
               {.name = "file",
                .letter = 'f',
                .value = "FILE",
                .help = "the Dockerfile; - is stdin (default: CONTEXT/Dockerfile)"},
               {.name = "tag",
                .letter = 't',
                .value = "REF",
                .help = "name the image in the store",
                .repeatable = true},
               {.name = "output",
                .letter = 'o',
                .value = "BUNDLE|type=TYPE,dest=PATH",
                .help = "also make a bundle, or local, tar, oci, docker",
                .repeatable = true},
               {.name = "build-arg",
                .value = "NAME[=VALUE]",
                .help = "value of an ARG; without VALUE the environment's",
                .repeatable = true},
               {.name = "build-context",
                .value = "NAME=DIR|URL|docker-image://REF",
                .help = "another place for FROM and --from to name",
                .repeatable = true},
               {.name = "target", .value = "STAGE", .help = "stop at this stage"},
               {.name = "platform",
                .value = "OS/ARCH[/VARIANT]",
                .help = "build for this platform (default: this host's)"},
               {.name = "pull",
                .value = "always|missing|never",
                .help = "when to ask the registry for images (default: missing)",
                .value_optional = true},
               {.name = "push", .help = "push every name given by -t"},
               {.name = "no-cache", .help = "make every step anew"},
               {.name = "no-cache-filter",
                .value = "STAGE",
                .help = "make the steps of this stage anew",
                .repeatable = true},
               {.name = "explain-cache", .help = "say of each step why the cache has it or not"},
               {.name = "cache-from",
                .value = "REF|type=local,src=DIR",
                .help = "also look for steps in this cache",
                .repeatable = true},
               {.name = "cache-to",
                .value = "REF|type=local,dest=DIR",
                .help = "write the steps of this build there",
                .repeatable = true},
               {.name = "network",
                .value = "host|none",
                .help = "the network of RUN steps (default: host)"},
               {.name = "add-host",
                .value = "NAME:ADDRESS",
                .help = "a line in /etc/hosts of RUN steps",
                .repeatable = true},
               {.name = "secret",
                .value = "id=ID,src=FILE|env=NAME",
                .help = "a secret for RUN --mount=type=secret",
                .repeatable = true},
               {.name = "ssh",
                .value = "ID[=SOCKET]",
                .help = "an agent for RUN --mount=type=ssh (default: $SSH_AUTH_SOCK)",
                .repeatable = true},
               {.name = "label",
                .value = "NAME=VALUE",
                .help = "a label of the image",
                .repeatable = true},
               {.name = "annotation",
                .value = "NAME=VALUE",
                .help = "an annotation of its manifest",
                .repeatable = true},
               {.name = "iidfile",
                .value = "FILE",
                .help = "write the digest of the image's config there"},
               {.name = "metadata-file",
                .value = "FILE",
                .help = "write names and digests there, as JSON"},
               {.name = "squash", .help = "one layer for all that came on top of the base image"},
               {.name = "compression",
                .value = "gzip|zstd|none[:LEVEL]",
                .help = "of new layers (default: gzip:1)"},
               {.name = "ignorefile", .value = "FILE", .help = "instead of .dockerignore"},
               {.name = "runtime",
                .value = "PROGRAM",
                .help = "the OCI runtime for RUN steps (default: toyrun)"},
               {.name = "check", .help = "only say what is unwise in the Dockerfile"},
               {.name = "dry-run", .help = "only print the stages and steps that would be built"},
               {.name = "verify-reproducible", .help = "build twice and compare"},
               {.name = "quiet", .letter = 'q', .help = "say nothing but errors and the result"},
               {.name = "progress",
                .value = "auto|plain|tty|json|none",
                .help = "how to show progress on stderr"},
           }),
           kRegistryOptions);

/// An image of the store, or of its registry.
build::BaseImage find_base(const ImageStore& store, const cli::Parsed& options,
                           const std::string& policy, std::stop_source stop,
                           const std::string& reference, const oci::Platform& platform) {
  const ImageReference name = registry::image_named(reference);
  std::optional<StoredImage> stored;
  if (policy != "always")
    if (const auto known = store.resolve(name.canonical())) {
      stored = read_stored_image(store, known->manifest);
      if (!oci::fits(stored->config.platform(), platform)) stored.reset();
    }
  if (!stored && policy == "never")
    throw NotFound(sentence(name.familiar(), " is not in the store for ", platform.str(),
                            ", and --pull=never was given"));
  if (!stored) {
    Progress quiet(ProgressStyle::kQuiet);
    PullRequest request{.image = name,
                        .platform = platform,
                        .takes_any = true,
                        .bundle = {},
                        .registry = registry_options(options),
                        .stop = std::move(stop)};
    stored = pull(store, std::move(request), quiet);
  }
  return {stored->descriptor.digest, stored->manifest, stored->config};
}

std::optional<std::int64_t> read_http_date(const registry::HttpResponse& response) {
  const auto text = response.header("last-modified");
  std::tm time{};
  if (!text || ::strptime(text->c_str(), "%a, %d %b %Y %H:%M:%S", &time) == nullptr)
    return std::nullopt;
  return ::timegm(&time);
}

build::FetchedFile fetch(const std::string& address, const std::string& file,
                         const std::stop_token& stop) {
  std::optional<registry::Url> url = registry::Url::parse(address);
  registry::HttpClient client(stop);
  for (int redirects = 0; url && redirects < kMostRedirects; ++redirects) {
    const UniqueFd made = open_at(AT_FDCWD, file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    const registry::HttpResponse response =
        client.send({.url = *url}, [&](const registry::HttpHead&) {
          return [&](std::span<const std::byte> bytes) {
            write_all(made.get(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                      file);
          };
        });
    if (response.transport != registry::Transport::kDone)
      throw Error(sentence("fetch ", printable(address), ": ", response.failure));
    if (response.is_content()) return {.last_modified = read_http_date(response)};
    const auto location = response.header("location");
    if (response.status < 300 || response.status > 399 || !location)
      throw Error(
          sentence("fetch ", printable(address), ": the server answered ", response.status));
    url = url->resolve(*location);
  }
  throw Error(sentence("fetch ", printable(address), ": not an address, or it redirects for ever"));
}

int check_dockerfile(const BuildCommand& command, const build::Dockerfile& file,
                     const build::Services& services) {
  build::BuildGraph graph = build::build_graph(file, command.options.request);
  std::map<std::size_t, build::StagePlan> plans;
  for (const std::size_t index : graph.order) {
    const build::Stage& stage = graph.stages[index];
    build::StageBase base{.config = build::scratch_config(stage.platform)};
    if (stage.base.kind == build::Origin::Kind::kStage)
      base = {plans.at(stage.base.stage).config, plans.at(stage.base.stage).args};
    else if (stage.base.kind == build::Origin::Kind::kImage)
      base.config = services.image(stage.base.name, stage.platform).config;
    plans[index] = build::plan_stage(graph, command.options.request, stage, std::move(base));
  }
  const std::vector<build::Warning> warnings =
      build::lint(file, graph, plans, command.options.ignored);
  for (const build::Warning& one : warnings)
    print_line(sentence(file.name, ":", one.line, ": ", one.rule, ": ", printable(one.text, 500)));
  if (warnings.empty()) print_line("Check complete, no warnings found.");
  return warnings.empty() ? 0 : 1;
}

void warn_of(const BuildCommand& command, const build::Dockerfile& file,
             const build::BuildRunner& runner, build::BuildProgress& progress) {
  const std::vector<build::Warning> warnings =
      build::lint(file, runner.graph(), runner.plans(), command.options.ignored);
  for (const build::Warning& one : warnings)
    progress.note(sentence("warning: ", command.file_name, ":", one.line, ": ", one.rule, ": ",
                           printable(one.text, 500)));
  if (!warnings.empty() && build::warnings_are_errors(file))
    throw Error(sentence(command.file_name, ": ", warnings.size(),
                         " warnings, and its check directive makes them errors"));
}

void write_metadata(const cli::Parsed& options, const BuildCommand& command,
                    const build::StoredBuild& stored) {
  if (const auto file = options.value("iidfile")) replace_file(*file, stored.config.digest);
  const auto file = options.value("metadata-file");
  if (!file) return;
  std::string names;
  for (const ImageReference& tag : command.tags)
    names += (names.empty() ? "" : ",") + tag.canonical();
  const nlohmann::ordered_json metadata = {{"containerimage.config.digest", stored.config.digest},
                                           {"containerimage.descriptor",
                                            {{"mediaType", stored.manifest.media_type},
                                             {"digest", stored.manifest.digest},
                                             {"size", stored.manifest.size}}},
                                           {"containerimage.digest", stored.manifest.digest},
                                           {"image.name", names}};
  replace_file(*file, metadata.dump(2) + "\n");
}

void write_archive(const BuildCommand& command, const ImageStore& store,
                   const build::StoredBuild& stored, const BuildOutput& output) {
  using Format = transport::ArchiveDestination::Format;
  transport::ArchiveDestination archive(
      output.destination,
      output.kind == BuildOutput::Kind::kOciArchive ? Format::kOci : Format::kDocker);
  if (!command.tags.empty()) archive.set_name(command.tags[0].canonical());
  Progress quiet(ProgressStyle::kQuiet);
  const auto source = transport::store_source(store, stored.manifest);
  transport::copy_image(*source, archive, {}, quiet);
  archive.finish();
}

void write_output(build::BuildStore& builds, const BuildCommand& command,
                  const build::BuiltImage& image, const build::StoredBuild& stored,
                  const BuildOutput& output) {
  const ImageStore& store = builds.images();
  switch (output.kind) {
    case BuildOutput::Kind::kDirectory:
      return build::write_directory(builds, image, output.destination);
    case BuildOutput::Kind::kTar:
      return build::write_tar(builds, image, output.destination, command.options.epoch);
    case BuildOutput::Kind::kOciArchive:
    case BuildOutput::Kind::kDockerArchive:
      return write_archive(command, store, stored, output);
    case BuildOutput::Kind::kBundle:
      break;
  }
  Progress quiet(ProgressStyle::kQuiet);
  unpack(store, read_stored_image(store, stored.manifest), {.directory = output.destination},
         command.options.stop, quiet);
}

void finish_image(build::BuiltImage& image, const BuildCommand& command) {
  for (const auto& [name, value] : command.labels) image.config.config.labels[name] = value;
}

/// Builds once more without the cache and compares layer by layer.
void verify_reproducible(build::BuildStore& builds, const BuildCommand& command,
                         const build::Dockerfile& file, const build::Services& services,
                         build::BuildProgress& progress, const build::BuiltImage& image) {
  build::Options again = command.options;
  again.no_cache = true;
  build::BuildRunner runner(builds, again, services, progress);
  const std::stop_callback stop(command.options.stop, [&] { runner.stop(); });
  runner.plan(file);
  build::BuiltImage second = runner.run();
  if (second.layers.size() != image.layers.size())
    throw Error("not reproducible: the second build has another number of layers");
  for (std::size_t layer = 0; layer < image.layers.size(); ++layer)
    if (image.layers[layer].diff_id != second.layers[layer].diff_id)
      throw Error(sentence("not reproducible: layer ", layer + 1, " of ", image.layers.size(),
                           " is ", image.layers[layer].diff_id, " and then ",
                           second.layers[layer].diff_id,
                           command.options.epoch ? "" : " (SOURCE_DATE_EPOCH is not set)"));
  progress.note("reproducible: both builds made the same layers");
}

std::string build_and_store(const cli::Parsed& options, BuildCommand& command,
                            build::BuildStore& builds, const build::Dockerfile& file,
                            const build::Services& services, std::stop_source stop) {
  const ImageStore& store = builds.images();
  build::BuildProgress progress(build_progress_kind(options));
  command.options.runtime = build::find_runtime(options.value_or("runtime", ""));
  build::enter_private_mounts();
  const transport::Places places{.store_directory = store.blobs().directory(),
                                 .registry = registry_options(options),
                                 .stop = stop.get_token()};
  OfferedCaches offered(builds, places);
  if (!command.options.no_cache)
    for (const CachePlace& cache : command.cache_from) offered.open(cache, progress);
  build::BuildRunner runner(builds, command.options, services, progress);
  const std::stop_callback stopping(stop.get_token(), [&] { runner.stop(); });
  runner.plan(file);
  warn_of(command, file, runner, progress);
  build::BuiltImage image = runner.run();
  builds.fetch_offered(image.layers);
  for (const CachePlace& cache : command.cache_to)
    export_cache(builds, runner.known_steps(), image, cache, places, stop);
  finish_image(image, command);
  if (options.has("verify-reproducible"))
    verify_reproducible(builds, command, file, services, progress, image);
  if (options.has("squash")) build::squash(builds, image, command.options);
  const build::StoredBuild stored = build::store_build(store, image, command.annotations);
  for (const ImageReference& tag : command.tags) {
    store.tag(tag.canonical(), stored.manifest);
    progress.note(sentence("named ", tag.familiar()));
  }
  for (const BuildOutput& output : command.outputs)
    write_output(builds, command, image, stored, output);
  write_metadata(options, command, stored);
  return stored.manifest.digest;
}

int run_build(const cli::Parsed& global, const cli::Parsed& options) {
  std::stop_source stop;
  const Interruption interruption(stop);
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  const UniqueFd held = store.hold();
  const std::string policy = pull_policy(options);
  const build::Services services{
      .image =
          [&](const std::string& reference, const oci::Platform& platform) {
            return find_base(store, options, policy, stop, reference, platform);
          },
      .fetch = [&](const std::string& url,
                   const std::string& path) { return fetch(url, path, stop.get_token()); }};
  build::BuildStore builds(store);
  BuildCommand command = read_build_command(options, [&](const std::string& place) {
    return build::open_context(builds, services, place, stop.get_token());
  });
  command.options.stop = stop.get_token();
  const build::Dockerfile file = build::parse_dockerfile(command.text, command.file_name);
  if (options.has("check")) return check_dockerfile(command, file, services);
  if (options.has("push") && command.tags.empty()) throw UsageError("--push needs a name: -t REF");
  if (options.has("dry-run")) {
    build::BuildProgress quiet(build::ProgressKind::kQuiet);
    build::BuildRunner runner(builds, command.options, services, quiet);
    runner.plan(file);
    std::string text = runner.describe();
    text.pop_back();
    print_line(text);
    return 0;
  }
  const std::string digest = build_and_store(options, command, builds, file, services, stop);
  if (options.has("push"))
    for (const ImageReference& tag : command.tags) {
      Progress progress(progress_style("auto", options.has("quiet")));
      PushRequest request{.destination = tag, .registry = registry_options(options), .stop = stop};
      push(store, store.resolve(tag.canonical())->manifest, std::move(request), progress);
    }
  print_line(digest);
  return 0;
}

}  // namespace

const cli::Command kBuildCommand = {
    .name = "build",
    .summary = "Build an image from a Dockerfile",
    .words = {.usage = "[CONTEXT]", .least = 0, .most = 1},
    .options = kOptions,
    .run = run_build,
};
