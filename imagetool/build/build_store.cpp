// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/build_store.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <ranges>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/build/tree_mount.hpp"
#include "imagetool/layer/apply_layer.hpp"
#include "imagetool/layer/tree_entry.hpp"

namespace build {
namespace {

constexpr const char* kImageEnding = ".erofs";

std::vector<std::string> names_in(const std::string& directory) {
  const auto opened = open_at_if_exists(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
  return opened ? sorted_names(opened->get()) : std::vector<std::string>();
}

void remove_below(const std::string& directory, const std::string& name) {
  const UniqueFd parent = open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
  remove_tree_at(parent.get(), name);
}

bool is_directory(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// chattr(1) +T. ext4 looks at every inode that was freed within minutes before it takes one near
/// them; the files of one build after the other belong apart. Elsewhere it does nothing.
void spread_directories(const std::string& directory) {
  const UniqueFd opened = open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
  int flags = 0;
  if (::ioctl(opened.get(), FS_IOC_GETFLAGS, &flags) != 0 || (flags & FS_TOPDIR_FL) != 0) return;
  flags |= FS_TOPDIR_FL;
  static_cast<void>(::ioctl(opened.get(), FS_IOC_SETFLAGS, &flags));
}

std::string boot_name() {
  std::string boot = read_file("/proc/sys/kernel/random/boot_id", 100);
  std::erase_if(boot, [](char letter) { return letter == '-' || letter == '\n'; });
  return boot;
}

/// Cgroups of steps, named after the work directory, whose runtime and watcher were killed with
/// them. Those with processes in them stay.
void remove_cgroups(const std::string& work) {
  namespace fs = std::filesystem;
  std::vector<std::string> found;  // a cgroup before those in it
  std::error_code failed, gone;    // cgroups come and go
  fs::recursive_directory_iterator at("/sys/fs/cgroup", failed);
  for (; !failed && at != fs::recursive_directory_iterator(); at.increment(failed))
    if (at->path().native().find("/toyimg-build-" + work + '-') != std::string::npos &&
        at->is_directory(gone))
      found.push_back(at->path());
  for (const std::string& path : std::views::reverse(found)) ::rmdir(path.c_str());
}

/// rename(2) into a place where somebody else may have been first, which is as good.
void move_into_place(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0 || errno == EEXIST || errno == ENOTEMPTY) return;
  check(-1, "rename ", from, " to ", to);
}

std::string hex_of(std::string_view digest) {
  return std::string(digest.substr(digest.find(':') + 1));
}

/// A record that cannot be read, as after a crash of the machine, is none and is removed.
std::optional<CachedStep> read_record(const std::string& path) {
  const std::optional<std::string> text = read_file_if_exists(path);
  if (!text) return std::nullopt;
  try {
    return read_step(*text);
  } catch (const Error&) {
    ::unlink(path.c_str());
    return std::nullopt;
  }
}

std::uint64_t bytes_below(const std::string& directory) {
  std::uint64_t bytes = 0;
  for (const std::string& name : names_in(directory)) {
    const std::string path = sentence(directory, "/", name);
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) continue;
    bytes += S_ISDIR(status.st_mode) ? bytes_below(path)
                                     : static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  return bytes;
}

}  // namespace

std::string key_of(const Inputs& inputs) {
  Sha256 hash;
  for (const auto& [name, value] : inputs)
    hash.update(sentence(name.size(), ":", name, value.size(), ":", value));
  return hash.finish().hex;
}

std::string chain_of(const std::vector<Layer>& layers) {
  std::string chain;
  for (const Layer& layer : layers)
    chain = chain.empty() ? layer.diff_id : sha256_of(sentence(chain, " ", layer.diff_id)).str();
  return chain;
}

BuildStore::BuildStore(const ImageStore& images)
    : images_(images), directory_(images.blobs().directory() + "/build") {
  boot_ = sentence(directory_, "/boot-", boot_name());
  for (const std::string& path :
       {directory_, directory_ + "/steps", directory_ + "/blobs", directory_ + "/places",
        directory_ + "/cache-mounts", boot_, boot_ + "/layers", boot_ + "/trees"})
    make_directories(path, 0700);
  remove_stale();
  spread_directories(directory_);
  std::string pattern = directory_ + "/work-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) check(-1, "make ", pattern);
  work_ = pattern;
  lock_ = open_at(AT_FDCWD, work_, O_RDONLY | O_DIRECTORY);
  check(::flock(lock_.get(), LOCK_EX | LOCK_NB), "lock ", work_);
}

BuildStore::~BuildStore() {
  for (const auto& [image, place] : mounted_)
    ::umount2(place.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  try {
    remove_below(directory_, work_.substr(work_.rfind('/') + 1));
  } catch (const Error&) {
    // The next build removes it.
  }
}

// A work directory is made before it is locked: for that moment a younger one is left alone.
void BuildStore::remove_stale() const {
  for (const std::string& name : names_in(directory_)) {
    const std::string path = sentence(directory_, "/", name);
    if (name.starts_with("boot-") && path != boot_) remove_below(directory_, name);
    if (!name.starts_with("work-")) continue;
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0 || ::time(nullptr) - status.st_ctime < 2) continue;
    const UniqueFd lock = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) continue;
    remove_cgroups(name);
    remove_below(directory_, name);
  }
}

std::string BuildStore::make_work(std::string_view name) {
  std::string path = sentence(work_, "/", ++made_, "-", name);
  check(::mkdir(path.c_str(), 0755), "make ", path);
  return path;
}

std::optional<CachedStep> BuildStore::find(const std::string& key) const {
  const std::string path = sentence(directory_, "/steps/", key);
  if (const auto step = read_record(path); step && has_blob(step->layer)) return step;
  const auto offered = offered_.find(key);
  if (offered == offered_.end()) return std::nullopt;
  return offered->second;
}

bool BuildStore::has_blob(const Layer& layer) const {
  const auto size = images_.blobs().size(Digest::parse(layer.descriptor.digest));
  return size == static_cast<std::uint64_t>(layer.descriptor.size);
}

void BuildStore::offer(const std::vector<KnownStep>& steps, const FetchLayer& fetch) {
  for (const auto& [key, step] : steps) {
    offered_.try_emplace(key, step).first->second.is_offered = true;
    fetches_.try_emplace(step.layer.descriptor.digest, fetch);
  }
}

void BuildStore::fetch_offered(const std::vector<Layer>& layers) {
  const std::lock_guard<std::mutex> guard(fetching_);
  for (const Layer& layer : layers) {
    const auto fetch = fetches_.find(layer.descriptor.digest);
    if (fetch != fetches_.end() && !has_blob(layer)) fetch->second(layer);
  }
}

void BuildStore::remember(const std::string& key, const CachedStep& step) const {
  // Before the record: ImageStore keeps the blobs that have a file here (kBuildBlobs).
  static_cast<void>(open_at(AT_FDCWD,
                            sentence(images_.blobs().directory(), "/", kBuildBlobs, "/",
                                     hex_of(step.layer.descriptor.digest)),
                            O_WRONLY | O_CREAT, 0600));
  replace_file(sentence(directory_, "/steps/", key), write_step(step), 0600);
}

std::optional<Inputs> BuildStore::last_inputs(const std::string& place) const {
  const std::optional<std::string> text =
      read_file_if_exists(sentence(directory_, "/places/", place));
  if (!text) return std::nullopt;
  const nlohmann::json record = nlohmann::json::parse(*text, nullptr, false);
  Inputs inputs;
  if (!record.is_array()) return std::nullopt;
  for (const nlohmann::json& pair : record)
    if (pair.is_array() && pair.size() == 2 && pair[0].is_string() && pair[1].is_string())
      inputs.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
  return inputs;
}

void BuildStore::remember_inputs(const std::string& place, const Inputs& inputs) const {
  const nlohmann::json record = inputs;
  replace_file(sentence(directory_, "/places/", place),
               record.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), 0600);
}

