// SPDX-License-Identifier: Apache-2.0
// What one layer has written so far, as hashes of (directory, name): 8 to 16 bytes an entry. The
// hash is seeded, so that a layer cannot be made in which two names fall together.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "imagetool/layer/directory_cache.hpp"

class WrittenSet {
 public:
  WrittenSet();
  void insert(const FileId& directory, std::string_view name);
  bool contains(const FileId& directory, std::string_view name) const;

 private:
  std::uint64_t key(const FileId& directory, std::string_view name) const;
  std::size_t slot_of(std::uint64_t key) const;
  void grow();

  std::uint64_t seed_;
  std::vector<std::uint64_t> slots_;  // open addressing, 0 is free
  std::size_t used_ = 0;
};
