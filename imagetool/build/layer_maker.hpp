// SPDX-License-Identifier: Apache-2.0
// Makes the layers of one stage: the stage's files so far are mounted, the step changes them, what
// it changed becomes a layer in the store. A COPY that only adds files is made a layer of at once.
// toyimg.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagetool/build/added_sources.hpp"
#include "imagetool/build/build_runner.hpp"
#include "imagetool/build/run_mounts.hpp"
#include "imagetool/build/source_files.hpp"

namespace build {

class LayerMaker {
 public:
  /// Borrows all; `layers` is the stage's so far and grows outside.
  LayerMaker(BuildStore& store, const Options& options, const Services& services,
             BuildRunner& runner, const Stage& stage, const oci::ImageConfig& config,
             const std::vector<Layer>& layers, ContentDigests& digests);

  /// kNames: files of other stages and images stand by the digest of all their layers; kContent: by
  /// what is copied.
  enum class Depth { kNames, kContent };
  /// What the step's layer depends on. Throws Error.
  Inputs inputs(const Step& step, Depth depth);
  bool has_deeper_inputs(const Step& step) const;
  /// Whether the step reads directories that others can change meanwhile.
  bool reads_contexts(const Step& step) const;
  /// Makes the step's layer; `output` gets what a RUN writes. Throws Error; then nothing is left.
  Layer make(const Step& step, const std::function<void(std::string_view)>& output);

 private:
  void add_run_inputs(const RunAction& action, Inputs& inputs);
  void add_mount_inputs(const PlannedMount& mount, Inputs& inputs);
  void add_copy_inputs(const CopyAction& action, Inputs& inputs, Depth depth);
  void make_run(const RunAction& action, const std::vector<std::string>& lowers,
                const std::string& upper, const std::function<void(std::string_view)>& output);
  void make_copy(const CopyAction& action, const RootedDir& root);
  void add_local(const CopyAction& action, const RootedDir& root, bool several);
  void add_remote(const CopyAction& action, const std::string& source, const RootedDir& root,
                  bool several);
  void add_archive(const CopyAction& action, int file, const RootedDir& root);
  const FetchedSource& fetched(const CopyAction& action, const std::string& source);
  std::optional<Layer> make_of_new_files(const CopyAction& action, const RootedDir& root);
  Layer store_upper(const std::string& upper);
  std::shared_ptr<const RootedDir> open_origin(const Origin& origin);
  bool is_directory_origin(const Origin& origin) const;
  const IgnoreRules& ignored_of(const Origin& origin) const;
  std::string name_of(const Origin& origin) const;

  BuildStore& store_;
  const Options& options_;
  const Services& services_;
  BuildRunner& runner_;
  const Stage& stage_;
  const oci::ImageConfig& config_;
  const std::vector<Layer>& layers_;
  ContentDigests& digests_;
  const IgnoreRules nothing_{};
  std::map<std::string, FetchedSource> fetched_{};
  std::map<Origin, std::shared_ptr<const RootedDir>> roots_{};
  std::vector<std::unique_ptr<TreeMount>> mounted_{};
};

}  // namespace build
