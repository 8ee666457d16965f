// SPDX-License-Identifier: Apache-2.0
// --report FILE: what the layers of an image had in them, what was left out of them and within
// which limits, or why it was refused; JSON. toyimg.
#pragma once

#include <optional>
#include <string>

#include "bundle-spec/cli/options.hpp"
#include "bundle-spec/fs/unique_fd.hpp"
#include "imagetool/pull/pull.hpp"

class LayerReport {
 public:
  /// Opens the file, if one was asked for. Throws Error.
  explicit LayerReport(const cli::Parsed& options);

  /// Of an image that was taken. Throws Error when the file cannot be written. Does nothing without
  /// a file, like refused().
  void taken(const std::string& name, const StoredImage& image, const ApplyLayerOptions& limits,
             Progress& progress) const;
  /// Of one that was not, with the error's sentence: layers that were still to come have no counts.
  void refused(const std::string& name, const std::string& why, const ApplyLayerOptions& limits,
               Progress& progress) const;

 private:
  void write(const std::string& document) const;

  std::string path_;
  UniqueFd file_;
};
