// SPDX-License-Identifier: Apache-2.0
#include <fnmatch.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <string>
#include <vector>

#include "bundle-spec/error.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/image_reference.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/pull/progress.hpp"
#include "imagetool/pull/pull.hpp"
#include "imagetool/store/image_store.hpp"

namespace {

constexpr auto kOptions = std::to_array<cli::Option>({
    {.name = "quiet", .letter = 'q', .help = "only the names, or the digest of what has none"},
    {.name = "all", .letter = 'a', .help = "nothing to do: all are listed"},
    {.name = "digests", .help = "digests in full"},
    {.name = "no-trunc", .help = "the same"},
    {.name = "filter",
     .value = "reference=PATTERN|dangling=true|false",
     .help = "only those whose name fits, or has none",
     .repeatable = true},
    {.name = "format", .letter = 'f', .value = "table|json", .help = "how to print them"},
});

constexpr std::size_t kShortDigest = 12, kWholeDigest = 71;  // "sha256:" and 64 digits

constexpr int kDeepestIndex = 4;

/// By the manifest; of an index, of those of its images that are there, each once.
std::int64_t stored_size(const BlobStore& blobs, const oci::Descriptor& manifest, int depth,
                         std::set<std::string>& seen) {
  if (!seen.insert(manifest.digest).second) return 0;
  const std::string text = blobs.read_all(Digest::parse(manifest.digest));
  if (!oci::is_index(oci::document_media_type(text, manifest.media_type)))
    return ::size_of(oci::read_any_manifest(text));
  std::int64_t size = 0;
  for (const oci::Descriptor& entry : oci::read_index(text).manifests)
    if (depth < kDeepestIndex && blobs.has(Digest::parse(entry.digest)))
      size += stored_size(blobs, entry, depth + 1, seen);
  return size;
}

/// Compressed size of config and layers: as noted when it was pulled, else by the manifest.
std::int64_t size_of(const ImageStore& store, const ImageStore::Image& image) {
  const auto noted = image.manifest.annotations.find(kImageSize);
  if (noted != image.manifest.annotations.end()) {
    std::int64_t size = 0;
    const char* const end = noted->second.data() + noted->second.size();
    const auto read = std::from_chars(noted->second.data(), end, size);
    if (read.ec == std::errc() && read.ptr == end && size >= 0) return size;
  }
  std::set<std::string> seen;
  return stored_size(store.blobs(), image.manifest, 0, seen);
}

/// As Docker shows it; a name that another tool gave (umoci's tags follow other rules) as it is.
std::string familiar(const std::string& name) try {
  if (name.empty()) return "<none>";
  return ImageReference::parse_exact(name).familiar();
} catch (const Error&) {
  return printable(name);
}

void print_json(const ImageStore& store, const std::vector<ImageStore::Image>& images) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ImageStore::Image& image : images)
    list.push_back(
        {{"name", image.name}, {"digest", image.manifest.digest}, {"size", size_of(store, image)}});
  print_line(list.dump(2));
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

/// As docker's reference filter: by the whole name, or without its tag. A pattern without a slash
/// is about the last part of a name.
bool fits(const std::string& pattern, const std::string& name) {
  if (name.empty()) return false;
  const std::string shown = familiar(name);
  const std::size_t slash = shown.rfind('/') + 1;  // 0 when there is none
  for (const std::string& one :
       {shown, name, pattern.find('/') == std::string::npos ? shown.substr(slash) : shown}) {
    const std::string repository = one.substr(0, one.find_first_of(":@", one.rfind('/') + 1));
    if (::fnmatch(pattern.c_str(), one.c_str(), FNM_PATHNAME) == 0 ||
        ::fnmatch(pattern.c_str(), repository.c_str(), FNM_PATHNAME) == 0)
      return true;
  }
  return false;
}

void keep_fitting(std::vector<ImageStore::Image>& images, const std::string& filter) {
  const std::size_t equals = filter.find('=');
  const std::string key = filter.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : filter.substr(equals + 1);
  const bool by_name = key == "reference" && !value.empty();
  if (!by_name && filter != "dangling=true" && filter != "dangling=false")
    throw UsageError(sentence("--filter ", printable(filter, 100),
                              ": must be reference=PATTERN, dangling=true or dangling=false"));
  std::erase_if(images, [&](const ImageStore::Image& image) {
    return by_name ? !fits(value, image.name) : image.name.empty() != (value == "true");
  });
}

void print_table(const ImageStore& store, const std::vector<ImageStore::Image>& images,
                 std::size_t digits) {
  std::size_t width = 5;
  std::vector<std::string> names;
  for (const ImageStore::Image& image : images) {
    names.push_back(familiar(image.name));
    width = std::max(width, names.back().size());
  }
  std::string table = sentence(padded("IMAGE", width), "  ", padded("DIGEST", digits), "  SIZE");
  for (std::size_t index = 0; index < images.size(); ++index) {
    const ImageStore::Image& image = images[index];
    table +=
        sentence("\n", padded(names[index], width), "  ",
                 digits == kShortDigest ? Digest::parse(image.manifest.digest).hex.substr(0, digits)
                                        : padded(image.manifest.digest, digits),
                 "  ", byte_count(static_cast<std::uint64_t>(size_of(store, image))));
  }
  print_line(table);
}

void print_names(const std::vector<ImageStore::Image>& images) {
  std::string names;
  for (const ImageStore::Image& image : images)
    names += sentence(names.empty() ? "" : "\n",
                      image.name.empty() ? image.manifest.digest : familiar(image.name));
  if (!names.empty()) print_line(names);
}

int run_images(const cli::Parsed& global, const cli::Parsed& options) {
  const ImageStore store = ImageStore::open(store_directory(global.value_or("store", "")));
  std::vector<ImageStore::Image> images = store.list();
  for (const std::string& filter : options.values("filter")) keep_fitting(images, filter);
  if (!options.words.empty()) keep_fitting(images, "reference=" + options.words[0]);
  const bool whole = options.has("digests") || options.has("no-trunc");
  const std::string format = options.value_or("format", "table");
  if (format != "table" && format != "json")
    throw UsageError(sentence("--format ", format, ": must be table or json"));
  if (options.has("quiet"))
    print_names(images);
  else if (format == "json")
    print_json(store, images);
  else
    print_table(store, images, whole ? kWholeDigest : kShortDigest);
  return 0;
}

}  // namespace

const cli::Command kImagesCommand = {
    .name = "images",
    .summary = "List the images in the store",
    .words = {.usage = "[PATTERN]", .least = 0, .most = 1},
    .options = kOptions,
    .run = run_images,
};
