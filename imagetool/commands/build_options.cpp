// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/build_options.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/build/build_runner.hpp"
#include "imagetool/build/runtime_process.hpp"
#include "imagetool/layer/unless_stopped.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/registry/registries_conf.hpp"
#include "imagetool/registry/short_names.hpp"

namespace {

using Pairs = std::map<std::string, std::string>;

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::optional<std::string> variable(const std::string& name) {
  const char* const value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
  if (value == nullptr) return std::nullopt;
  return value;
}

/// "id=x,src=y" → its pairs.
Pairs read_pairs(const std::string& text, const std::string& option) {
  Pairs pairs;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string_view part = rest.substr(0, end);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos)
      throw UsageError(sentence("--", option, " ", text, ": \"", part, "\" is not KEY=VALUE"));
    pairs[std::string(part.substr(0, equals))] = part.substr(equals + 1);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return pairs;
}

/// Takes a pair out; "" when it is not there.
std::string take(Pairs& pairs, const std::string& key) {
  const auto found = pairs.find(key);
  if (found == pairs.end()) return "";
  std::string value = std::move(found->second);
  pairs.erase(found);
  return value;
}

void refuse_rest(const Pairs& pairs, const std::string& option) {
  if (!pairs.empty())
    throw UsageError(sentence("--", option, ": unknown key \"", pairs.begin()->first, "\""));
}

/// NAME=VALUE options.
Pairs named_values(const cli::Parsed& options, const std::string& option) {
  Pairs values;
  for (const std::string& word : options.values(option)) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      throw UsageError(sentence("--", option, " ", word, ": must be NAME=VALUE"));
    values[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return values;
}

void add_argument(Pairs& arguments, const std::string& word) {
  const std::size_t equals = word.find('=');
  const std::string name = word.substr(0, equals);
  if (equals != std::string::npos)
    arguments[name] = word.substr(equals + 1);
  else if (const auto value = variable(name))
    arguments[name] = *value;
}

/// As podman's --build-arg-file: a line each, "#" begins a comment.
void add_arguments_in(Pairs& arguments, const std::string& path) {
  const std::string text = read_file(path, std::size_t{1} << 20);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty() && line[0] != '#') add_argument(arguments, line);
    begin = end + 1;
  }
}

/// Those of the command line count over those of files.
Pairs build_arguments(const cli::Parsed& options) {
  Pairs arguments;
  for (const std::string& path : options.values("build-arg-file"))
    add_arguments_in(arguments, path);
  for (const std::string& word : options.values("build-arg")) add_argument(arguments, word);
  return arguments;
}

std::map<std::string, build::Secret> secrets(const cli::Parsed& options) {
  std::map<std::string, build::Secret> result;
  for (const std::string& word : options.values("secret")) {
    Pairs pairs = read_pairs(word, "secret");
    std::string id = take(pairs, "id");
    std::string file = take(pairs, "src");
    if (file.empty()) file = take(pairs, "source");
    std::string environment = take(pairs, "env");
    take(pairs, "type");
    refuse_rest(pairs, "secret");
    if (id.empty()) throw UsageError(sentence("--secret ", word, ": id is missing"));
    if (file.empty() && environment.empty()) {
      if (variable(id))
        environment = id;
      else
        file = id;
    }
    if (!file.empty() && !exists(file))
      throw Error(sentence("--secret ", id, ": there is no file ", file));
    result[id] = {.file = std::move(file), .environment = std::move(environment)};
  }
  return result;
}

Pairs agents(const cli::Parsed& options) {
  Pairs result;
  for (const std::string& word : options.values("ssh")) {
    const std::size_t equals = word.find('=');
    const std::string id = word.substr(0, equals);
    const std::string socket = equals == std::string::npos ? variable("SSH_AUTH_SOCK").value_or("")
                                                           : word.substr(equals + 1);
    struct stat status{};
    if (socket.empty() || ::stat(socket.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode))
      throw Error(
          sentence("--ssh ", word, ": ", socket.empty() ? "SSH_AUTH_SOCK is not set" : socket,
                   socket.empty() ? "" : " is no agent's socket (keys: ssh-add them first)"));
    result[id] = real_path(socket);
  }
  return result;
}

/// type=image and type=registry, as docker buildx has them: -t and --push by other words.
bool is_image_output(const std::string& word, BuildCommand& command) {
  if (word.find('=') == std::string::npos) return false;
  Pairs pairs = read_pairs(word, "output");
  const std::string type = take(pairs, "type");
  if (type != "image" && type != "registry") return false;
  if (const std::string name = take(pairs, "name"); !name.empty())
    command.tags.push_back(registry::image_named(name));
  const std::string push = take(pairs, "push");
  if (!push.empty() && push != "true" && push != "false")
    throw UsageError(sentence("--output push=", push, ": must be true or false"));
  command.push = command.push || (push.empty() ? type == "registry" : push == "true");
  refuse_rest(pairs, "output");
  return true;
}

