// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/mount_calls.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <array>

#include "bundle-spec/cli/trace.hpp"
#include "bundle-spec/error.hpp"

namespace kernel {
namespace {

struct Bit {
  std::uint64_t attribute, flag;
};
constexpr std::uint64_t kMsNoSymFollow = 256;  // MS_NOSYMFOLLOW, missing in glibc 2.36
constexpr Bit kBits[] = {
    {MOUNT_ATTR_RDONLY, MS_RDONLY},         {MOUNT_ATTR_NOSUID, MS_NOSUID},
    {MOUNT_ATTR_NODEV, MS_NODEV},           {MOUNT_ATTR_NOEXEC, MS_NOEXEC},
    {MOUNT_ATTR_NOATIME, MS_NOATIME},       {MOUNT_ATTR_STRICTATIME, MS_STRICTATIME},
    {MOUNT_ATTR_NODIRATIME, MS_NODIRATIME}, {MOUNT_ATTR_NOSYMFOLLOW, kMsNoSymFollow},
};

struct SuperblockWord {
  std::uint64_t flag;
  const char* word;
};
// MS_SILENT has no word: the mount API never logs to the console.
constexpr SuperblockWord kSuperblockWords[] = {
    {MS_RDONLY, "ro"},         {MS_SYNCHRONOUS, "sync"}, {MS_DIRSYNC, "dirsync"},
    {MS_LAZYTIME, "lazytime"}, {MS_MANDLOCK, "mand"},    {MS_I_VERSION, "iversion"},
};

/// The last line the file system left in its context's log ("e tmpfs: Unknown parameter 'x'"),
/// without the level.
std::string filesystem_words(int context) {
  std::array<char, 512> line{};
  std::string last;
  ssize_t length = 0;
  while ((length = ::read(context, line.data(), line.size())) > 0)
    last.assign(line.data(), static_cast<std::size_t>(length));
  while (!last.empty() && last.back() == '\n') last.pop_back();
  return last.size() > 2 && last[1] == ' ' ? last.substr(2) : last;
}

void configure(int context, std::string_view type, unsigned command, const char* key,
               const char* value) {
  if (::fsconfig(context, command, key, value, 0) == 0)
    return trace::call("fsconfig ", type, " ", key == nullptr ? "create" : key);
  const int number = errno;
  const std::string words = filesystem_words(context);
  std::string text = sentence("mount ", type);
  if (key != nullptr)
    words::append(
        text, sentence(" with ", key, value == nullptr ? "" : "=", value == nullptr ? "" : value));
  if (!words.empty()) words::append(text, sentence(" (", words, ")"));
  throw Error(text, number);
}

void configure_word(int context, std::string_view type, const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos)
    return configure(context, type, FSCONFIG_SET_FLAG, word.c_str(), nullptr);
  const std::string key = word.substr(0, equals);
  configure(context, type, FSCONFIG_SET_STRING, key.c_str(), word.c_str() + equals + 1);
}

}  // namespace

std::string fd_path(int fd) { return sentence("/proc/self/fd/", fd); }

UniqueFd clone_tree(int dir, const char* path, bool recursive, std::string_view name) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if (recursive) flags |= AT_RECURSIVE;
  if (*path == '\0') flags |= AT_EMPTY_PATH;
  return UniqueFd(check(::open_tree(dir, path, flags), "clone the mount at ", name));
}

void attach(int mount, int target, std::string_view name) {
  check(::move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
        "attach to ", name);
}

void set_attributes(int mount, const plan::MountAttributes& attributes, bool recursive,
                    std::string_view name) {
  if (attributes.empty()) return;
  mount_attr change{};
  change.attr_set = attributes.set;
  change.attr_clr = attributes.clear;
  const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U);
  if (::mount_setattr(mount, "", flags, &change, sizeof change) == 0)
    return trace::call("mount_setattr ", name);
  const int number = errno;
  throw Error(
      sentence("set the mount attributes of ", name,
               number == EPERM ? " (an attribute locked by the host cannot be cleared here)" : ""),
      number);
}

void set_propagation(int mount, std::uint64_t flags, std::string_view name) {
  mount_attr change{};
  change.propagation = flags & ~std::uint64_t{MS_REC};
  const unsigned how = AT_EMPTY_PATH | ((flags & MS_REC) != 0 ? AT_RECURSIVE : 0U);
  check(::mount_setattr(mount, "", how, &change, sizeof change), "set the propagation of ", name);
}

std::uint64_t mount_flags(std::uint64_t attributes) {
  std::uint64_t flags = 0;
  for (const Bit& bit : kBits)
    if ((attributes & bit.attribute) != 0) {
      flags |= bit.flag;
      attributes &= ~bit.attribute;
    }
  if (attributes != 0)
    throw Error(sentence("mount attribute bits ", attributes, " do not fit a new file system"));
  return flags;
}

UniqueFd make_filesystem(const NewFilesystem& wanted, UniqueFd context) {
  const std::string type(wanted.type);
  if (!context)
    context.reset(check(::fsopen(type.c_str(), FSOPEN_CLOEXEC), "open file system type ", type));
  if (!wanted.source.empty()) {
    const std::string source(wanted.source);
    configure(context.get(), type, FSCONFIG_SET_STRING, "source", source.c_str());
  }
  for (const SuperblockWord& one : kSuperblockWords)
    if ((wanted.superblock_flags & one.flag) != 0)
      configure(context.get(), type, FSCONFIG_SET_FLAG, one.word, nullptr);
  for (const std::string& word : wanted.data) configure_word(context.get(), type, word);
  configure(context.get(), type, FSCONFIG_CMD_CREATE, nullptr, nullptr);
  return UniqueFd(
      check(::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(wanted.attributes)),
            "make a mount of ", type));
}

void try_words(const std::string& type, const std::vector<std::string>& words) {
  const UniqueFd context(
      check(::fsopen(type.c_str(), FSOPEN_CLOEXEC), "open file system type ", type));
  constexpr std::size_t kLongest = 255;  // strndup_user in fs/fsopen.c; mount(2) takes more
  for (const std::string& word : words)
    if (word.size() <= kLongest && word.find(',') == std::string::npos)
      configure_word(context.get(), type, word);
}

struct statx identify(int fd, std::string_view name) {
  struct statx status{};
  check(
      ::statx(fd, "", AT_EMPTY_PATH,
              STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID | STATX_INO | STATX_MNT_ID, &status),
      "stat ", name);
  return status;
}

std::uint64_t filesystem_magic(int fd, std::string_view name) {
  struct statfs status{};
  check(::fstatfs(fd, &status), "statfs ", name);
  return static_cast<std::uint64_t>(status.f_type);
}

}  // namespace kernel
