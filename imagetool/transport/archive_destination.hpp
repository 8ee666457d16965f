// SPDX-License-Identifier: Apache-2.0
// Archives of images: an OCI layout in a tar and, for docker load, podman and skopeo, the
// manifest.json and repositories of docker save in front of the same blobs. Nothing is held back:
// blobs go out as they come, the documents last. toyimg.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "imagetool/transport/output_file.hpp"
#include "imagetool/transport/transport.hpp"

namespace transport {

class ArchiveDestination : public Destination {
 public:
  enum class Format { kDocker, kOci };
  /// Writes to `path` ("-": stdout), which is replaced by finish(). Throws Error.
  ArchiveDestination(const std::string& path, Format format);

  /// The name of the images that come next: "docker.io/library/alpine:latest", a tag or nothing.
  void set_name(const std::string& name) { name_ = name; }

  Put put(const oci::Descriptor& blob, const OpenBlob& open, Source& from) override;
  void put_manifest(const RawManifest& manifest, Role role) override;
  void finish() override;
  bool compresses() const override { return format_ == Format::kOci; }
  std::size_t at_once() const override { return 1; }

 private:
  struct Image {
    std::string name;
    oci::Descriptor manifest;
  };
  void add_directory(const std::string& name);
  void add_header(const std::string& name, std::uint64_t size);
  void add_file(const std::string& name, const std::string& content);
  std::string add_blob_header(const oci::Descriptor& blob);
  const std::string* runnable(const oci::Descriptor& manifest) const;
  void add_docker_documents();

  OutputFile file_;
  Format format_;
  std::string name_;
  std::vector<Image> images_;
  std::set<std::string> written_;                 // digests, directories
  std::map<std::string, std::string> manifests_;  // digest → body
};

}  // namespace transport
