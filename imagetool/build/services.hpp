// SPDX-License-Identifier: Apache-2.0
// What a build is asked for, and what it needs of the rest of the program: images by name and files
// by URL. toyimg.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "imagetool/build/build_graph.hpp"
#include "imagetool/build/glob.hpp"
#include "imagetool/layer/layer_writer.hpp"
#include "imagetool/oci/image_config.hpp"
#include "imagetool/oci/manifest.hpp"

namespace build {

/// An image whose layers are in the store.
struct BaseImage {
  std::string digest{};  // of its manifest
  oci::Manifest manifest{};
  oci::ImageConfig config{};
};

struct FetchedFile {
  std::optional<std::int64_t> last_modified{};  // seconds
};

struct Services {
  /// The image for a platform, pulled when it has to be; "oci-layout://DIR[:TAG|@DIGEST]" is one of
  /// a layout. Throws Error.
  std::function<BaseImage(const std::string& reference, const oci::Platform& platform)> image{};
  /// Downloads into a new file. Throws Error.
  std::function<FetchedFile(const std::string& url, const std::string& file)> fetch{};
};

struct Secret {
  std::string file{};         // path on the host
  std::string environment{};  // or a variable of this program
};

struct Options {
  Request request{};
  std::string context{};                                // directory
  std::string context_name{};                           // what it was called, for records
  IgnoreRules ignored{};                                // its .dockerignore
  std::map<std::string, std::string> named_contexts{};  // directories, or image_of_context()
  std::map<std::string, IgnoreRules> named_ignored{};   // the .dockerignore of such a directory
  std::string runtime{};                                // path
  std::string network{"host"};                          // of RUN by default: host or none
  std::map<std::string, Secret> secrets{};
  std::map<std::string, std::string> ssh{};  // id → agent's socket
  std::vector<std::string> hosts{};          // lines of /etc/hosts
  bool no_cache = false;
  bool several_platforms = false;  // progress names the platform
  std::set<std::string> no_cache_stages{};
  bool explain_cache = false;
  std::optional<std::int64_t> epoch{};  // SOURCE_DATE_EPOCH
  Compression compression{};
  std::stop_token stop{};
};

}  // namespace build