void refuse_what_is_not_made(const cli::Parsed& options) {
  if (const std::string form = options.value_or("format", "oci"); form != "oci")
    throw UsageError(sentence("--format ", form,
                              ": images are OCI's here; -o type=docker,dest=FILE writes Docker's"));
  for (const char* option : {"provenance", "sbom"})
    if (options.has(option) && options.value_or(option, "") != "false")
      throw UsageError(
          sentence("--", option, ": toyimg makes no attestations; --", option, "=false says so"));
}

BuildOutput read_output(const std::string& word) {
  if (word.find('=') == std::string::npos) {
    if (word == "-") return {BuildOutput::Kind::kTar, word};
    return {BuildOutput::Kind::kBundle, word};
  }
  Pairs pairs = read_pairs(word, "output");
  const std::string type = take(pairs, "type");
  std::string destination = take(pairs, "dest");
  refuse_rest(pairs, "output");
  using enum BuildOutput::Kind;
  constexpr auto kTypes = std::to_array<std::pair<std::string_view, BuildOutput::Kind>>(
      {{"local", kDirectory}, {"tar", kTar}, {"oci", kOciArchive}, {"docker", kDockerArchive}});
  const auto found =
      std::ranges::find(kTypes, type, &std::pair<std::string_view, BuildOutput::Kind>::first);
  if (found == kTypes.end())
    throw UsageError(
        sentence("--output type=", type, ": must be local, tar, oci, docker, image or registry"));
  if (destination.empty()) throw UsageError("--output: dest is missing");
  return {found->second, std::move(destination)};
}

/// type=registry,ref=REF, type=local,src=DIR (or dest=), or a bare REF, as docker buildx has them.
CachePlace read_cache_place(const std::string& word, const std::string& option) {
  CachePlace cache{.words = word};
  Pairs pairs = word.find('=') == std::string::npos ? Pairs{{"type", "registry"}, {"ref", word}}
                                                    : read_pairs(word, option);
  const std::string type = take(pairs, "type");
  const std::string mode = take(pairs, "mode");
  const std::string key = type == "registry" ? "ref" : option == "cache-from" ? "src" : "dest";
  const std::string where = take(pairs, key);
  if (type != "registry" && type != "local")
    throw UsageError(sentence("--", option, " type=", type, ": must be registry",
                              option == "cache-to" ? ", local or inline" : " or local"));
  refuse_rest(pairs, option);
  if (where.empty()) throw UsageError(sentence("--", option, " ", word, ": ", key, " is missing"));
  if (!mode.empty() && (option == "cache-from" || (mode != "min" && mode != "max")))
    throw UsageError(sentence("--", option, " mode=", mode, ": --cache-to has min and max"));
  cache.only_result = mode == "min";
  using enum transport::Kind;
  if (type == "registry")
    cache.place = {.kind = kRegistry, .name = ImageReference::parse(where).canonical()};
  else
    cache.place = {.kind = kOciLayout, .path = where, .name = "buildcache"};
  return cache;
}

void read_caches(const cli::Parsed& options, BuildCommand& command) {
  for (const std::string& word : options.values("cache-from"))
    command.cache_from.push_back(read_cache_place(word, "cache-from"));
  // BuildKit's own way of asking for it.
  const auto asked = command.options.request.arguments.find("BUILDKIT_INLINE_CACHE");
  command.inline_cache = asked != command.options.request.arguments.end() &&
                         (asked->second == "1" || asked->second == "true");
  for (const std::string& word : options.values("cache-to"))
    if (word == "type=inline")
      command.inline_cache = true;
    else
      command.cache_to.push_back(read_cache_place(word, "cache-to"));
}

/// None when there is no such file. `named`: by the user, who may name a pipe.
build::IgnoreRules ignore_rules_in(const std::string& path, bool named = false) {
  const auto file =
      open_at_if_exists(AT_FDCWD, path, O_RDONLY | O_NOCTTY | (named ? 0 : O_NONBLOCK));
  if (!file) return {};
  struct stat status{};
  check(::fstat(file->get(), &status), "stat ", path);
  if (!named && !S_ISREG(status.st_mode))
    throw Error(sentence(printable(path, 200), " is no regular file"));
  return build::IgnoreRules::parse(read_all(file->get(), path, std::size_t{1} << 20),
                                   path.substr(path.rfind('/') + 1));
}

