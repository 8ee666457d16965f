// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/bundle.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

namespace {

constexpr const char* kConfigName = "config.json";
constexpr std::size_t kMaxConfigSize = std::size_t{64} << 20;

UniqueFd open_directory(const std::string& directory) {
  return open_at(AT_FDCWD, directory, O_PATH | O_DIRECTORY);
}

bool has_config(int directory) {
  return open_at_if_exists(directory, kConfigName, O_PATH).has_value();
}

}  // namespace

Bundle Bundle::open(const std::string& directory) {
  const UniqueFd opened = open_directory(directory);
  if (!has_config(opened.get()))
    throw Error(sentence("JSON specification file ", directory, "/config.json not found"));
  return Bundle(real_path(directory));
}

Bundle Bundle::create(const std::string& directory) {
  make_directories(directory, 0755);
  const UniqueFd opened = open_directory(directory);
  if (has_config(opened.get()))
    throw Error(sentence(directory, " is a bundle already: it has a config.json"), EEXIST);
  return Bundle(real_path(directory));
}

oci::RuntimeConfig Bundle::runtime_config() const {
  // O_NONBLOCK: a fifo of that name must not hang us.
  const std::string path = sentence(directory_, '/', kConfigName);
  const UniqueFd file = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat status;
  check(::fstat(file.get(), &status), "stat ", path);
  if (!S_ISREG(status.st_mode)) throw Error(sentence(path, " is not a regular file"));
  return oci::read_runtime_config(read_all(file.get(), path, kMaxConfigSize), kConfigName);
}

void Bundle::write(const oci::RuntimeConfig& config) const {
  replace_file(sentence(directory_, '/', kConfigName), oci::write_runtime_config(config), 0644);
}
