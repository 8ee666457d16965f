// SPDX-License-Identifier: Apache-2.0
#include "imagetool/store/layer_store.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/layer/same_tree.hpp"
#include "imagetool/owners/owners.hpp"
#include "imagetool/store/layer_tree_from_image.hpp"

namespace {

constexpr std::string_view kDraftPrefix = ".draft-";
constexpr std::string_view kImageEnding = ".erofs";
constexpr std::string_view kTreeEnding = ".d";
constexpr std::string_view kMapMark = ".ids-";

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), &::closedir);
  if (!stream && errno == ENOENT) return names;
  if (!stream) throw Error(sentence("list ", directory), errno);
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

bool exists(const std::string& path) {
  struct stat status = {};
  if (::lstat(path.c_str(), &status) == 0) return true;
  if (errno != ENOENT && errno != ENOTDIR) check(-1, "stat ", path);
  return false;
}

std::uint64_t bytes_on_disk(const std::string& path) {
  struct stat status = {};
  return ::lstat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_blocks) * 512
                                             : 0;
}

std::string independent_key(const LayerName& name) {
  return sentence(name.diff_id.algorithm, '-', name.diff_id.hex, name.variant);
}

std::string chained_key(const LayerName& name) {
  return sentence("chain-", name.chain_id.algorithm, '-', name.chain_id.hex, name.variant);
}

/// Directories that a map of ids made are for that map only: with another the owners are wrong.
std::string ending_of_trees() {
  const IdMaps* const maps = entered_maps();
  if (maps == nullptr) return std::string(kTreeEnding);
  std::string text;
  for (const auto* map : {&maps->uids, &maps->gids})
    for (const oci::IdMapping& one : *map) text += sentence(one.host_id, '+', one.size, ' ');
  return sentence(kMapMark, sha256_of(text).hex.substr(0, 8), kTreeEnding);
}

std::string without_ending(const std::string& name) {
  if (const std::size_t mark = name.find(kMapMark); mark != std::string::npos)
    return name.ends_with(kTreeEnding) ? name.substr(0, mark) : std::string();
  for (const std::string_view ending : {kImageEnding, kTreeEnding})
    if (name.ends_with(ending)) return name.substr(0, name.size() - ending.size());
  return {};
}

void remove_tree_of_layer(int at, const std::string& name, const std::string& shown) {
  try {
    remove_tree_at(at, name);
  } catch (Error& error) {
    if (error.number() == EACCES || error.number() == EPERM)
      error.add_context(shown, '/', name,
                        ": has files of ids that are not yours (any more): have root remove it");
    throw;
  }
}

}  // namespace

std::vector<Digest> chain_ids(const std::vector<std::string>& diff_ids) {
  std::vector<Digest> chain;
  for (const std::string& diff_id : diff_ids) {
    const Digest one = Digest::parse(diff_id);
    if (chain.empty()) {
      chain.push_back(one);
      continue;
    }
    Hasher hash(one.algorithm);
    hash.update(sentence(chain.back().str(), ' ', one.str()));
    chain.push_back(hash.finish());
  }
  return chain;
}

LayerDraft::LayerDraft(LayerDraft&& other) noexcept
    : file_(std::move(other.file_)), path_(std::exchange(other.path_, {})) {}

LayerDraft::~LayerDraft() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

LayerStore LayerStore::open(const std::string& store) {
  make_directories(store + "/layers", 0700);
  make_directories(store + "/bundles", 0700);
  LayerStore layers = open_to_remove(store);
  layers.form_ = layer_support(layers.directory_).form;
  return layers;
}

LayerStore LayerStore::open_to_remove(const std::string& store) {
  LayerStore layers(store, LayerForm::kImages);
  layers.remove_stale_drafts();
  return layers;
}

std::string LayerStore::image_path(const std::string& key) const {
  return sentence(directory_, '/', key, kImageEnding);
}

std::string LayerStore::tree_path(const std::string& key) const {
  return sentence(directory_, '/', key, ending_of_trees());
}

std::vector<std::string> LayerStore::keys(const LayerName& name) {
  return {independent_key(name), chained_key(name)};
}

