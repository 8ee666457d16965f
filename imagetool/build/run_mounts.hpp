// SPDX-License-Identifier: Apache-2.0
// RUN --mount: prepares each mount's source in the build's own mount namespace and gives what the
// step's config.json says of it. Sources are opened inside their roots and mounted by descriptor.
// toyimg.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "bundle-spec/oci/runtime_config.hpp"
#include "imagetool/build/build_store.hpp"
#include "imagetool/build/services.hpp"
#include "imagetool/build/stage_plan.hpp"
#include "imagetool/build/tree_mount.hpp"

namespace build {

/// The root that an origin means, mounted as long as the pointer lives.
using OpenOrigin = std::function<std::shared_ptr<const RootedDir>(const Origin& origin)>;

class RunMounts {
 public:
  RunMounts(BuildStore& store, const Options& options, OpenOrigin open_origin)
      : store_(store), options_(options), open_origin_(std::move(open_origin)) {}
  ~RunMounts();
  RunMounts(const RunMounts&) = delete;
  RunMounts& operator=(const RunMounts&) = delete;

  /// Throws Error naming the mount.
  void add(const PlannedMount& mount);
  /// A file that the step sees at `target`, read-only.
  void add_file(const std::string& target, const std::string& content, mode_t mode);

  const std::vector<oci::Mount>& mounts() const { return mounts_; }
  const std::vector<std::string>& environment() const { return environment_; }
  /// Makes every target in a directory that is mounted below all layers, so that nothing has to be
  /// made, nor removed afterwards (CVE-2024-23652), in the step's own files.
  void make_stubs(const std::string& directory) const;

 private:
  struct Target {
    std::string path{};
    bool is_directory = false;
  };
  std::string secret_directory();
  void bind(const std::string& source, const std::string& target, bool is_directory, bool readonly);
  void add_bind(const PlannedMount& mount);
  void add_cache(const PlannedMount& mount);
  void add_tmpfs(const MountFlag& flag);
  void add_secret(const MountFlag& flag);
  void add_ssh(const MountFlag& flag);
  void bind_writable(int source, const std::string& target);
  std::string place(bool is_directory);

  BuildStore& store_;
  const Options& options_;
  OpenOrigin open_origin_;
  std::vector<oci::Mount> mounts_{};
  std::vector<std::string> environment_{};
  std::vector<Target> targets_{};
  std::vector<std::string> mounted_{};  // by us, to be unmounted
  std::vector<std::shared_ptr<const RootedDir>> roots_{};
  std::vector<UniqueFd> locks_{};
  std::vector<std::unique_ptr<TreeMount>> overlays_{};
  std::string secrets_{};
};

}  // namespace build
