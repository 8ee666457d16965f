// SPDX-License-Identifier: Apache-2.0
// A file, or standard output, for an archive that is written from front to end. toyimg.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "bundle-spec/fs/unique_fd.hpp"

/// A result that a user wants in a file, as --iidfile. "-" is a file of that name, as it is for
/// docker buildx. Throws Error.
void write_result_file(const std::string& path, const std::string& text);

/// Appears under its name when it is complete; "-" is standard output. A device or fifo is written
/// to as it is.
class OutputFile {
 public:
  /// Throws Error; UsageError when standard output is a terminal.
  explicit OutputFile(const std::string& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  void write(std::string_view bytes);
  void write(std::span<const std::byte> bytes);
  /// On disk, then in place. Throws Error.
  void finish();

 private:
  std::string path_, hidden_;
  UniqueFd file_;
};
