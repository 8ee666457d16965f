// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/directory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "imagetool/layer/tree_entry.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/transport/file_set.hpp"
#include "imagetool/transport/new_directory.hpp"

namespace transport {
namespace {

constexpr const char* kManifestFile = "manifest.json";
constexpr const char* kVersionFile = "version";
constexpr const char* kVersion = "Directory Transport Version: 1.1\n";

std::string hex_of(const std::string& digest) { return Digest::parse(digest).hex; }

class DirectorySource : public Source {
 public:
  explicit DirectorySource(const std::string& path) : files_(open_directory(path)) {}
  RawManifest manifest() override { return raw_manifest(files_->read(kManifestFile), ""); }
  RawManifest manifest(const oci::Descriptor& listed) override {
    return raw_manifest(files_->read(hex_of(listed.digest) + ".manifest.json"), listed.media_type,
                        listed.digest);
  }
  ByteSource open(const oci::Descriptor& blob) override {
    return files_->open(hex_of(blob.digest));
  }

 private:
  std::unique_ptr<FileSet> files_;
};

/// manifest.json goes first and comes last: with it the directory is an image.
class DirectoryDestination : public Destination {
 public:
  explicit DirectoryDestination(const std::string& path) : path_(path), directory_(path, 0755) {
    root_ = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    if (!sorted_names(root_.get()).empty() && !open_at_if_exists(root_.get(), kVersionFile, O_PATH))
      throw Error(sentence(path, " has files in it but no version: it is not a dir: of skopeo's"));
    replace_file_at(root_.get(), kVersionFile, kVersion, 0644);
    if (::unlinkat(root_.get(), kManifestFile, 0) != 0 && errno != ENOENT)
      check(-1, "replace ", path);
  }

  Put put(const oci::Descriptor& blob, const OpenBlob& open, Source&) override {
    const std::string name = hex_of(blob.digest);
    const std::string hidden = sentence('.', name, ".new");
    const UniqueFd file =
        open_at(root_.get(), hidden, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
    try {
      const ByteSource source = verified(open(), blob);
      std::vector<std::byte> buffer(std::size_t{256} << 10);
      while (const std::size_t count = source(buffer))
        write_all(file.get(), {reinterpret_cast<const char*>(buffer.data()), count}, name);
    } catch (...) {
      ::unlinkat(root_.get(), hidden.c_str(), 0);
      throw;
    }
    check(::renameat(root_.get(), hidden.c_str(), root_.get(), name.c_str()), "name ", name);
    return Put::kSent;
  }
  void put_manifest(const RawManifest& manifest, Role role) override {
    if (role == Role::kPart)
      replace_file_at(root_.get(), hex_of(manifest.digest) + ".manifest.json", manifest.body, 0644);
    else
      named_ = manifest.body;
  }
  void finish() override {
    check(::syncfs(root_.get()), "sync ", path_);
    replace_file_at(root_.get(), kManifestFile, named_, 0644, Durability::kSynced);
    directory_.keep();
  }

 private:
  std::string path_;
  NewDirectory directory_;
  UniqueFd root_;
  std::string named_;
};

}  // namespace

std::unique_ptr<Source> directory_source(const std::string& path) {
  return std::make_unique<DirectorySource>(path);
}

std::unique_ptr<Destination> directory_destination(const std::string& path) {
  return std::make_unique<DirectoryDestination>(path);
}

}  // namespace transport