// The hex digits are followed by the variant.
std::string LayerStore::plain_key(const std::string& key) {
  const std::size_t digits = key.find('-', key.starts_with("chain-") ? 6 : 0) + 1;
  return key.substr(0, std::min(key.find('-', digits), key.size()));
}

std::optional<StoredLayer> LayerStore::find(const LayerName& name) const {
  for (const std::string& key : keys(name)) {
    if (!exists(image_path(key))) continue;
    if (form_ == LayerForm::kImages) return StoredLayer{image_path(key), {}};
    return StoredLayer{image_path(key),
                       exists(tree_path(key)) ? tree_path(key) : make_directory(key)};
  }
  return std::nullopt;
}

LayerDraft LayerStore::begin() const {
  static std::atomic<unsigned> number = 0;
  for (;;) {
    const std::string path = sentence(directory_, '/', kDraftPrefix, ::getpid(), '-', ++number);
    UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file && errno == EEXIST) continue;
    check(file.get(), "make ", path);
    check(::flock(file.get(), LOCK_EX | LOCK_NB), "lock ", path);
    // Between the two calls another process may have taken it for a dead one's.
    struct stat status = {};
    check(::fstat(file.get(), &status), "stat ", path);
    if (status.st_nlink > 0) return {std::move(file), path};
  }
}

StoredLayer LayerStore::publish(LayerDraft draft, const LayerName& name,
                                bool depends_on_lower) const {
  const std::string key = depends_on_lower ? chained_key(name) : independent_key(name);
  check(::fsync(draft.file_.get()), "sync ", draft.path_);
  check(::fchmod(draft.file_.get(), 0400), "protect ", draft.path_);
  check(::rename(draft.path_.c_str(), image_path(key).c_str()), "put ", key, " in place");
  draft.path_.clear();
  if (form_ == LayerForm::kImages) return {image_path(key), {}};
  return {image_path(key), exists(tree_path(key)) ? tree_path(key) : make_directory(key)};
}

// What `put` leaves at the draft's path is removed.
void LayerStore::make_tree(const std::string& image_path, const PutInPlace& put) const {
  const LayerDraft turn = begin();  // its lock says that the directory beside it has a maker
  const std::string draft = turn.path_ + std::string(kTreeEnding);
  const auto remove_draft = [&] {
    remove_tree_at(open_at(AT_FDCWD, directory_, O_PATH | O_DIRECTORY).get(),
                   draft.substr(directory_.size() + 1));
  };
  check(::mkdir(draft.c_str(), 0700), "make ", draft);
  try {
    const ErofsReader image(open_at(AT_FDCWD, image_path, O_RDONLY), image_path);
    write_tree(image, draft);
    const UniqueFd made = open_at(AT_FDCWD, draft, O_RDONLY | O_DIRECTORY);
    check(::syncfs(made.get()), "sync ", draft);
    put(draft);
  } catch (...) {
    remove_draft();
    throw;
  }
  remove_draft();
}

std::string LayerStore::make_directory(const std::string& key) const {
  const std::string path = tree_path(key);
  make_tree(image_path(key), [&](const std::string& draft) {
    if (::rename(draft.c_str(), path.c_str()) != 0 && errno != ENOTEMPTY && errno != EEXIST)
      check(-1, "put ", key, " in place");
  });
  return path;
}