/// Where the user's own .dockerignore rules are. Fetched contexts are taken as they are.
void read_ignore_rules(const cli::Parsed& options, const build::BuildContext& context,
                       const std::string& dockerfile, BuildCommand& command) {
  std::string path = options.value_or("ignorefile", "");
  if (path.empty() && !context.is_local) return;
  if (path.empty() && !dockerfile.empty()) path = dockerfile + ".dockerignore";
  if (!options.has("ignorefile") && !exists(path)) path = context.directory + "/.dockerignore";
  if (options.has("ignorefile") && !exists(path))
    throw Error(sentence("--ignorefile: there is no file ", printable(path, 200)));
  const bool named = options.has("ignorefile");
  command.options.ignored =
      unless_stopped(command.options.stop, [path, named] { return ignore_rules_in(path, named); });
}

/// From standard input, or from where the user says: a file of a fetched context, or any other.
std::string read_named_dockerfile(const build::BuildContext& context, const std::string& path,
                                  const std::stop_token& stop) {
  if (path == "-" || context.is_local)
    return unless_stopped(stop, [path] {
      return path == "-" ? read_all(STDIN_FILENO, "stdin", build::kDockerfileLimit)
                         : read_file(path, build::kDockerfileLimit);
    });
  if (auto file = build::find_file(context, {path}, build::kDockerfileLimit)) return file->text;
  throw Error(sentence("there is no ", printable(path, 200), " in ", printable(context.name, 200)));
}

void read_dockerfile(const cli::Parsed& options, const build::BuildContext& context,
                     BuildCommand& command) {
  const std::string path = options.value_or("file", "");
  if (context.dockerfile && !path.empty())
    throw UsageError(sentence("--file ", path, ": the context ", printable(context.name, 200),
                              " is a Dockerfile itself"));
  if (context.dockerfile || !path.empty()) {
    command.file_name = path == "-" || path.empty() ? "stdin" : path;
    if (context.dockerfile && context.name != "stdin") command.file_name = context.name;
    command.text = context.dockerfile ? *context.dockerfile
                                      : read_named_dockerfile(context, path, command.options.stop);
    return read_ignore_rules(options, context, path == "-" ? "" : path, command);
  }
  const auto found = build::find_file(context, {"Dockerfile", "dockerfile", "Containerfile"},
                                      build::kDockerfileLimit);
  if (!found)
    throw Error(sentence("there is no Dockerfile in ", printable(context.name, 200),
                         ": -f FILE names another"));
  command.file_name = found->name;
  command.text = found->text;
  read_ignore_rules(options, context, sentence(context.directory, "/", found->name), command);
}

void read_contexts(const cli::Parsed& options, const OpenContext& open, BuildCommand& command) {
  for (const auto& [name, place] : named_values(options, "build-context")) {
    const std::string key = build::to_lower(name);
    command.options.request.contexts.insert(key);
    try {
      if (place == "-") throw UsageError("standard input is for the main context");
      if (build::image_of_context(place)) {
        command.options.named_contexts[key] = place;
        continue;
      }
      const build::BuildContext context = open(place);
      command.options.named_contexts[key] = context.directory;
      if (context.is_local)
        command.options.named_ignored[key] = ignore_rules_in(context.directory + "/.dockerignore");
    } catch (Error& error) {
      error.add_context("--build-context ", name);
      throw;
    }
  }
}

/// --platform A,B --platform C.
std::vector<oci::Platform> read_platforms(const cli::Parsed& options, const oci::Platform& host) {
  std::vector<oci::Platform> platforms;
  for (const std::string& word : options.values("platform"))
    for (std::string_view rest = word; !rest.empty();) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      const oci::Platform platform = oci::Platform::parse(rest.substr(0, end));
      if (std::ranges::find(platforms, platform) == platforms.end()) platforms.push_back(platform);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  if (platforms.empty()) platforms.push_back(host);
  return platforms;
}

void refuse_for_several(const std::vector<BuildOutput>& outputs) {
  for (const BuildOutput& output : outputs)
    if (output.kind != BuildOutput::Kind::kDirectory &&
        output.kind != BuildOutput::Kind::kOciArchive)
      throw UsageError(sentence("--output ", output.destination,
                                ": of several platforms there is type=oci or type=local"));
}

std::optional<std::int64_t> read_epoch(const Pairs& arguments) {
  const auto given = arguments.find("SOURCE_DATE_EPOCH");
  if (given == arguments.end()) return source_date_epoch();
  return static_cast<std::int64_t>(
      cli::parse_number(given->second, INT64_MAX / 2, "SOURCE_DATE_EPOCH"));
}

