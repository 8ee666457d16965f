// SPDX-License-Identifier: Apache-2.0
// The steps of the root filesystem in words. Pure.
#include <linux/mount.h>

#include <string_view>
#include <variant>

#include "bundle-spec/error.hpp"
#include "runtime/plan/rootfs.hpp"

namespace plan {
namespace {

void add(std::string& list, std::string_view word) {
  if (word.empty()) return;
  if (!list.empty()) list += ',';
  list += word;
}

struct FlagName {
  std::uint64_t flag;
  std::string_view name;
};
constexpr FlagName kSuperblockFlags[] = {
    {MS_SYNCHRONOUS, "sync"}, {MS_DIRSYNC, "dirsync"}, {MS_LAZYTIME, "lazytime"},
    {MS_MANDLOCK, "mand"},    {MS_SILENT, "silent"},   {MS_I_VERSION, "iversion"},
};

// "rro,rnosuid": each word of the subtree's attributes with its r.
std::string recursive_words(const MountAttributes& attributes) {
  std::string words;
  std::string_view rest;
  const std::string plain = describe(attributes);
  for (rest = plain; !rest.empty();) {
    const std::size_t comma = rest.find(',');
    add(words, sentence("r", rest.substr(0, comma)));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return words;
}

std::string words_of(const MountAttributes& attributes, const MountAttributes& recursive,
                     const std::vector<std::uint64_t>& propagation) {
  std::string words = describe(attributes);
  add(words, recursive_words(recursive));
  for (const std::uint64_t flags : propagation) add(words, describe_propagation(flags));
  return words;
}

std::string in_brackets(const std::string& words) {
  return words.empty() ? std::string() : sentence(" (", words, ")");
}

std::string text(const MountFilesystem& mount) {
  std::string words = words_of(mount.attributes, mount.recursive_attributes, mount.propagation);
  for (const FlagName& flag : kSuperblockFlags) {
    if ((mount.superblock_flags & flag.flag) != 0) add(words, flag.name);
  }
  for (const std::string& option : mount.data) add(words, option);
  std::string line = sentence("mount a new ", mount.type, " on ", mount.target, in_brackets(words));
  if (mount.copy_up) line += ", filled with what it covers";
  if (mount.id_map) line += sentence(", ", describe(*mount.id_map));
  return line;
}

std::string text(const BindMount& mount) {
  std::string words = words_of(mount.attributes, mount.recursive_attributes, mount.propagation);
  if (mount.source_nofollow) add(words, "src-nofollow");
  if (mount.target_nofollow) add(words, "dest-nofollow");
  if (mount.copy_symlink) add(words, "copy-symlink");
  std::string line = sentence("bind ", mount.source, mount.recursive ? " and all below it" : "",
                              " on ", mount.target, in_brackets(words));
  if (mount.id_map) line += sentence(", ", describe(*mount.id_map));
  return line;
}

std::string text(const ChangeMount& mount) {
  return sentence(
      "change the mount on ", mount.target,
      in_brackets(words_of(mount.attributes, mount.recursive_attributes, mount.propagation)));
}

std::string text(const MountCgroups& mount) {
  const std::string words =
      in_brackets(words_of(mount.attributes, mount.recursive_attributes, mount.propagation));
  std::string line = sentence("show the container its own cgroup on ", mount.target, words);
  if (mount.is_v2) return line;
  std::string names;
  for (const MountCgroups::Hierarchy& hierarchy : mount.hierarchies) {
    if (!names.empty()) names += ", ";
    names += hierarchy.name;
  }
  return sentence(line, ", a directory each for ", names.empty() ? "no hierarchy" : names);
}

std::string octal(mode_t mode) {
  std::string digits;
  for (; mode != 0; mode >>= 3) digits.insert(digits.begin(), static_cast<char>('0' + (mode & 7)));
  return "0" + digits;
}

std::string text(const MakeDevice& device) {
  if (device.bind_from_host)
    return sentence("bind the host's device ", device.path, " on ", device.path);
  std::string line = sentence("make the ", device.type == 'p' ? "fifo " : "device ", device.path);
  if (device.type != 'p') line += sentence(", ", device.type, " ", device.major, ":", device.minor);
  line += sentence(", mode ", octal(device.mode));
  if (device.uid != 0 || device.gid != 0) line += sentence(", owner ", device.uid, ":", device.gid);
  return line;
}

std::string text(const MakeLink& link) { return sentence("link ", link.path, " to ", link.target); }
std::string text(const MaskPath& mask) { return sentence("hide ", mask.target); }
std::string text(const ReadonlyPath& path) { return sentence("make ", path.target, " read-only"); }
std::string text(const MakeReadonly& mount) {
  return sentence("make the mount on ", mount.target,
                  " read-only, as asked, now that it is complete");
}
std::string text(const MakeWorkingDirectory& directory) {
  return sentence("make the working directory ", directory.path, " if it is missing");
}

}  // namespace

std::string describe(const RootfsStep& step) {
  return std::visit([](const auto& one) { return text(one); }, step);
}

std::string describe(const OverlayRoot& overlay) {
  std::string names;
  for (const std::string& layer : overlay.layers) add(names, layer);
  std::string line = sentence("mount an overlay of the layers ", names, " in ", overlay.directory,
                              ", changes go to its upper");
  if (overlay.user_xattrs) line += " (userxattr)";
  if (overlay.id_map) line += ", with the ids of the user namespace";
  return line;
}

std::vector<std::string> describe(const RootfsPlan& rootfs) {
  std::vector<std::string> lines;
  for (const RootfsStep& step : rootfs.mounts) lines.push_back(describe(step));
  for (const RootfsStep& step : rootfs.protections) lines.push_back(describe(step));
  if (rootfs.readonly_root) lines.push_back("make the root filesystem read-only");
  return lines;
}

}  // namespace plan
