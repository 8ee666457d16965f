// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <array>

#include "bundle-spec/error.hpp"
#include "imagetool/build/lint.hpp"
#include "imagetool/build/runtime_process.hpp"
#include "imagetool/build/tree_mount.hpp"
#include "imagetool/commands/build_cache.hpp"
#include "imagetool/commands/build_options.hpp"
#include "imagetool/commands/build_results.hpp"
#include "imagetool/commands/build_services.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/owners/owners.hpp"
#include "imagetool/transport/push.hpp"

namespace {

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
               {.name = "build-arg-file",
                .value = "FILE",
                .help = "more of these, one a line",
                .repeatable = true},
               {.name = "build-context",
                .value = "NAME=DIR|URL|docker-image://REF|oci-layout://DIR[:TAG|@DIGEST]",
                .help = "another place for FROM and --from to name",
                .repeatable = true},
               {.name = "target", .value = "STAGE", .help = "stop at this stage"},
               {.name = "platform",
                .value = "OS/ARCH[/VARIANT],...",
                .help = "build for these platforms (default: this host's)",
                .repeatable = true},
               {.name = "pull",
                .value = "always|missing|never",
                .help = "when to ask the registry for images (default: missing)",
                .value_optional = true},
               {.name = "push", .help = "push every name given by -t"},
               {.name = "load", .help = "nothing to do: the image is in the store"},
               {.name = "rm", .help = "nothing to do: no step's container is left"},
               {.name = "force-rm", .help = "the same"},
               {.name = "layers", .help = "nothing to do: each step makes a layer"},
               {.name = "compress", .hidden = true},
               {.name = "format", .value = "oci", .hidden = true},
               {.name = "provenance",
                .value = "false",
                .help = "no attestation is made",
                .value_optional = true},
               {.name = "sbom",
                .value = "false",
                .help = "no attestation is made",
                .value_optional = true},
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
                .value = "REF|type=local,dest=DIR|type=inline",
                .help = "write the steps of this build there, or into the image",
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

/// All that building for one platform needs.
struct Build {
  const cli::Parsed& options;
  const BuildCommand& command;
  build::BuildStore& builds;
  const build::Dockerfile& file;
  const build::Services& services;
  build::BuildProgress& progress;
  std::vector<build::KnownStep> steps{};  // of all platforms
  std::vector<build::Layer> layers{};
};

/// Builds once more without the cache and compares layer by layer.
void verify_reproducible(const Build& build, build::Options again, const build::BuiltImage& image) {
  again.no_cache = true;
  build::BuildRunner runner(build.builds, again, build.services, build.progress);
  const std::stop_callback stop(again.stop, [&] { runner.stop(); });
  runner.plan(build.file);
  build::BuiltImage second = runner.run();
  if (second.layers.size() != image.layers.size())
    throw Error("not reproducible: the second build has another number of layers");
  for (std::size_t layer = 0; layer < image.layers.size(); ++layer)
    if (image.layers[layer].diff_id != second.layers[layer].diff_id)
      throw Error(sentence("not reproducible: layer ", layer + 1, " of ", image.layers.size(),
                           " is ", image.layers[layer].diff_id, " and then ",
                           second.layers[layer].diff_id,
                           again.epoch ? "" : " (SOURCE_DATE_EPOCH is not set)"));
  build.progress.note("reproducible: both builds made the same layers");
}

PlatformBuild build_platform(Build& build, const oci::Platform& platform) {
  build::Options wanted = build.command.options;
  wanted.request.platform = platform;
  build::BuildRunner runner(build.builds, wanted, build.services, build.progress);
  const std::stop_callback stopping(wanted.stop, [&] { runner.stop(); });
  runner.plan(build.file);
  warn_of(build.command, build.file, runner, build.progress);
  PlatformBuild made{.platform = platform, .image = runner.run()};
  build.builds.fetch_offered(made.image.layers);
  build.steps.insert(build.steps.end(), runner.known_steps().begin(), runner.known_steps().end());
  build.layers.insert(build.layers.end(), made.image.layers.begin(), made.image.layers.end());
  for (const auto& [name, value] : build.command.labels)
    made.image.config.config.labels[name] = value;
  if (build.options.has("verify-reproducible")) verify_reproducible(build, wanted, made.image);
  if (build.options.has("squash")) build::squash(build.builds, made.image, wanted);
  oci::Annotations annotations = build.command.annotations;
  if (build.command.inline_cache)
    annotations[kInlineCache] = inline_cache(runner.known_steps(), made.image.layers);
  made.stored = build::store_build(build.builds.images(), made.image, annotations);
  return made;
}

std::string build_and_store(const cli::Parsed& options, BuildCommand& command,
                            build::BuildStore& builds, const build::Dockerfile& file,
                            const build::Services& services, const std::stop_source& stop) {
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
  Build build{options, command, builds, file, services, progress};
  std::vector<PlatformBuild> images;
  for (const oci::Platform& platform : command.platforms)
    images.push_back(build_platform(build, platform));
  ::umask(command.umask);
  for (const CachePlace& cache : command.cache_to)
    export_cache(builds, build.steps, build.layers, cache, places, stop);
  const BuildResult result = gather(store, std::move(images));
  for (const ImageReference& tag : command.tags) {
    store.tag(tag.canonical(), result.manifest);
    progress.note(sentence("named ", tag.familiar()));
  }
  write_results(builds, options, command, result);
  return result.manifest.digest;
}

void describe(const BuildCommand& command, build::BuildStore& builds, const build::Dockerfile& file,
              const build::Services& services) {
  build::BuildProgress quiet(build::ProgressKind::kQuiet);
  for (const oci::Platform& platform : command.platforms) {
    build::Options wanted = command.options;
    wanted.request.platform = platform;
    build::BuildRunner runner(builds, wanted, services, quiet);
    runner.plan(file);
    std::string text = runner.describe();
    text.pop_back();
    print_line(text);
  }
}

int run_build(const cli::Parsed& global, const cli::Parsed& options) {
  if (entered_maps() != nullptr)
    throw Error("toyimg build needs root of the host: in a user namespace it cannot mount layers");
  // What modes an image's files have is not the caller's to mask.
  const mode_t callers_umask = ::umask(0022);
  std::stop_source stop;
  const Interruption interruption(stop);
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  const UniqueFd held = store.hold();
  const build::Services services = build_services(store, options, pull_policy(options), stop);
  build::BuildStore builds(store);
  builds.prepare_with(prepare_layers(store, stop.get_token()));
  BuildCommand command = read_build_command(
      options,
      [&](const std::string& place) {
        return build::open_context(builds, services, place, stop.get_token());
      },
      stop.get_token());
  command.umask = callers_umask;
  const build::Dockerfile file = build::parse_dockerfile(command.text, command.file_name);
  if (options.has("check")) return check_dockerfile(command, file, services);
  if (command.push && command.tags.empty()) throw UsageError("--push needs a name: -t REF");
  if (options.has("dry-run")) {
    describe(command, builds, file, services);
    return 0;
  }
  const std::string digest = build_and_store(options, command, builds, file, services, stop);
  if (command.push)
    for (const ImageReference& tag : command.tags) {
      Progress progress(progress_style("auto", options.has("quiet")));
      PushRequest request{.destination = tag,
                          .all = command.platforms.size() > 1,
                          .registry = registry_options(options),
                          .stop = stop};
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
