// SPDX-License-Identifier: Apache-2.0
#include "imagetool/store/image_store.hpp"

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/oci/image_config.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/owners/owners.hpp"
#include "imagetool/store/layer_store.hpp"

namespace {
constexpr const char* kRefName = "org.opencontainers.image.ref.name";
/// On an entry of ours without a name: a name takes its place. Those of other tools stay.
constexpr const char* kUnnamed = "org.toyrun.image.unnamed";
constexpr std::size_t kShortestPrefix = 4;

using Json = nlohmann::ordered_json;

std::string index_path(const BlobStore& blobs) { return blobs.directory() + "/index.json"; }

// The raw document: entries and members that others wrote are kept as they are.
Json read_raw_index(const BlobStore& blobs) {
  const std::optional<std::string> text = read_file_if_exists(index_path(blobs));
  if (!text)
    return {{"schemaVersion", 2},
            {"mediaType", std::string(oci::kOciIndex)},
            {"manifests", Json::array()}};
  Json index = Json::parse(*text, nullptr, false);
  if (!index.is_object() || !index.contains("manifests") || !index["manifests"].is_array())
    throw Error(sentence(index_path(blobs), " is damaged: it is not an image index"));
  return index;
}

std::string annotation(const Json& entry, const char* name) {
  const auto annotations = entry.find("annotations");
  if (annotations == entry.end() || !annotations->is_object()) return {};
  const auto value = annotations->find(name);
  return value != annotations->end() && value->is_string() ? value->get<std::string>()
                                                           : std::string();
}
std::string name_of(const Json& entry) { return annotation(entry, kRefName); }

Json as_json(const oci::Descriptor& descriptor, const std::string& name) {
  Json json = {{"mediaType", descriptor.media_type},
               {"digest", descriptor.digest},
               {"size", descriptor.size}};
  if (descriptor.platform) {
    Json platform = {{"architecture", descriptor.platform->architecture},
                     {"os", descriptor.platform->os}};
    if (!descriptor.platform->variant.empty()) platform["variant"] = descriptor.platform->variant;
    json["platform"] = std::move(platform);
  }
  for (const auto& [key, value] : descriptor.annotations)
    if (key != kRefName && key != kUnnamed) json["annotations"][key] = value;
  json["annotations"][name.empty() ? kUnnamed : kRefName] = name.empty() ? "true" : name;
  return json;
}

bool is_of(const Json& entry, const std::string& digest) {
  const auto found = entry.find("digest");
  return found != entry.end() && *found == digest;
}

/// Takes the entries out of which `goes` is true; true when there were any.
template <typename Goes>
bool forget(Json& index, Goes goes) {
  Json kept = Json::array();
  for (Json& entry : index["manifests"])
    if (!goes(entry)) kept.push_back(std::move(entry));
  const bool found = kept.size() != index["manifests"].size();
  index["manifests"] = std::move(kept);
  return found;
}

/// A name with a digest ("…@sha256:…") is a promise, whoever gave it: it means this manifest, or
/// one out of the index that was asked for.
bool keeps_its_digest(std::string_view name, const oci::Descriptor& manifest) {
  const std::size_t at = name.find('@');
  if (at == std::string_view::npos) return true;
  const std::string_view digest = name.substr(at + 1);
  const auto source = manifest.annotations.find(kSourceDigest);
  return digest == manifest.digest ||
         (source != manifest.annotations.end() && digest == source->second);
}

void check_name(const std::string& name, const oci::Descriptor& manifest) {
  if (!keeps_its_digest(name, manifest))
    throw Error(sentence("the name ", printable(name),
                         " has the digest of another image than this one, ", manifest.digest,
                         ": leave the digest out"));
  // Docker's words: a digest algorithm is no name.
  for (const std::string_view algorithm :
       {"docker.io/library/sha256:", "docker.io/library/sha512:"})
    if (name.starts_with(algorithm))
      throw Error(sentence("the name ", printable(name.substr(name.rfind('/') + 1)),
                           " looks like a digest: choose another one"));
}

std::string_view hex_of(std::string_view digest) { return digest.substr(digest.find(':') + 1); }

struct Used {
  std::set<Digest> blobs;
  std::set<std::string> layers;  // keys of LayerStore
};

void mark_layers(const BlobStore& blobs, const Digest& config, Used& used) {
  if (!blobs.has(config)) return;
  const oci::ImageConfig image = oci::read_image_config(blobs.read_all(config));
  const std::vector<Digest> chain = chain_ids(image.diff_ids);
  for (std::size_t index = 0; index < chain.size(); ++index)
    for (std::string& key : LayerStore::keys({Digest::parse(image.diff_ids[index]), chain[index]}))
      used.layers.insert(std::move(key));
}

/// Everything that can be reached from a manifest or index, itself included. A manifest that is not
/// there reaches nothing (only one platform of an index was pulled); one that cannot be understood
/// is an Error, lest its parts be removed.
void mark(const BlobStore& blobs, const oci::Descriptor& manifest, Used& used) {
  const Digest digest = Digest::parse(manifest.digest);
  if (!used.blobs.insert(digest).second || !blobs.has(digest)) return;
  const std::string text = blobs.read_all(digest, oci::kDocumentLimit);
  if (oci::is_index(oci::document_media_type(text, manifest.media_type))) {
    for (const oci::Descriptor& entry : oci::read_index(text).manifests) mark(blobs, entry, used);
    return;
  }
  const oci::Manifest image = oci::read_any_manifest(text);
  used.blobs.insert(Digest::parse(image.config.digest));
  for (const oci::Descriptor& layer : image.layers) used.blobs.insert(Digest::parse(layer.digest));
  if (!oci::is_image(image)) return;  // artifacts and attestations have no layers of files
  mark_layers(blobs, Digest::parse(image.config.digest), used);
}

std::vector<ImageStore::Image> without(std::vector<ImageStore::Image> all,
                                       const std::vector<ImageStore::Image>& some) {
  std::erase_if(all, [&](const ImageStore::Image& one) {
    return std::ranges::any_of(some, [&](const ImageStore::Image& gone) {
      return one.name == gone.name &&
             (!one.name.empty() || one.manifest.digest == gone.manifest.digest);
    });
  });
  return all;
}

template <typename Write>
bool runs_out_of_space(Write write) {
  try {
    write();
    return false;
  } catch (const Error& error) {
    if (error.number() != ENOSPC && error.number() != EDQUOT) throw;
    return true;
  }
}

// Space for one more index, so that an image can be removed where there is none left.
std::string reserve_path(const BlobStore& blobs) { return blobs.directory() + "/reserve"; }

void keep_reserve(const BlobStore& blobs, std::size_t index_bytes) {
  constexpr std::size_t kStep = std::size_t{64} << 10;
  const std::size_t wanted = (index_bytes / kStep + 1) * kStep;
  const std::string path = reserve_path(blobs);
  struct stat status = {};
  if (::stat(path.c_str(), &status) == 0 && static_cast<std::size_t>(status.st_size) >= wanted)
    return;
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return;  // it is worth no failure
  if (::posix_fallocate(file.get(), 0, static_cast<off_t>(wanted)) != 0) ::unlink(path.c_str());
}

UniqueFd open_in_use(const BlobStore& blobs) {
  // For reading: flock(2) asks for no more, and a store on a read-only disk can be unpacked from.
  return open_at(AT_FDCWD, blobs.directory() + "/in-use", O_RDONLY | O_CREAT, 0600);
}

const char* variable(const char* name) {
  const char* const value =
      std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets variables here
  return value != nullptr && *value != '\0' ? value : nullptr;
}
// Another user's store could be changed under our hands; a layout that copy writes may be
// anybody's.
void check_owner(const std::string& directory) {
  struct stat status = {};
  if (::stat(directory.c_str(), &status) != 0 || status.st_uid == ::geteuid()) return;
  throw Error(sentence("the store ", directory, " belongs to the user ", status.st_uid,
                       ": choose another one with --store"));
}

}  // namespace

