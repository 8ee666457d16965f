// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/layer_maker.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/build/build_output.hpp"
#include "imagetool/build/copy_files.hpp"
#include "imagetool/build/emulation.hpp"
#include "imagetool/build/new_files.hpp"
#include "imagetool/build/run_step.hpp"
#include "imagetool/bundle/user.hpp"
#include "imagetool/layer/tree_layer.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/store/layer_image.hpp"

namespace build {
namespace {

constexpr const char* kVersion = "3";  // of what a key means

void add_all(Inputs& inputs, std::string_view name, const std::vector<std::string>& values) {
  for (const std::string& value : values) inputs.emplace_back(name, value);
}

/// "A=b" as "env A", so that a changed value can be named.
void add_environment(Inputs& inputs, const std::vector<std::string>& env) {
  for (const std::string& entry : env) {
    const std::size_t equals = std::min(entry.find('='), entry.size());
    inputs.emplace_back("env " + entry.substr(0, equals), entry.substr(equals));
  }
}

/// Whether files of a stage, image or context are mounted, or a new cache begins with them.
bool has_origin(const PlannedMount& mount) {
  return mount.flag.type == MountFlag::Type::kBind || (mount.flag.type == MountFlag::Type::kCache &&
                                                       mount.origin.kind != Origin::Kind::kNothing);
}

}  // namespace

LayerMaker::LayerMaker(BuildStore& store, const Options& options, const Services& services,
                       BuildRunner& runner, const Stage& stage, const oci::ImageConfig& config,
                       const std::vector<Layer>& layers, ContentDigests& digests)
    : store_(store),
      options_(options),
      services_(services),
      runner_(runner),
      stage_(stage),
      config_(config),
      layers_(layers),
      digests_(digests) {}

bool LayerMaker::is_directory_origin(const Origin& origin) const {
  if (origin.kind == Origin::Kind::kContext) return true;
  return origin.kind == Origin::Kind::kNamed &&
         !image_of_context(options_.named_contexts.at(origin.name));
}

const IgnoreRules& LayerMaker::ignored_of(const Origin& origin) const {
  if (origin.kind == Origin::Kind::kContext) return options_.ignored;
  const auto named = options_.named_ignored.find(origin.name);
  return origin.kind == Origin::Kind::kNamed && named != options_.named_ignored.end()
             ? named->second
             : nothing_;
}

std::string LayerMaker::name_of(const Origin& origin) const {
  if (origin.kind == Origin::Kind::kContext) return "the build context";
  if (origin.kind == Origin::Kind::kStage)
    return sentence("stage ", runner_.graph().stages[origin.stage].label());
  return printable(origin.name, 100);
}

std::shared_ptr<const RootedDir> LayerMaker::open_origin(const Origin& origin) {
  const auto known = roots_.find(origin);
  if (known != roots_.end()) return known->second;
  if (is_directory_origin(origin)) {
    const std::string& path = origin.kind == Origin::Kind::kContext
                                  ? options_.context
                                  : options_.named_contexts.at(origin.name);
    return roots_[origin] = std::make_shared<RootedDir>(RootedDir::open(path));
  }
  std::vector<std::string> lowers =
      store_.lower_directories(runner_.layers_of(origin, stage_.platform));
  if (lowers.empty()) lowers.push_back(store_.make_work("empty"));
  mounted_.push_back(std::make_unique<TreeMount>(store_.make_work("origin"), lowers));
  return roots_[origin] = std::make_shared<RootedDir>(RootedDir::open(mounted_.back()->path()));
}

bool LayerMaker::has_deeper_inputs(const Step& step) const {
  const CopyAction* const copy = std::get_if<CopyAction>(&step.action);
  return copy != nullptr && !is_directory_origin(copy->origin);
}

bool LayerMaker::reads_contexts(const Step& step) const {
  if (const auto* const copy = std::get_if<CopyAction>(&step.action))
    return is_directory_origin(copy->origin);
  const auto* const run = std::get_if<RunAction>(&step.action);
  return run != nullptr && std::ranges::any_of(run->mounts, [&](const PlannedMount& mount) {
           return has_origin(mount) && is_directory_origin(mount.origin);
         });
}

Inputs LayerMaker::inputs(const Step& step, Depth depth) {
  const CopyAction* const copy = std::get_if<CopyAction>(&step.action);
  Inputs inputs = {{"version", kVersion}, {"instruction", step.instruction.keyword}};
  if (copy == nullptr || !copy->link) inputs.emplace_back("parent", chain_of(layers_));
  if (options_.epoch) inputs.emplace_back("SOURCE_DATE_EPOCH", std::to_string(*options_.epoch));
  inputs.emplace_back("compression", options_.compression.layer_type());
  if (const auto* const run = std::get_if<RunAction>(&step.action)) add_run_inputs(*run, inputs);
  if (const auto* const workdir = std::get_if<WorkdirAction>(&step.action)) {
    inputs.emplace_back("path", workdir->path);
    inputs.emplace_back("user", workdir->user);
  }
  if (copy != nullptr) add_copy_inputs(*copy, inputs, depth);
  return inputs;
}

void LayerMaker::add_run_inputs(const RunAction& action, Inputs& inputs) {
  add_all(inputs, "command", action.args);
  add_environment(inputs, action.env);
  inputs.emplace_back("directory", action.cwd);
  inputs.emplace_back("user", action.user);
  inputs.emplace_back("network", action.network == "default" ? options_.network : action.network);
  inputs.emplace_back("platform", stage_.platform.str());
  inputs.emplace_back("script", action.script);
  add_all(inputs, "host", options_.hosts);
  for (const PlannedMount& mount : action.mounts) add_mount_inputs(mount, inputs);
}

/// All but what a secret or cache has inside.
void LayerMaker::add_mount_inputs(const PlannedMount& mount, Inputs& inputs) {
  const MountFlag& flag = mount.flag;
  const auto number = [](const std::optional<std::uint32_t>& value) {
    return value ? std::to_string(*value) : "-";
  };
  std::string value = sentence(build::name_of(flag.type), " ", flag.readonly, " ", flag.required,
                               " ", static_cast<int>(flag.sharing), " ", number(flag.mode), " ",
                               number(flag.uid), " ", number(flag.gid), " ", flag.size);
  for (const std::string* const text : {&flag.source, &flag.id, &flag.environment})
    value += sentence(" ", text->size(), ":", *text);
  inputs.emplace_back("mount " + flag.target, std::move(value));
  if (!has_origin(mount)) return;
  if (!is_directory_origin(mount.origin)) {
    inputs.emplace_back("mount from " + flag.target,
                        chain_of(runner_.layers_of(mount.origin, stage_.platform)));
    return;
  }
  const std::shared_ptr<const RootedDir> root = open_origin(mount.origin);
  const SourceTree tree{
      .root = *root, .ignored = ignored_of(mount.origin), .name = name_of(mount.origin)};
  const CopyAction whole{.sources = {as_pattern(flag.source)}};
  add_inputs(inputs, tree, find_sources(tree, whole), digests_);
}

void LayerMaker::add_copy_inputs(const CopyAction& action, Inputs& inputs, Depth depth) {
  inputs.emplace_back("destination", action.destination);
  inputs.emplace_back("flags", sentence(action.chown, " ", action.chmod, " ", action.link, " ",
                                        action.parents, " ", action.keep_git_dir, " ",
                                        action.unpack ? (*action.unpack ? "unpack" : "keep") : ""));
  add_all(inputs, "exclude", action.excludes);
  add_all(inputs, "pattern", action.sources);
  for (const Heredoc& file : action.files) inputs.emplace_back("file <<" + file.name, file.content);
  CopyAction local = action;
  std::erase_if(local.sources,
                [&](const std::string& source) { return action.is_add && is_remote(source); });
  if (action.is_add)
    for (const std::string& source : action.sources)
      if (is_remote(source))
        inputs.emplace_back("fetched " + source, fetched(action, source).identity);
  if (!is_directory_origin(action.origin) && depth == Depth::kNames) {
    inputs.emplace_back("from", chain_of(runner_.layers_of(action.origin, stage_.platform)));
    return;
  }
  if (local.sources.empty()) return;
  const std::shared_ptr<const RootedDir> root = open_origin(action.origin);
  const SourceTree tree{.root = *root,
                        .ignored = ignored_of(action.origin),
                        .name = name_of(action.origin),
                        .local = is_directory_origin(action.origin)};
  add_inputs(inputs, tree, find_sources(tree, local), digests_);
}

const FetchedSource& LayerMaker::fetched(const CopyAction& action, const std::string& source) {
  const std::string key = sentence(source, " ", action.checksum, " ", action.keep_git_dir);
  const auto known = fetched_.find(key);
  if (known != fetched_.end()) return known->second;
  return fetched_.emplace(key, fetch_source(store_, services_, action, source, options_.stop))
      .first->second;
}

Layer LayerMaker::make(const Step& step, const std::function<void(std::string_view)>& output) {
  const auto* const copy = std::get_if<CopyAction>(&step.action);
  const bool alone = copy != nullptr && copy->link;
  std::vector<std::string> lowers =
      alone ? std::vector<std::string>{} : store_.lower_directories(layers_);
  const std::string upper = store_.make_work("upper");
  copy_root_attributes(lowers, upper);
  if (const auto* const run = std::get_if<RunAction>(&step.action)) {
    make_run(*run, lowers, upper, output);
  } else if (alone) {
    const RootedDir root = RootedDir::open(upper);
    if (std::optional<Layer> made = make_of_new_files(*copy, root)) return *made;
    make_copy(*copy, root);
  } else {
    lowers.push_back(store_.make_work("bottom"));
    const TreeMount tree(store_.make_work("merged"), lowers, upper, store_.make_work("work"));
    if (copy != nullptr) {
      if (std::optional<Layer> made = make_of_new_files(*copy, tree.root())) return *made;
      make_copy(*copy, tree.root());
    }
    if (const auto* const workdir = std::get_if<WorkdirAction>(&step.action)) {
      CopyStyle style;
      if (!workdir->user.empty()) {
        const ImageUser user = resolve_user(tree.root(), workdir->user);
        style = {.uid = user.uid, .gid = user.gid};
      }
      make_parents(tree.root(), workdir->path, style);
    }
  }
  return store_upper(upper);
}

void LayerMaker::make_run(const RunAction& action, const std::vector<std::string>& lowers,
                          const std::string& upper,
                          const std::function<void(std::string_view)>& output) {
  require_runnable(config_.platform());
  if (action.network == "host" && options_.network == "none")
    throw Error("--network=host: the build was given --network none");
  RunMounts mounts(store_, options_, [&](const Origin& origin) {
    return OpenedOrigin{open_origin(origin), ignored_of(origin), is_directory_origin(origin)};
  });
  add_step_files(mounts, action, options_);
  mounts.add_all(action.mounts);
  std::vector<std::string> with_stubs = lowers;
  with_stubs.push_back(store_.make_work("stubs"));
  mounts.make_stubs(with_stubs.back());
  const std::string merged = store_.make_work("merged");
  const TreeMount tree(merged, with_stubs, upper, store_.make_work("work"), Devices::kOpened);
  std::string id = merged.substr(store_.work().rfind('/') + 1);
  std::ranges::replace(id, '/', '-');
  run_step({.action = action, .config = config_, .root = merged, .id = "toyimg-build-" + id},
           mounts, options_, output);
}

void LayerMaker::make_copy(const CopyAction& action, const RootedDir& root) {
  const bool several = action.sources.size() + action.files.size() > 1;
  const CopyStyle style = copy_style(root, action);
  for (const Heredoc& file : action.files)
    copy_text(file.name, file.content, root, action.destination, several, style);
  if (action.is_add)
    for (const std::string& source : action.sources)
      if (is_remote(source)) add_remote(action, source, root, several);
  add_local(action, root, several);
}

void LayerMaker::add_local(const CopyAction& action, const RootedDir& root, bool several) {
  CopyAction local = action;
  std::erase_if(local.sources,
                [&](const std::string& source) { return action.is_add && is_remote(source); });
  if (local.sources.empty()) return;
  const std::shared_ptr<const RootedDir> origin = open_origin(action.origin);
  const SourceTree tree{.root = *origin,
                        .ignored = ignored_of(action.origin),
                        .name = name_of(action.origin),
                        .local = is_directory_origin(action.origin)};
  std::vector<SourceMatch> matches = find_sources(tree, local);
  several = several || matches.size() > 1;
  if (action.is_add && action.unpack.value_or(true))
    std::erase_if(matches, [&](const SourceMatch& match) {
      if (match.is_directory || !S_ISREG(match.items.front().status.st_mode)) return false;
      const UniqueFd file = origin->open(match.path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
      if (!is_archive(file.get())) return false;
      add_archive(action, file.get(), root);
      return true;
    });
  copy_matches(tree, matches, root, action.destination, several, copy_style(root, action));
}

void LayerMaker::add_archive(const CopyAction& action, int file, const RootedDir& root) {
  const std::string directory = store_.make_work("archive");
  extract_archive(file, directory);
  const RootedDir extracted = RootedDir::open(directory);
  const SourceTree tree{
      .root = extracted, .ignored = nothing_, .name = "the archive", .local = false};
  CopyAction all{.sources = {"."}};
  copy_matches(tree, find_sources(tree, all), root, action.destination + "/", false,
               copy_style(root, action));
}

void LayerMaker::add_remote(const CopyAction& action, const std::string& source,
                            const RootedDir& root, bool several) {
  const FetchedSource& got = fetched(action, source);
  const RootedDir directory = RootedDir::open(got.directory);
  if (!got.file.empty() && action.unpack.value_or(false)) {
    const UniqueFd file = directory.open(got.file, O_RDONLY);
    if (is_archive(file.get())) return add_archive(action, file.get(), root);
  }
  const SourceTree tree{.root = directory, .ignored = nothing_, .name = source};
  CopyAction all{.sources = {got.file.empty() ? "." : got.file}};
  copy_matches(tree, find_sources(tree, all), root, action.destination, several,
               copy_style(root, action));
}

/// nullopt when files have to be copied first.
std::optional<Layer> LayerMaker::make_of_new_files(const CopyAction& action,
                                                   const RootedDir& root) {
  if (action.is_add || !action.files.empty()) return std::nullopt;
  const std::shared_ptr<const RootedDir> origin = open_origin(action.origin);
  if (!store_.mounts_images()) return std::nullopt;
  const SourceTree tree{.root = *origin,
                        .ignored = ignored_of(action.origin),
                        .name = name_of(action.origin),
                        .local = is_directory_origin(action.origin)};
  const std::vector<SourceMatch> matches = find_sources(tree, action);
  const bool several = action.sources.size() > 1 || matches.size() > 1;
  const std::optional<NewFiles> files =
      find_new_files(tree, matches, root, action.destination, several, copy_style(root, action));
  if (!files) return std::nullopt;
  const std::string path = store_.make_work("image") + "/image";
  const UniqueFd image = open_at(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0600);
  Layer layer = store_layer(
      store_, options_,
      [&](LayerWriter& writer) {
        add_files(writer, root, files->directories);
        add_files(writer, *origin, files->files);
      },
      [&](TarReader& reader) { LayerImage(image.get(), {}, {}).write(reader); });
  store_.keep_image(path, layer);
  return layer;
}

Layer LayerMaker::store_upper(const std::string& upper) {
  Layer layer = store_layer(store_, options_, [&](LayerWriter& writer) {
    add_overlay_upper(writer, RootedDir::open(upper));
  });
  store_.keep_upper(upper, layer);
  return layer;
}

}  // namespace build
