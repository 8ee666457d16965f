// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/directory_cache.hpp"

#include "bundle-spec/error.hpp"

namespace {
constexpr std::size_t kMostPaths = 8;  // a layer can make any number of symlinks to one directory

void settle_one(Directory& directory) {
  const int fd = directory.fd.get();
  if (directory.final_mode != (directory.status.st_mode & 07777))
    check(::fchmod(fd, directory.final_mode), "set the mode of a directory");
  if (!directory.changed) return;
  const std::timespec times[2] = {directory.mtime, directory.mtime};
  check(::futimens(fd, times), "set the time of a directory");
  directory.changed = false;
}
}  // namespace

DirectoryRef DirectoryCache::find(const std::string& path) {
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return nullptr;
  slots_.splice(slots_.begin(), slots_, found->second);
  return found->second->directory;
}

DirectoryRef DirectoryCache::add(const std::string& path, UniqueFd fd) {
  struct stat status = {};
  check(::fstat(fd.get(), &status), "stat a directory");
  const FileId id{status.st_dev, status.st_ino};
  const auto known = by_id_.find(id);
  if (known != by_id_.end()) {
    slots_.splice(slots_.begin(), slots_, known->second);
  } else {
    if (slots_.size() >= capacity_) evict_oldest();
    auto directory = std::make_shared<Directory>(Directory{.fd = std::move(fd),
                                                           .id = id,
                                                           .status = status,
                                                           .mtime = status.st_mtim,
                                                           .final_mode = status.st_mode & 07777});
    slots_.push_front({std::move(directory), {}});
    by_id_[id] = slots_.begin();
  }
  std::vector<std::string>& paths = slots_.front().paths;
  if (paths.size() >= kMostPaths) {
    by_path_.erase(paths.front());
    paths.erase(paths.begin());
  }
  paths.push_back(path);
  by_path_[path] = slots_.begin();
  return slots_.front().directory;
}

void DirectoryCache::evict_oldest() {
  Slot& oldest = slots_.back();
  settle_one(*oldest.directory);
  for (const std::string& path : oldest.paths) by_path_.erase(path);
  by_id_.erase(oldest.directory->id);
  slots_.pop_back();
}

void DirectoryCache::forget_paths() {
  by_path_.clear();
  for (Slot& slot : slots_) slot.paths.clear();
}

void DirectoryCache::settle() {
  for (const Slot& slot : slots_) settle_one(*slot.directory);
}