std::string store_directory(std::string_view chosen) {
  if (!chosen.empty()) return std::string(chosen);
  if (const char* const store = variable("TOYIMG_STORE")) return store;
  if (::geteuid() == 0 && entered_maps() == nullptr) return "/var/lib/toyimg";
  if (const char* const data = variable("XDG_DATA_HOME")) return sentence(data, "/toyimg");
  if (const char* const home = variable("HOME")) return sentence(home, "/.local/share/toyimg");
  throw Error("no place for the store: set --store, TOYIMG_STORE or HOME");
}

ImageStore ImageStore::open(const std::string& directory) {
  check_owner(directory);
  ImageStore store(BlobStore::open(directory));
  if (!read_file_if_exists(index_path(store.blobs_))) {
    const UniqueFd lock = store.lock_index();
    replace_file(index_path(store.blobs_), read_raw_index(store.blobs_).dump(2), 0644);
  }
  return store;
}

UniqueFd ImageStore::lock_index() const { return lock_file(blobs_.directory() + "/lock"); }

UniqueFd ImageStore::hold() const {
  UniqueFd in_use = open_in_use(blobs_);
  while (::flock(in_use.get(), LOCK_SH) != 0)
    if (errno != EINTR) check(-1, "lock the store");
  return in_use;
}

std::optional<UniqueFd> ImageStore::hold_alone() const {
  UniqueFd in_use = open_in_use(blobs_);
  if (::flock(in_use.get(), LOCK_EX | LOCK_NB) == 0) return in_use;
  if (errno != EWOULDBLOCK) check(-1, "lock the store");
  return std::nullopt;
}

