// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/written_set.hpp"

#include <sys/random.h>

#include <utility>

#include "bundle-spec/error.hpp"
#include "imagetool/layer/mixed.hpp"

WrittenSet::WrittenSet() : seed_(0), slots_(1024) {
  check(::getrandom(&seed_, sizeof seed_, 0), "getrandom");
}

std::uint64_t WrittenSet::key(const FileId& directory, std::string_view name) const {
  std::uint64_t hash =
      mixed(seed_ ^ mixed(directory.device + 0x9e3779b97f4a7c15 * directory.inode));
  for (const char letter : name)
    hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3 + (hash >> 47);
  hash = mixed(hash);
  return hash != 0 ? hash : 1;
}

std::size_t WrittenSet::slot_of(std::uint64_t key) const {
  std::size_t slot = key & (slots_.size() - 1);
  while (slots_[slot] != 0 && slots_[slot] != key) slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

void WrittenSet::grow() {
  const std::vector<std::uint64_t> old =
      std::exchange(slots_, std::vector<std::uint64_t>(slots_.size() * 2));
  for (const std::uint64_t key : old)
    if (key != 0) slots_[slot_of(key)] = key;
}

void WrittenSet::insert(const FileId& directory, std::string_view name) {
  const std::uint64_t one = key(directory, name);
  std::uint64_t& slot = slots_[slot_of(one)];
  if (slot == one) return;
  slot = one;
  if (++used_ * 4 > slots_.size() * 3) grow();
}

bool WrittenSet::contains(const FileId& directory, std::string_view name) const {
  return slots_[slot_of(key(directory, name))] != 0;
}
