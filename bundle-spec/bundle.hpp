// SPDX-License-Identifier: Apache-2.0
// A bundle: a directory with config.json and a root filesystem. The contract between toyimg, which
// writes bundles, and toyrun, which runs them (see README.md here).
#pragma once

#include <string>

#include "bundle-spec/oci/runtime_config.hpp"

class Bundle {
 public:
  /// Opens an existing bundle directory; the path is made absolute with symlinks resolved. Throws
  /// Error naming the path when it or its config.json is missing.
  static Bundle open(const std::string& directory);
  /// The same with the config in another file, wherever that is (crun's --config).
  static Bundle open_with_config(const std::string& directory, const std::string& config);
  /// Makes the directory (0755, parents too) if needed; an existing non-empty one with a
  /// config.json is an Error.
  static Bundle create(const std::string& directory);

  /// Absolute path of the bundle.
  const std::string& directory() const { return directory_; }
  /// Path of config.json.
  const std::string& config_file() const { return config_; }
  /// Reads and checks config.json (at most 64 MiB). Throws Error naming file and JSON pointer.
  oci::RuntimeConfig runtime_config() const;
  /// The text of config.json (at most 64 MiB), not looked at. Throws Error.
  std::string config_text() const;
  /// Replaces config.json atomically.
  void write(const oci::RuntimeConfig& config) const;

 private:
  static Bundle in_directory(const std::string& directory);
  Bundle(std::string directory, std::string config)
      : directory_(std::move(directory)), config_(std::move(config)) {}
  std::string directory_;
  std::string config_;  // path of config.json
};