void ImageStore::tag(const std::string& name, const oci::Descriptor& manifest, Sync sync) const {
  check_name(name, manifest);
  if (sync == Sync::kContent) {
    Used below;
    mark(blobs_, manifest, below);
    blobs_.sync(below.blobs);
  }
  const UniqueFd lock = lock_index();
  Json index = read_raw_index(blobs_);
  Json wanted = as_json(manifest, name);
  if (std::ranges::count(index["manifests"], wanted) == 1) return;
  forget(index, [&](const Json& entry) {
    return name_of(entry).empty()
               ? !annotation(entry, kUnnamed).empty() && is_of(entry, manifest.digest)
               : name_of(entry) == name;
  });
  if (name.empty() && std::ranges::any_of(index["manifests"], [&](const Json& entry) {
        return is_of(entry, manifest.digest);
      }))
    return;
  index["manifests"].push_back(std::move(wanted));
  const std::string text = index.dump(2);
  replace_file(index_path(blobs_), text, 0644,
               sync == Sync::kContent ? Durability::kSynced : Durability::kNone);
  keep_reserve(blobs_, text.size());
}

std::vector<ImageStore::Image> ImageStore::list() const {
  std::vector<Image> images;
  const std::optional<std::string> text = read_file_if_exists(index_path(blobs_));
  if (!text) return images;
  try {
    for (oci::Descriptor& entry : oci::read_index(*text).manifests) {
      const auto name = entry.annotations.find(kRefName);
      std::string shown = name != entry.annotations.end() ? name->second : std::string();
      images.push_back({std::move(shown), std::move(entry)});
    }
  } catch (Error& error) {
    error.add_context(index_path(blobs_));
    throw;
  }
  std::stable_sort(images.begin(), images.end(),
                   [](const Image& a, const Image& b) { return a.name < b.name; });
  return images;
}

std::optional<ImageStore::Image> ImageStore::named(std::string_view name) const {
  for (Image& image : list())
    if (!name.empty() && image.name == name &&
        keeps_its_digest(image.name, image.manifest))  // other tools write the index, too
      return std::move(image);
  return std::nullopt;
}

std::optional<ImageStore::Image> ImageStore::resolve(std::string_view name_or_digest) const {
  if (std::optional<Image> image = named(name_or_digest)) return image;
  const std::string_view prefix =
      name_or_digest.starts_with("sha256:") ? name_or_digest.substr(7) : name_or_digest;
  if (prefix.size() < kShortestPrefix) return std::nullopt;
  std::optional<Image> found;
  for (const Image& image : list()) {
    if (!hex_of(image.manifest.digest).starts_with(prefix)) continue;
    if (found && found->manifest.digest != image.manifest.digest)
      throw Error(sentence(printable(name_or_digest),
                           " is the beginning of several images' digests: give more digits"));
    if (!found) found = image;
  }
  return found;
}

ImageStore::Removed ImageStore::remove(const std::vector<Image>& images) const {
  const UniqueFd lock = lock_index();
  Json index = read_raw_index(blobs_);
  for (const Image& image : images)
    if (!forget(index, [&](const Json& entry) {
          return name_of(entry) == image.name &&
                 (!image.name.empty() || is_of(entry, image.manifest.digest));
        }))
      throw NotFound(sentence("no image ",
                              image.name.empty() ? image.manifest.digest : printable(image.name),
                              " in the store"));
  const std::string text = index.dump(2);
  const auto write_index = [&] { replace_file(index_path(blobs_), text, 0644); };
  if (runs_out_of_space(write_index)) {
    ::unlink(reserve_path(blobs_).c_str());
    // A store without a reserve: their parts go first, which may make the room.
    if (runs_out_of_space(write_index)) {
      static_cast<void>(remove_unused(without(list(), images)));
      write_index();
    }
  }
  const Removed removed = remove_unused(list());
  keep_reserve(blobs_, text.size());
  return removed;
}

ImageStore::Removed ImageStore::collect_garbage() const {
  const UniqueFd lock = lock_index();
  return remove_unused(list());
}

// Whoever pulls holds the shared lock from before it looks which blobs are there until it has
// tagged them.
ImageStore::Removed ImageStore::remove_unused(const std::vector<Image>& kept) const {
  const std::optional<UniqueFd> alone = hold_alone();
  if (!alone) return {.kept_for_others = true};
  Used used;
  for (const Image& image : kept) mark(blobs_, image.manifest, used);
  Removed removed;
  for (const Digest& digest : blobs_.list()) {
    if (used.blobs.contains(digest)) continue;
    const std::string wanted = sentence(blobs_.directory(), "/", kBuildBlobs, "/", digest.hex);
    if (::access(wanted.c_str(), F_OK) == 0) continue;
    removed.bytes += blobs_.remove(digest);
    ++removed.blobs;
  }
  const LayerStore layers = LayerStore::open_to_remove(blobs_.directory());
  used.layers.merge(layers.leased());
  for (const LayerStore::Entry& layer : layers.list()) {
    if (used.layers.contains(layer.key) || used.layers.contains(LayerStore::plain_key(layer.key)))
      continue;
    removed.bytes += layers.remove(layer.key);
    ++removed.layers;
  }
  return removed;
}
