// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <array>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/copy_options.hpp"
#include "imagetool/commands/find_image.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/image_reference.hpp"
#include "imagetool/oci/document_writer.hpp"
#include "imagetool/registry/short_names.hpp"
#include "imagetool/transport/read_image.hpp"
#include "imagetool/transport/store_transport.hpp"

namespace {

constexpr auto kOptions = joined(
    kRegistryOptions,
    joined(
        kCopyOptions,
        std::to_array<cli::Option>({
            {.name = "os", .value = "OS", .help = "annotate: the system it is for"},
            {.name = "arch", .value = "ARCH", .help = "annotate: the architecture"},
            {.name = "variant", .value = "VARIANT", .help = "annotate: the architecture's variant"},
            {.name = "os-version", .value = "VERSION", .help = "annotate: the system's version"},
            {.name = "annotation",
             .value = "NAME=VALUE",
             .help = "annotate: an annotation of the entry",
             .repeatable = true},
        })));

/// The index of that name in the store while it is changed.
class StoredIndex {
 public:
  StoredIndex(const ImageStore& store, const std::string& name)
      : store_(store), held_(store.hold()), name_(registry::image_named(name).canonical()) {}

  oci::Index& index() { return index_; }
  void read() {
    const ImageStore::Image image = find_image(store_, name_);
    const std::string text = store_.blobs().read_all(Digest::parse(image.manifest.digest));
    if (!oci::is_index(oci::document_media_type(text, image.manifest.media_type)))
      throw Error(sentence(name_, " is an image, not an index of images"));
    index_ = oci::read_index(text);
  }
  void begin() {
    if (store_.resolve(name_))
      throw Error(sentence(name_, " is in the store already: manifest add adds to an index"));
    index_.media_type = oci::kOciIndex;
  }
  /// Writes it and prints its digest.
  void write() {
    const transport::RawManifest manifest =
        transport::raw_manifest(oci::write_index(index_), index_.media_type);
    store_.blobs().put(Digest::parse(manifest.digest), manifest.body);
    store_.tag(name_, manifest.descriptor());
    print_line(manifest.digest);
  }

