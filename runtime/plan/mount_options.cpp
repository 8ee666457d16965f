// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/mount_options.hpp"

#include <linux/mount.h>

#include <algorithm>
#include <array>

#include "bundle-spec/error.hpp"

namespace plan {
namespace {

enum class Kind {
  kAttribute,    // set and clear are MOUNT_ATTR_* bits of the mount
  kRecursive,    // the same of the whole subtree
  kReadonly,     // an attribute, and MS_RDONLY of the file system as mount(2) does it
  kSuperblock,   // set and clear are MS_* flags of the file system
  kPropagation,  // set is an MS_* propagation flag
  kBind,
  kRecursiveBind,
  kRemount,
  kCopyUp,
  kIdMap,
  kRecursiveIdMap,
  kCopySymlink,
  kSourceNoFollow,
  kTargetNoFollow,
  kNothing,
};

struct Word {
  std::string_view word;
  Kind kind = Kind::kNothing;
  std::uint64_t set = 0;
  std::uint64_t clear = 0;
};

constexpr std::uint64_t kReadonlyBit = MOUNT_ATTR_RDONLY;
constexpr std::uint64_t kAtimeField = MOUNT_ATTR__ATIME;

// Sorted by word: looked up by binary search, checked at compile time. "norelatime" clears a bit
// that is no bit: relatime is the zero value of the atime field and the kernel's default.
constexpr std::array kWords = {
    Word{"async", Kind::kSuperblock, 0, MS_SYNCHRONOUS},
    Word{"atime", Kind::kAttribute, 0, MOUNT_ATTR_NOATIME},
    Word{"bind", Kind::kBind},
    Word{"copy-symlink", Kind::kCopySymlink},
    Word{"defaults", Kind::kNothing},
    Word{"dest-nofollow", Kind::kTargetNoFollow},
    Word{"dev", Kind::kAttribute, 0, MOUNT_ATTR_NODEV},
    Word{"diratime", Kind::kAttribute, 0, MOUNT_ATTR_NODIRATIME},
    Word{"dirsync", Kind::kSuperblock, MS_DIRSYNC, 0},
    Word{"exec", Kind::kAttribute, 0, MOUNT_ATTR_NOEXEC},
    Word{"idmap", Kind::kIdMap},
    Word{"iversion", Kind::kSuperblock, MS_I_VERSION, 0},
    Word{"lazytime", Kind::kSuperblock, MS_LAZYTIME, 0},
    Word{"loud", Kind::kSuperblock, 0, MS_SILENT},
    Word{"mand", Kind::kSuperblock, MS_MANDLOCK, 0},
    Word{"noatime", Kind::kAttribute, MOUNT_ATTR_NOATIME, kAtimeField},
    Word{"nodev", Kind::kAttribute, MOUNT_ATTR_NODEV, 0},
    Word{"nodiratime", Kind::kAttribute, MOUNT_ATTR_NODIRATIME, 0},
    Word{"noexec", Kind::kAttribute, MOUNT_ATTR_NOEXEC, 0},
    Word{"noiversion", Kind::kSuperblock, 0, MS_I_VERSION},
    Word{"nolazytime", Kind::kSuperblock, 0, MS_LAZYTIME},
    Word{"nomand", Kind::kSuperblock, 0, MS_MANDLOCK},
    Word{"norelatime", Kind::kNothing},
    Word{"nostrictatime", Kind::kAttribute, 0, MOUNT_ATTR_STRICTATIME},
    Word{"nosuid", Kind::kAttribute, MOUNT_ATTR_NOSUID, 0},
    Word{"nosymfollow", Kind::kAttribute, MOUNT_ATTR_NOSYMFOLLOW, 0},
    Word{"private", Kind::kPropagation, MS_PRIVATE, 0},
    Word{"rasync", Kind::kSuperblock, 0, MS_SYNCHRONOUS},
    Word{"ratime", Kind::kRecursive, 0, MOUNT_ATTR_NOATIME},
    Word{"rbind", Kind::kRecursiveBind},
    Word{"rdev", Kind::kRecursive, 0, MOUNT_ATTR_NODEV},
    Word{"rdiratime", Kind::kRecursive, 0, MOUNT_ATTR_NODIRATIME},
    Word{"rdirsync", Kind::kSuperblock, MS_DIRSYNC, 0},
    Word{"relatime", Kind::kAttribute, MOUNT_ATTR_RELATIME, kAtimeField},
    Word{"remount", Kind::kRemount},
    Word{"rexec", Kind::kRecursive, 0, MOUNT_ATTR_NOEXEC},
    Word{"ridmap", Kind::kRecursiveIdMap},
    Word{"rmand", Kind::kSuperblock, MS_MANDLOCK, 0},
    Word{"rnoatime", Kind::kRecursive, MOUNT_ATTR_NOATIME, kAtimeField},
    Word{"rnodev", Kind::kRecursive, MOUNT_ATTR_NODEV, 0},
    Word{"rnodiratime", Kind::kRecursive, MOUNT_ATTR_NODIRATIME, 0},
    Word{"rnoexec", Kind::kRecursive, MOUNT_ATTR_NOEXEC, 0},
    Word{"rnorelatime", Kind::kNothing},
    Word{"rnostrictatime", Kind::kRecursive, 0, MOUNT_ATTR_STRICTATIME},
    Word{"rnosuid", Kind::kRecursive, MOUNT_ATTR_NOSUID, 0},
    Word{"rnosymfollow", Kind::kRecursive, MOUNT_ATTR_NOSYMFOLLOW, 0},
    Word{"ro", Kind::kReadonly, kReadonlyBit, 0},
    Word{"rprivate", Kind::kPropagation, MS_PRIVATE | MS_REC, 0},
    Word{"rrelatime", Kind::kRecursive, MOUNT_ATTR_RELATIME, kAtimeField},
    Word{"rro", Kind::kRecursive, kReadonlyBit, 0},
    Word{"rrw", Kind::kRecursive, 0, kReadonlyBit},
    Word{"rshared", Kind::kPropagation, MS_SHARED | MS_REC, 0},
    Word{"rslave", Kind::kPropagation, MS_SLAVE | MS_REC, 0},
    Word{"rstrictatime", Kind::kRecursive, MOUNT_ATTR_STRICTATIME, kAtimeField},
    Word{"rsuid", Kind::kRecursive, 0, MOUNT_ATTR_NOSUID},
    Word{"rsymfollow", Kind::kRecursive, 0, MOUNT_ATTR_NOSYMFOLLOW},
    Word{"rsync", Kind::kSuperblock, MS_SYNCHRONOUS, 0},
    Word{"runbindable", Kind::kPropagation, MS_UNBINDABLE | MS_REC, 0},
    Word{"rw", Kind::kReadonly, 0, kReadonlyBit},
    Word{"shared", Kind::kPropagation, MS_SHARED, 0},
    Word{"silent", Kind::kSuperblock, MS_SILENT, 0},
    Word{"slave", Kind::kPropagation, MS_SLAVE, 0},
    Word{"src-nofollow", Kind::kSourceNoFollow},
    Word{"strictatime", Kind::kAttribute, MOUNT_ATTR_STRICTATIME, kAtimeField},
    Word{"suid", Kind::kAttribute, 0, MOUNT_ATTR_NOSUID},
    Word{"symfollow", Kind::kAttribute, 0, MOUNT_ATTR_NOSYMFOLLOW},
    Word{"sync", Kind::kSuperblock, MS_SYNCHRONOUS, 0},
    Word{"tmpcopyup", Kind::kCopyUp},
    Word{"unbindable", Kind::kPropagation, MS_UNBINDABLE, 0},
};
static_assert(std::ranges::is_sorted(kWords, {}, &Word::word));

const Word* find_word(std::string_view text) {
  const auto found = std::ranges::lower_bound(kWords, text, {}, &Word::word);
  return found != kWords.end() && found->word == text ? &*found : nullptr;
}

// The atime values are one field of the kernel's: whoever touches one value clears the whole field
// (mount_setattr(2)).
void change(MountAttributes& attributes, std::uint64_t set, std::uint64_t clear) {
  attributes.set = (attributes.set & ~clear) | set;
  const bool touches_atime = (clear & kAtimeField) != 0;
  attributes.clear =
      (attributes.clear & ~(set & ~kAtimeField)) | clear | (touches_atime ? kAtimeField : 0);
}

void change_flags(std::uint64_t& flags, std::uint64_t set, std::uint64_t clear) {
  flags = (flags & ~clear) | set;
}

void apply(const Word& word, MountOptions& options) {
  switch (word.kind) {
    case Kind::kAttribute:
      change(options.attributes, word.set, word.clear);
      break;
    case Kind::kRecursive:
      change(options.recursive_attributes, word.set, word.clear);
      break;
    case Kind::kReadonly:
      change(options.attributes, word.set, word.clear);
      change_flags(options.superblock_flags, word.set != 0 ? MS_RDONLY : 0,
                   word.clear != 0 ? MS_RDONLY : 0);
      break;
    case Kind::kSuperblock:
      change_flags(options.superblock_flags, word.set, word.clear);
      break;
    case Kind::kPropagation:
      options.propagation.push_back(word.set);
      break;
    case Kind::kBind:
      options.bind = true;
      break;
    case Kind::kRecursiveBind:
      options.bind = options.recursive_bind = true;
      break;
    case Kind::kRemount:
      options.remount = true;
      break;
    case Kind::kCopyUp:
      options.copy_up = true;
      break;
    case Kind::kIdMap:
      options.idmap = true;
      break;
    case Kind::kRecursiveIdMap:
      options.idmap = options.recursive_idmap = true;
      break;
    case Kind::kCopySymlink:
      options.copy_symlink = true;
      break;
    case Kind::kSourceNoFollow:
      options.source_nofollow = true;
      break;
    case Kind::kTargetNoFollow:
      options.target_nofollow = true;
      break;
    case Kind::kNothing:
      break;
  }
}

// crun's "idmap=uids=0-1000-10;gids=0-1000-10".
bool read_id_map(std::string_view text, MountOptions& options) {
  const std::size_t equals = text.find('=');
  const std::string_view word = text.substr(0, equals);
  if (equals == std::string_view::npos || (word != "idmap" && word != "ridmap")) return false;
  options.idmap = true;
  options.recursive_idmap = word == "ridmap";
  options.idmap_text = text.substr(equals + 1);
  return true;
}

// A comma would smuggle a second option into the kernel's option string (CVE-2024-1753 family).
// Within double quotes it is one value for the kernel too:
// context="system_u:object_r:container_file_t:s0:c1,c2".
bool holds_second_word(std::string_view word) {
  bool quoted = false;
  for (const char letter : word) {
    if (letter == '"') quoted = !quoted;
    if (letter == ',' && !quoted) return true;
  }
  return quoted;
}

void add(std::string& list, std::string_view word) {
  if (!list.empty()) list += ',';
  list += word;
}

struct AttributeName {
  std::uint64_t bit;
  std::string_view set, clear;
};
constexpr AttributeName kAttributeNames[] = {
    {MOUNT_ATTR_RDONLY, "ro", "rw"},
    {MOUNT_ATTR_NOSUID, "nosuid", "suid"},
    {MOUNT_ATTR_NODEV, "nodev", "dev"},
    {MOUNT_ATTR_NOEXEC, "noexec", "exec"},
    {MOUNT_ATTR_NODIRATIME, "nodiratime", "diratime"},
    {MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow", "symfollow"},
};

}  // namespace

MountOptions read_mount_options(const std::vector<std::string>& words, std::string_view name) {
  MountOptions options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& text = words[i];
    if (text.empty()) continue;
    if (text.find('\0') != std::string::npos) {
      throw Error(sentence(name, "/", i, ": must not contain a NUL byte"));
    }
    if (holds_second_word(text)) {
      throw Error(sentence(name, "/", i, ": \"", text,
                           "\" holds more than one option; list each of its own"));
    }
    if (const Word* word = find_word(text)) {
      apply(*word, options);
    } else if (!read_id_map(text, options)) {
      options.data.push_back(text);
    }
  }
  return options;
}

std::vector<std::string> known_mount_options() {
  std::vector<std::string> words;
  words.reserve(kWords.size());
  for (const Word& word : kWords) words.emplace_back(word.word);
  return words;
}

std::string describe(const MountAttributes& attributes) {
  std::string list;
  for (const AttributeName& name : kAttributeNames) {
    if ((attributes.set & name.bit) != 0) add(list, name.set);
    if ((attributes.clear & name.bit) != 0) add(list, name.clear);
  }
  if ((attributes.set & MOUNT_ATTR_NOATIME) != 0) {
    add(list, "noatime");
  } else if ((attributes.set & MOUNT_ATTR_STRICTATIME) != 0) {
    add(list, "strictatime");
  } else if ((attributes.clear & kAtimeField) != 0) {
    add(list, "relatime");
  }
  return list;
}

std::string describe_propagation(std::uint64_t flags) {
  std::string name = (flags & MS_REC) != 0 ? "r" : "";
  if ((flags & MS_SHARED) != 0) return name + "shared";
  if ((flags & MS_SLAVE) != 0) return name + "slave";
  if ((flags & MS_PRIVATE) != 0) return name + "private";
  if ((flags & MS_UNBINDABLE) != 0) return name + "unbindable";
  return "unchanged";
}

}  // namespace plan
