// SPDX-License-Identifier: Apache-2.0
// What one layer may have and what came of it: the same for the plain directory and the image.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

struct TarEntry;

struct LayerOptions {
  std::uint64_t entries = 10'000'000;     // most entries in one layer
  std::uint64_t file_bytes = UINT64_MAX;  // most bytes of all its files, holes included
  std::uint64_t name_bytes = 4095;  // longest path, and target of a symlink; Linux has no longer
  std::uint64_t depth = 2048;       // most parts of a path
  bool devices = true;              // false: device nodes are skipped and counted
  bool whiteouts = true;            // false: a plain tar, in which ".wh." names are names
  bool set_id = true;  // false: setuid and setgid bits of files and file capabilities are dropped
};

struct LayerCounts {
  std::uint64_t entries = 0;
  std::uint64_t file_bytes = 0;
  /// What could not be applied and was left out, with how often: "device node" → 3. For one warning
  /// each.
  std::map<std::string, std::uint64_t> skipped;

  /// Counts one; a hostile layer may think up any number of names, which become "others".
  void skip(const std::string& what);
};

/// Counts an entry of that clean path. Throws Error when one of `options` is exceeded.
void count_entry(const TarEntry& entry, std::string_view path, const LayerOptions& options,
                 LayerCounts& counts);
/// For LayerOptions::set_id: takes from the entry what would let a program gain privileges.
void drop_set_id(TarEntry& entry, LayerCounts& counts);
