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
  return in_directory(real_path(directory));
}

Bundle Bundle::open_with_config(const std::string& directory, const std::string& config) {
  open_directory(directory);
  return {real_path(directory), config};
}

Bundle Bundle::create(const std::string& directory) {
  make_directories(directory, 0755);
  const UniqueFd opened = open_directory(directory);
  if (has_config(opened.get()))
    throw Error(sentence(directory, " is a bundle already: it has a config.json"), EEXIST);
  return in_directory(real_path(directory));
}

Bundle Bundle::in_directory(const std::string& directory) {
  return {directory, sentence(directory, '/', kConfigName)};
}

std::string Bundle::config_text() const {
  // O_NONBLOCK: a fifo of that name must not hang us.
  const UniqueFd file = open_at(AT_FDCWD, config_, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat status;
  check(::fstat(file.get(), &status), "stat ", config_);
  if (!S_ISREG(status.st_mode)) throw Error(sentence(config_, " is not a regular file"));
  return read_all(file.get(), config_, kMaxConfigSize);
}

oci::RuntimeConfig Bundle::runtime_config() const {
  return oci::read_runtime_config(config_text(), config_.substr(config_.rfind('/') + 1));
}

void Bundle::write(const oci::RuntimeConfig& config) const {
  replace_file(config_, oci::write_runtime_config(config), 0644);
}