std::vector<std::string> host_lines(const cli::Parsed& options) {
  std::vector<std::string> lines;
  for (const std::string& word : options.values("add-host")) {
    const std::size_t split = word.find_first_of("=:");
    if (split == std::string::npos || word.find_first_of(" \t\n") != std::string::npos)
      throw UsageError(sentence("--add-host ", printable(word, 100), ": must be NAME:ADDRESS"));
    std::string address = word.substr(split + 1);
    if (address.starts_with('[') && address.ends_with(']'))
      address = address.substr(1, address.size() - 2);
    if (address == "host-gateway") address = "127.0.0.1";  // steps have the host's network
    std::array<std::uint8_t, 16> bytes{};
    if (::inet_pton(AF_INET, address.c_str(), bytes.data()) != 1 &&
        ::inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1)
      throw UsageError(sentence("--add-host ", printable(word, 100), ": ", printable(address, 60),
                                " is no IP address"));
    lines.push_back(sentence(address, "\t", word.substr(0, split)));
  }
  return lines;
}

}  // namespace

build::ProgressKind build_progress_kind(const cli::Parsed& options) {
  const std::string chosen = options.value_or("progress", "auto");
  using enum build::ProgressKind;
  if (options.has("quiet") || chosen == "none" || chosen == "quiet") return kQuiet;
  if (chosen == "json" || chosen == "rawjson") return kJson;
  if (chosen == "tty") return kTerminal;
  if (chosen == "auto") return ::isatty(STDERR_FILENO) != 0 ? kTerminal : kPlain;
  if (chosen == "plain") return kPlain;
  throw UsageError(sentence("--progress ", chosen, ": must be auto, plain, tty, json or none"));
}

BuildCommand read_build_command(const cli::Parsed& options, const OpenContext& open,
                                const std::stop_token& stop) {
  BuildCommand command;
  build::Options& wanted = command.options;
  wanted.stop = stop;
  const std::string place = options.words.empty() ? "." : options.words[0];
  if (place == "-" && options.value_or("file", "") == "-")
    throw UsageError("only one of the context and --file can be standard input");
  const build::BuildContext context = open(place);
  wanted.context = context.directory;
  wanted.context_name = context.name;
  read_dockerfile(options, context, command);
  read_contexts(options, open, command);
  wanted.request.arguments = build_arguments(options);
  wanted.request.target = options.value_or("target", "");
  wanted.request.build_platform = oci::normalised(oci::host_platform());
  wanted.request.build_platform.variant.clear();
  command.platforms = read_platforms(options, wanted.request.build_platform);
  wanted.request.platform = command.platforms[0];
  wanted.several_platforms = command.platforms.size() > 1;
  wanted.network = options.value_or("network", "host");
  if (wanted.network == "default") wanted.network = "host";
  if (wanted.network != "host" && wanted.network != "none")
    throw UsageError(sentence("--network ", wanted.network, ": must be host or none"));
  wanted.secrets = secrets(options);
  wanted.ssh = agents(options);
  wanted.hosts = host_lines(options);
  wanted.no_cache = options.has("no-cache");
  for (const std::string& stage : options.values("no-cache-filter"))
    wanted.no_cache_stages.insert(build::to_lower(stage));
  wanted.explain_cache = options.has("explain-cache");
  wanted.epoch = read_epoch(wanted.request.arguments);
  if (const auto compression = options.value("compression"))
    wanted.compression = Compression::parse(*compression);
  for (const std::string& tag : options.values("tag"))
    command.tags.push_back(registry::image_named(tag));
  refuse_what_is_not_made(options);
  command.push = options.has("push");
  for (const std::string& output : options.values("output"))
    if (!is_image_output(output, command)) command.outputs.push_back(read_output(output));
  read_caches(options, command);
  if (wanted.several_platforms) refuse_for_several(command.outputs);
  const auto is_remote = [](const CachePlace& cache) {
    return cache.place.kind == transport::Kind::kRegistry;
  };
  if (options.has("creds") && !command.push &&
      std::ranges::none_of(command.cache_from, is_remote) &&
      std::ranges::none_of(command.cache_to, is_remote))
    throw UsageError(
        "--creds are for what --push, --cache-from and --cache-to name, and there is none of them: "
        "toyimg login is for the registries that a Dockerfile names");
  command.annotations = named_values(options, "annotation");
  command.labels = named_values(options, "label");
  return command;
}

std::string pull_policy(const cli::Parsed& options) {
  if (!options.has("pull")) return "missing";
  const std::string policy = options.value_or("pull", "");
  if (policy.empty() || policy == "true") return "always";
  if (policy != "always" && policy != "missing" && policy != "never")
    throw UsageError(sentence("--pull=", policy, ": must be always, missing or never"));
  return policy;
}