 private:
  const ImageStore& store_;
  UniqueFd held_;
  std::string name_;
  oci::Index index_;
};

void put_entry(oci::Index& index, oci::Descriptor entry) {
  const auto same = std::ranges::find(index.manifests, entry.digest, &oci::Descriptor::digest);
  if (same == index.manifests.end())
    index.manifests.push_back(std::move(entry));
  else
    *same = std::move(entry);
}

/// Takes images from anywhere into the store, and into the index.
void add(StoredIndex& index, const ImageStore& store, const cli::Parsed& global,
         const cli::Parsed& options, std::size_t first) {
  const transport::CopyOptions copy = copy_options(options);
  Progress progress(progress_style(options));
  const Interruption interruption(copy.stop);
  transport::Places where = places(global, copy);
  where.registry = registry_options(options);
  for (std::size_t number = first; number < options.words.size(); ++number) {
    const transport::OpenSource open = transport::open_source(
        transport::Reference::parse(options.words[number], transport::Kind::kStore), where);
    const auto parts = transport::store_destination(store, {}, copy.stop.get_token());
    const transport::RawManifest copied =
        transport::copy_image(*open.source, *parts, copy, progress);
    if (oci::is_index(copied.media_type)) {
      for (oci::Descriptor& entry : oci::read_index(copied.body).manifests)
        put_entry(index.index(), std::move(entry));
      continue;
    }
    oci::Descriptor entry = copied.descriptor();
    const auto source = transport::store_source(store, entry);
    entry.platform = transport::read_image(*source).config.platform();
    put_entry(index.index(), std::move(entry));
  }
}

/// The entry whose digest begins so, if there is one.
oci::Descriptor* find_entry(oci::Index& index, const std::string& words) {
  oci::Descriptor* found = nullptr;
  for (oci::Descriptor& entry : index.manifests) {
    const bool fits = entry.digest.starts_with(words) ||
                      (words.size() >= 4 && Digest::parse(entry.digest).hex.starts_with(words));
    if (!fits) continue;
    if (found != nullptr)
      throw Error(sentence(words, " is the beginning of several digests in the index"));
    found = &entry;
  }
  return found;
}

/// The same, or the entry of the image that is meant by `words`, in the store or any other place.
oci::Descriptor& entry_of(oci::Index& index, const std::string& words,
                          const transport::Places& where) {
  oci::Descriptor* found = find_entry(index, words);
  if (found == nullptr) {
    const transport::OpenSource open =
        transport::open_source(transport::Reference::parse(words, transport::Kind::kStore), where);
    found = find_entry(index, open.source->manifest().digest);
  }
  if (found == nullptr) throw NotFound(sentence("the index does not list ", words));
  return *found;
}

void annotate(oci::Descriptor& entry, const cli::Parsed& options) {
  oci::Platform platform = entry.platform.value_or(oci::Platform{});
  platform.os = options.value_or("os", platform.os);
  platform.architecture = options.value_or("arch", platform.architecture);
  platform.variant = options.value_or("variant", platform.variant);
  platform.os_version = options.value_or("os-version", platform.os_version);
  entry.platform = platform;
  for (const std::string& one : options.values("annotation")) {
    const std::size_t equals = one.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw UsageError(sentence("--annotation ", one, ": must be NAME=VALUE"));
    entry.annotations[one.substr(0, equals)] = one.substr(equals + 1);
  }
}

void push(const cli::Parsed& global, const cli::Parsed& options) {
  transport::CopyOptions copy = copy_options(options);
  copy.all = !copy.platform;
  Progress progress(progress_style(options));
  const Interruption interruption(copy.stop);
  transport::Places where = places(global, copy);
  where.registry = registry_options(options);
  where.registry.stop = where.stop;
  const auto from = transport::Reference::parse(options.words[1], transport::Kind::kStore);
  const std::string& to = options.words.size() > 2 ? options.words[2] : options.words[1];
  const transport::OpenSource source = transport::open_source(from, where);
  const transport::OpenDestination destination = transport::open_destination(
      transport::Reference::parse(to, transport::Kind::kRegistry), where);
  print_line(copy_between(*source.source, *destination.destination, copy, progress));
}

/// Of an image in the store or any other place, byte for byte.
void inspect(const std::string& image, const transport::Places& where) {
  const transport::OpenSource open =
      transport::open_source(transport::Reference::parse(image, transport::Kind::kStore), where);
  write_all(STDOUT_FILENO, open.source->manifest().body, "standard output");
}

int run_manifest(const cli::Parsed& global, const cli::Parsed& options) {
  const std::string& what = options.words[0];
  const std::size_t count = options.words.size();
  transport::Places where = places(global, {});
  where.registry = registry_options(options);
  if (what == "inspect" && count == 2) {
    inspect(options.words[1], where);
    return 0;
  }
  if (what == "push" && count <= 3) {
    push(global, options);
    return 0;
  }
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  StoredIndex index(store, options.words[1]);
  if (what == "create") {
    index.begin();
    add(index, store, global, options, 2);
  } else if (what == "add" && count > 2) {
    index.read();
    add(index, store, global, options, 2);
  } else if (what == "annotate" && count == 3) {
    index.read();
    annotate(entry_of(index.index(), options.words[2], where), options);
  } else if (what == "remove" && count == 3) {
    index.read();
    const std::string digest = entry_of(index.index(), options.words[2], where).digest;
    std::erase_if(index.index().manifests,
                  [&](const oci::Descriptor& entry) { return entry.digest == digest; });
  } else {
    throw UsageError(
        "manifest: must be create NAME [IMAGE…], add NAME IMAGE…, annotate NAME IMAGE, remove "
        "NAME IMAGE, inspect NAME or push NAME [TO]");
  }
  index.write();
  return 0;
}

}  // namespace

const cli::Command kManifestCommand = {
    .name = "manifest",
    .summary = "Make an index of images for several platforms in the store, change and push it",
    .words = {.usage = "create|add|annotate|remove|inspect|push NAME [IMAGE|TO]…",
              .least = 2,
              .most = 1000},
    .options = kOptions,
    .run = run_manifest,
};