bool LayerStore::remake_directory(const StoredLayer& layer) const {
  bool same = false;
  make_tree(layer.image, [&](const std::string& draft) {
    const UniqueFd there = open_at(AT_FDCWD, layer.directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    const UniqueFd made = open_at(AT_FDCWD, draft, O_RDONLY | O_DIRECTORY);
    same = same_tree(there.get(), made.get());
    if (!same)
      check(
          ::renameat2(AT_FDCWD, draft.c_str(), AT_FDCWD, layer.directory.c_str(), RENAME_EXCHANGE),
          "put ", layer.directory, " in place");
  });
  return same;
}

void LayerStore::sync() const {
  const UniqueFd directory = open_at(AT_FDCWD, directory_, O_RDONLY | O_DIRECTORY);
  check(::fsync(directory.get()), "sync ", directory_);
}

bool LayerStore::note(const std::string& directory, const std::vector<std::string>& keys) const {
  const std::string bundle = std::filesystem::absolute(directory).lexically_normal();
  std::string text;
  for (const std::string& key : keys) text += key + '\n';
  text += bundle;
  const std::string path = sentence(leases_, '/', sha256_of(bundle).hex);
  if (read_file_if_exists(path) == text) return false;
  replace_file(path, text, 0600, Durability::kSynced);
  return true;
}

void LayerStore::lease(const std::string& directory, const std::vector<StoredLayer>& layers) const {
  std::vector<std::string> keys;
  for (const StoredLayer& layer : layers)
    keys.push_back(without_ending(layer.image.substr(directory_.size() + 1)));
  note(directory, keys);
}

bool LayerStore::lease_again(const std::string& directory,
                             const std::vector<std::string>& paths) const {
  std::vector<std::string> keys;
  for (const std::string& path : paths) {
    std::error_code none;
    const std::filesystem::path target = std::filesystem::read_symlink(path, none);
    const std::string key = without_ending(target.filename());
    if (target.parent_path() == directory_ && !key.empty() && key.find('\n') == std::string::npos)
      keys.push_back(key);
  }
  return !keys.empty() && note(directory, keys);
}

// The bundle of a note may still be in the making: whoever makes one holds the store.
std::set<std::string> LayerStore::leased() const {
  std::set<std::string> keys;
  for (const std::string& name : names_in(leases_)) {
    if (name.starts_with('.')) continue;
    const std::string path = sentence(leases_, '/', name);
    const std::string text = read_file(path);
    std::vector<std::string> lines;
    std::size_t begin = 0;  // of the bundle's path, which may have line feeds
    for (std::size_t end = 0; text[begin] != '/'; begin = end + 1) {
      end = text.find('\n', begin);
      if (end == std::string::npos) throw Error(sentence(path, " is damaged: remove it"));
      lines.push_back(text.substr(begin, end - begin));
    }
    if (exists(text.substr(begin) + "/overlay"))
      keys.insert(lines.begin(), lines.end());
    else
      ::unlink(path.c_str());
  }
  return keys;
}

std::vector<LayerStore::Entry> LayerStore::list() const {
  std::vector<Entry> entries;
  for (const std::string& name : names_in(directory_)) {
    const std::string key = without_ending(name);
    if (name.starts_with('.') || key.empty()) continue;
    const auto same = std::ranges::find(entries, key, &Entry::key);
    Entry& entry = same != entries.end() ? *same : entries.emplace_back(Entry{key, 0});
    if (name.ends_with(kImageEnding)) entry.bytes = bytes_on_disk(image_path(key));
  }
  std::ranges::sort(entries, {}, &Entry::key);
  return entries;
}

std::uint64_t LayerStore::remove(const std::string& key) const {
  const std::uint64_t bytes = bytes_on_disk(image_path(key));
  if (::unlink(image_path(key).c_str()) != 0 && errno != ENOENT) check(-1, "remove ", key);
  const UniqueFd directory = open_at(AT_FDCWD, directory_, O_PATH | O_DIRECTORY);
  for (const std::string& name : names_in(directory_))
    if (!name.starts_with('.') && name.ends_with(kTreeEnding) && without_ending(name) == key)
      remove_tree_of_layer(directory.get(), name, directory_);
  return bytes;
}

void LayerStore::remove_stale_drafts() const {
  for (const std::string& name : names_in(directory_)) {
    if (!name.starts_with(kDraftPrefix) || name.ends_with(kTreeEnding)) continue;
    const std::string path = sentence(directory_, '/', name);
    const std::optional<UniqueFd> draft =
        open_at_if_exists(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!draft || ::flock(draft->get(), LOCK_EX | LOCK_NB) != 0) continue;  // its writer lives
    const UniqueFd directory = open_at(AT_FDCWD, directory_, O_PATH | O_DIRECTORY);
    try {
      remove_tree_at(directory.get(), name + std::string(kTreeEnding));
    } catch (const Error& error) {
      if (error.number() != EACCES && error.number() != EPERM) throw;
      continue;  // of subordinate ids: the next who enters their user namespace removes it
    }
    ::unlink(path.c_str());
  }
}
