// SPDX-License-Identifier: Apache-2.0
// RUN --mount: prepares each mount's source in the build's own mount namespace and gives what the
// step's config.json says of it. Sources are opened inside their roots and mounted by descriptor.
// toyimg.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bundle-spec/fs/unique_fd.hpp"
#include "bundle-spec/oci/runtime_config.hpp"
#include "imagetool/build/build_store.hpp"
#include "imagetool/build/glob.hpp"
#include "imagetool/build/services.hpp"
#include "imagetool/build/stage_plan.hpp"
#include "imagetool/build/tree_mount.hpp"

namespace build {

/// The files that an origin means.
struct OpenedOrigin {
  std::shared_ptr<const RootedDir> root{};  // mounted as long as this lives
  const IgnoreRules& ignored;               // of a context
  bool is_context = false;                  // whose owners are nobody's business
};
using OpenOrigin = std::function<OpenedOrigin(const Origin& origin)>;

class RunMounts {
 public:
  RunMounts(BuildStore& store, const Options& options, OpenOrigin open_origin)
      : store_(store), options_(options), open_origin_(std::move(open_origin)) {}
  ~RunMounts();
  RunMounts(const RunMounts&) = delete;
  RunMounts& operator=(const RunMounts&) = delete;

  /// Waits for caches that others have locked. Throws Error naming the mount, or when told to stop.
  void add_all(const std::vector<PlannedMount>& mounts);
  /// A file that the step sees at `target`, read-only.
  void add_file(const std::string& target, const std::string& content, mode_t mode);

  const std::vector<oci::Mount>& mounts() const { return mounts_; }
  const std::vector<std::string>& environment() const { return environment_; }
  /// Makes every target in a directory that is mounted below all layers, so that nothing has to be
  /// made, nor removed afterwards (CVE-2024-23652), in the step's own files.
  void make_stubs(const std::string& directory) const;
  /// A directory that is never written to a disk, for secrets; gone with this.
  const std::string& memory();

 private:
  struct Target {
    std::string path{};
    bool is_directory = false;
  };
  void add(const PlannedMount& mount);
  void lock_caches(const std::vector<PlannedMount>& mounts);
  void lock_cache(const std::string& directory, MountFlag::Sharing sharing);
  void fill_cache(const PlannedMount& mount, const std::string& directory);
  void bind(const std::string& source, const std::string& target, bool is_directory, bool readonly);
  void add_bind(const PlannedMount& mount);
  void add_cache(const PlannedMount& mount);
  void add_tmpfs(const MountFlag& flag);
  void add_secret(const MountFlag& flag);
  void add_ssh(const MountFlag& flag);
  bool bind_filtered(const OpenedOrigin& origin, const MountFlag& flag);
  void bind_writable(int source, const MountFlag& flag);
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
  std::map<std::string, std::string> caches_{};  // locked ones, and the directory that is mounted
  std::vector<std::unique_ptr<TreeMount>> overlays_{};
  std::string memory_{};
};

}  // namespace build