std::string BuildStore::extract_flat(const std::vector<Layer>& layers) {
  const std::string chain = layers.empty() ? "scratch" : hex_of(chain_of(layers));
  const std::string tree = sentence(boot_, "/trees/", chain);
  if (is_directory(tree)) return tree;
  const std::string draft = sentence(work_, "/tree-", chain);
  check(::mkdir(draft.c_str(), 0755), "make ", draft);
  const RootedDir root = RootedDir::open(draft);
  for (const Layer& layer : layers) {
    const Digest digest = Digest::parse(layer.descriptor.digest);
    const LayerResult result = apply_layer(images_.blobs().read(digest), root);
    if (result.diff_id.str() != layer.diff_id)
      throw Error(sentence("layer ", layer.descriptor.digest, " has the diffID ",
                           result.diff_id.str(), ", not ", layer.diff_id, " as its image says"));
  }
  move_into_place(draft, tree);
  return tree;
}

std::vector<std::string> BuildStore::lower_directories(const std::vector<Layer>& layers) {
  fetch_offered(layers);
  const std::lock_guard<std::mutex> guard(mutex_);
  std::vector<std::string> lowers;
  std::vector<Layer> rest = layers;
  while (!rest.empty()) {
    std::optional<std::string> kept = mount_kept(rest.back());
    if (!kept) break;
    // overlayfs refuses a directory twice. Of two equal layers the upper one says all that the
    // lower one does.
    if (std::ranges::find(lowers, *kept) == lowers.end()) lowers.push_back(std::move(*kept));
    rest.pop_back();
  }
  if (!rest.empty()) {
    std::vector<std::string> below = mount_layers(rest);
    if (below.empty()) below.push_back(extract_flat(rest));
    lowers.insert(lowers.end(), below.begin(), below.end());
  }
  add_root(lowers);
  return lowers;
}

/// overlayfs takes what the root directory is like from the topmost directory, and a kept image
/// does not say it.
void BuildStore::add_root(std::vector<std::string>& lowers) {
  const auto is_image = [&](const std::string& lower) {
    return std::ranges::any_of(mounted_, [&](const auto& one) { return one.second == lower; });
  };
  if (lowers.empty() || !is_image(lowers.front())) return;
  const auto below = std::ranges::find_if_not(lowers, is_image);
  std::string root = make_work("root");
  copy_root_attributes({below, lowers.end()}, root);
  lowers.insert(lowers.begin(), std::move(root));
}

/// What a build of this boot has kept of the layer, as a directory.
std::optional<std::string> BuildStore::mount_kept(const Layer& layer) {
  std::string directory = sentence(boot_, "/layers/", hex_of(layer.diff_id));
  if (is_directory(directory)) return directory;
  const std::string image = directory + kImageEnding;
  if (::access(image.c_str(), F_OK) != 0) return std::nullopt;
  return mount_one({.image = image, .directory = {}});
}

/// Where the layer is a directory: mounted once, or one already. nullopt where files cannot be
/// mounted (before Linux 6.12).
std::optional<std::string> BuildStore::mount_one(const StoredLayer& layer) {
  if (!layer.directory.empty()) return layer.directory;
  const auto known = mounted_.find(layer.image);
  if (known != mounted_.end()) return known->second;
  std::string place = make_work("layer");
  if (!mount_image(layer.image, place)) return std::nullopt;
  return mounted_.emplace(layer.image, std::move(place)).first->second;
}

/// Topmost first; empty where the layers cannot be mounted.
std::vector<std::string> BuildStore::mount_layers(const std::vector<Layer>& layers) {
  if (!prepare_) return {};
  const MountableLayers ready = prepare_(layers);
  // overlayfs takes what the root directory is like from the topmost directory.
  std::vector<std::string> lowers = {make_work("root")};
  check(::chown(lowers[0].c_str(), ready.root.uid, ready.root.gid), "chown ", lowers[0]);
  check(::chmod(lowers[0].c_str(), ready.root.mode & 07777), "chmod ", lowers[0]);
  for (auto layer = ready.layers.rbegin(); layer != ready.layers.rend(); ++layer) {
    std::optional<std::string> place = mount_one(*layer);
    if (!place) return {};
    if (std::ranges::find(lowers, *place) == lowers.end()) lowers.push_back(std::move(*place));
  }
  return lowers;
}

void BuildStore::keep_upper(const std::string& upper, const Layer& layer) {
  move_into_place(upper, sentence(boot_, "/layers/", hex_of(layer.diff_id)));
}

void BuildStore::keep_image(const std::string& image, const Layer& layer) {
  move_into_place(image, sentence(boot_, "/layers/", hex_of(layer.diff_id), kImageEnding));
}

bool BuildStore::mounts_images() {
  const std::lock_guard<std::mutex> guard(mutex_);
  if (!mounts_images_) mounts_images_ = layer_support(boot_ + "/layers").from_file;
  return *mounts_images_;
}

std::string BuildStore::digest_file(std::string_view context) const {
  return sentence(directory_, "/places/files-", sha256_of(context).hex);
}

std::string BuildStore::cache_mount(std::string_view id) const {
  return sentence(directory_, "/cache-mounts/", sha256_of(id).hex);
}

std::uint64_t BuildStore::remove_all(const std::string& store_directory) {
  const std::string directory = store_directory + "/build";
  if (!is_directory(directory)) return 0;
  std::uint64_t bytes = 0;
  for (const std::string& name : names_in(directory)) {
    const std::string path = sentence(directory, "/", name);
    if (name.starts_with("work-")) continue;  // of a build that runs, or the next one's to remove
    bytes += bytes_below(path);
    remove_below(directory, name);
  }
  return bytes;
}

std::vector<std::string> BuildStore::remove_damaged(const std::string& store_directory) {
  const std::string steps = store_directory + "/build/steps";
  std::vector<std::string> damaged;
  for (const std::string& name : names_in(steps))
    if (!name.starts_with('.') && !read_record(sentence(steps, "/", name))) damaged.push_back(name);
  return damaged;
}

}  // namespace build
