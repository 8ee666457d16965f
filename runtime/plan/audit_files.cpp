// SPDX-License-Identifier: Apache-2.0
// Cgroup values and mounts of the audit. Pure.
#include <linux/mount.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bundle-spec/error.hpp"
#include "runtime/plan/audit_parts.hpp"
#include "runtime/plan/paths.hpp"

namespace plan {
namespace {

using Verdict = Finding::Verdict;

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::optional<std::int64_t> number_in(std::string_view word) {
  std::int64_t number = 0;
  const auto [stop, problem] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (problem == std::errc::result_out_of_range && stop == word.data() + word.size() &&
      !word.starts_with('-'))
    return std::numeric_limits<std::int64_t>::max();
  if (problem != std::errc() || stop != word.data() + word.size()) return std::nullopt;
  return number;
}

/// "0-2,7" → {0, 1, 2, 7}; nullopt for anything else, and for a list too long to be one of CPUs.
std::optional<std::set<std::int64_t>> numbers_of_list(std::string_view list) {
  std::set<std::int64_t> numbers;
  for (const std::string_view part : split(list, ",")) {
    const std::size_t dash = part.find('-', 1);
    const auto first = number_in(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number_in(part.substr(dash + 1));
    if (!first || !last || *last - *first > 65536) return std::nullopt;
    for (std::int64_t one = *first; one <= *last; ++one) numbers.insert(one);
  }
  return numbers;
}

constexpr std::int64_t kUnlimited = std::int64_t{1} << 60;

/// Limits are kept in whole pages, and -1 is the highest of them.
bool is_same_number(std::int64_t written, std::int64_t actual) {
  constexpr std::int64_t kPage = 4096;
  if (written == -1 || written > kUnlimited) return actual == -1 || actual > kUnlimited;
  return actual == written || actual == written / kPage * kPage;
}

bool is_same_word(std::string_view written, std::string_view actual) {
  if (written == actual) return true;
  const auto one = number_in(written);
  const auto other = number_in(actual);
  if (one && other) return is_same_number(*one, *other);
  if ((one == -1 || one > kUnlimited) && actual == "max") return true;
  if (written.find_first_of("-,") == std::string_view::npos || one) return false;
  const auto list = numbers_of_list(written);
  return list && list == numbers_of_list(actual);
}

/// Each word that was written is in the line: "8:0 rbps=1" in "8:0 rbps=1 wbps=max".
bool is_in_line(const std::vector<std::string_view>& written, std::string_view line) {
  const std::vector<std::string_view> words = split(line, " \t");
  return std::ranges::all_of(written, [&](std::string_view one) {
    return std::ranges::any_of(words,
                               [&](std::string_view word) { return is_same_word(one, word); });
  });
}

std::string one_line(std::string_view text) {
  std::string line;
  for (const std::string_view part : split(text, "\n"))
    line += sentence(line.empty() ? "" : "; ", part);
  return line;
}

const SeenValue* find_value(const Isolation& isolation, const std::string& hierarchy,
                            const std::string& file) {
  const auto found = std::ranges::find_if(isolation.values, [&](const SeenValue& one) {
    return one.hierarchy == hierarchy && one.file == file;
  });
  return found == isolation.values.end() ? nullptr : &*found;
}

/// A limit of 0 for a device takes its line away (block/blk-throttle.c).
bool takes_line_away(const std::string& file, std::string_view value, std::string_view text) {
  if (!file.starts_with("blkio.throttle.") || !value.ends_with(" 0")) return false;
  const std::string_view device = value.substr(0, value.find(' '));
  return std::ranges::none_of(split(text, "\n"), [&](std::string_view line) {
    return line.starts_with(device) && line.substr(device.size()).starts_with(' ');
  });
}

void audit_write(const CgroupDirectory& directory, const FileWrite& write,
                 const Isolation& isolation, std::vector<Finding>& findings) {
  const SeenValue* seen = find_value(isolation, directory.mount_point, write.file);
  std::string asked = write.value;
  if (seen == nullptr && !write.fallback_file.empty()) {
    seen = find_value(isolation, directory.mount_point, write.fallback_file);
    asked = write.fallback_value;
  }
  if (seen == nullptr && write.optional) return;
  const bool fits = seen != nullptr && (is_value_in_effect(asked, seen->text) ||
                                        takes_line_away(write.file, asked, seen->text));
  findings.push_back({.verdict = fits ? Verdict::kAsAsked : Verdict::kDrift,
                      .aspect = sentence("cgroup ", write.file),
                      .asked = asked,
                      .in_effect = seen == nullptr ? "no such file" : one_line(seen->text)});
}

struct Word {
  std::uint64_t attribute;
  std::string_view word;
};
constexpr Word kWords[] = {{MOUNT_ATTR_RDONLY, "ro"},
                           {MOUNT_ATTR_NOSUID, "nosuid"},
                           {MOUNT_ATTR_NODEV, "nodev"},
                           {MOUNT_ATTR_NOEXEC, "noexec"},
                           {MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"}};

std::vector<std::string> words_of(const MountAttributes& attributes,
                                  const MountAttributes& recursive) {
  std::vector<std::string> words;
  for (const Word& one : kWords)
    if (((attributes.set | recursive.set) & one.attribute) != 0) words.emplace_back(one.word);
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& one : words) text += sentence(text.empty() ? "" : ",", one);
  return text.empty() ? "mounted" : text;
}

/// What is to be found on a target.
struct Wanted {
  std::vector<std::string> words;
  std::string type = {};  // empty: any
  std::optional<SeenSource> source = {};
};

/// FUSE file systems add a name of their own: "fuse.sshfs".
bool is_type(const SeenMount& mount, const std::string& type) {
  return type.empty() || mount.type == type || mount.type.starts_with(type + '.');
}

/// Still so when the source was replaced or removed since.
bool is_of(const SeenMount& mount, const SeenSource& source) {
  std::string_view root = mount.root;
  if (constexpr std::string_view kDeleted = "//deleted"; root.ends_with(kDeleted))
    root.remove_suffix(kDeleted.size());
  return mount.device == source.device && root == source.root;
}

/// The mounts of the container against the plan's, one target after the other.
class MountAudit {
 public:
  MountAudit(const LaunchPlan& launch, const Isolation& isolation, std::vector<Finding>& findings)
      : rootfs_(launch.rootfs), isolation_(isolation), findings_(findings) {}

  void run() {
    for (const RootfsStep& step : rootfs_.mounts)
      std::visit([&](const auto& one) { expect(one); }, step);
    for (const RootfsStep& step : rootfs_.protections)
      std::visit([&](const auto& one) { expect(one); }, step);
    for (const auto& [target, wanted] : wanted_) tell(sentence("mount ", target), target, wanted);
    if (rootfs_.readonly_root) tell("root file system", "/", {.words = {"ro"}});
    for (const std::string& target : readonly_)
      if (!is_absent(target))
        tell(sentence("read-only ", target), target,
             {.words = {"ro"}, .source = source_of_readonly(target)});
    for (const std::string& target : masked_) tell_mask(target);
    // "private" is set for all mounts at once, before the root is one.
    if (rootfs_.root_propagation != 0)
      tell_propagation(rootfs_.root_propagation);
    else if ((rootfs_.host_propagation & MS_PRIVATE) != 0)
      tell_propagation(MS_PRIVATE);
    tell_extra();
  }

 private:
  std::string resolve(const std::string& target) const {
    const auto found = isolation_.resolved.find(target);
    return found == isolation_.resolved.end() ? target : found->second;
  }
  bool is_absent(const std::string& target) const {
    return std::ranges::find(isolation_.absent, target) != isolation_.absent.end();
  }
  /// The last one mounted there is the one on top.
  const SeenMount* find(const std::string& target) const {
    const std::string at = resolve(target);
    const auto found = std::ranges::find(isolation_.mounts.rbegin(), isolation_.mounts.rend(), at,
                                         &SeenMount::target);
    return found == isolation_.mounts.rend() ? nullptr : &*found;
  }

  void expect(const MountFilesystem& mount) {
    wanted_[mount.target] = {.words = words_of(mount.attributes, mount.recursive_attributes),
                             .type = mount.type};
  }
  void expect(const BindMount& mount) {
    wanted_[mount.target] = {.words = words_of(mount.attributes, mount.recursive_attributes)};
    const auto source = isolation_.sources.find(mount.target);
    if (source != isolation_.sources.end()) wanted_[mount.target].source = source->second;
    if (mount.recursive) trees_.push_back(resolve(mount.target));
  }
  void expect(const ChangeMount& mount) {
    wanted_[mount.target].words = words_of(mount.attributes, mount.recursive_attributes);
  }
  void expect(const MountCgroups& mount) {
    wanted_[mount.target] = {.words = words_of(mount.attributes, mount.recursive_attributes),
                             .type = mount.is_v2 ? "cgroup2" : "tmpfs"};
    trees_.push_back(resolve(mount.target));
  }
  void expect(const MakeDevice& device) {
    if (device.bind_from_host) trees_.push_back(resolve(device.path));
  }
  void expect(const MakeLink&) {}
  void expect(const MakeWorkingDirectory&) {}
  void expect(const MaskPath& mask) { masked_.push_back(mask.target); }
  void expect(const ReadonlyPath& path) { readonly_.insert(path.target); }
  void expect(const MakeReadonly& mount) {
    std::vector<std::string>& words = wanted_[mount.target].words;
    if (std::ranges::find(words, "ro") == words.end()) words.emplace_back("ro");
  }

  /// A read-only path is bound on itself: a part of what is mounted further up.
  std::optional<SeenSource> source_of_readonly(const std::string& target) const {
    if (wanted_.contains(target)) return wanted_.at(target).source;
    const std::string at = resolve(target);
    const SeenMount* around = nullptr;
    for (const SeenMount& one : isolation_.mounts)
      if (one.target != at && is_at_or_below(at, one.target) &&
          (around == nullptr || one.target.size() >= around->target.size()))
        around = &one;
    if (around == nullptr || around->device.empty()) return std::nullopt;
    return SeenSource{.device = around->device, .root = moved(at, around->target, around->root)};
  }

  void tell(std::string aspect, const std::string& target, const Wanted& wanted) {
    const SeenMount* const seen = find(target);
    const bool other_type = seen != nullptr && !is_type(*seen, wanted.type);
    const bool other_source = seen != nullptr && wanted.source && !is_of(*seen, *wanted.source);
    const bool has_words = seen != nullptr && std::ranges::all_of(wanted.words, [&](auto& one) {
                             return std::ranges::find(seen->options, one) != seen->options.end();
                           });
    Finding finding{
        .verdict = !has_words || other_type || other_source ? Verdict::kDrift : Verdict::kAsAsked,
        .aspect = std::move(aspect),
        .asked = joined(wanted.words),
        .in_effect = seen == nullptr ? "not mounted" : joined(seen->options)};
    if (other_type) {
      finding.asked = sentence("a ", wanted.type, ", ", finding.asked);
      finding.in_effect = sentence("a ", seen->type, ", ", finding.in_effect);
    } else if (other_source) {
      finding.asked =
          sentence(wanted.source->root, " of ", wanted.source->device, ", ", finding.asked);
      finding.in_effect = sentence(seen->root, " of ", seen->device, ", ", finding.in_effect);
    }
    findings_.push_back(std::move(finding));
  }

  /// A directory has an empty read-only tmpfs on it, a file the null device.
  void tell_mask(const std::string& target) {
    if (is_absent(target)) return;
    const SeenMount* const seen = find(target);
    const bool hides =
        seen != nullptr &&
        (seen->root.ends_with("/null") ||
         (seen->type == "tmpfs" && std::ranges::find(seen->options, "ro") != seen->options.end()));
    findings_.push_back({.verdict = hides ? Verdict::kAsAsked : Verdict::kDrift,
                         .aspect = sentence("masked ", target),
                         .asked = "hidden",
                         .in_effect = hides             ? "hidden"
                                      : seen == nullptr ? "visible"
                                                        : sentence("a ", seen->type, " on it")});
  }

  /// Less of it is tighter: mounts that come in (slave) or go out as well (shared).
  void tell_propagation(std::uint64_t asked) {
    const SeenMount* const root = find("/");
    const auto has = [&](std::string_view word) {
      return root != nullptr && std::ranges::any_of(root->propagation, [&](const std::string& one) {
               return one.starts_with(word);
             });
    };
    const bool shared = has("shared:"), slave = has("master:");
    const bool may_share = (asked & MS_SHARED) != 0;
    const bool is_more = !may_share && (shared || (slave && (asked & MS_SLAVE) == 0));
    const bool is_less =
        (may_share && !shared) || ((asked & MS_UNBINDABLE) != 0 && !has("unbindable"));
    std::string now = shared ? "shared" : "";
    if (slave) now += now.empty() ? "slave" : " and slave";
    findings_.push_back({.verdict = is_more   ? Verdict::kDrift
                                    : is_less ? Verdict::kTighter
                                              : Verdict::kAsAsked,
                         .aspect = kRootPropagation,
                         .asked = describe_propagation(asked),
                         .in_effect = now.empty() ? "private" : now});
  }

  bool is_expected(const std::string& target) const {
    const auto is_target = [&](const std::string& one) { return resolve(one) == target; };
    const auto is_key = [&](const auto& one) { return is_target(one.first); };
    return target == "/" || (rootfs_.console && target == "/dev/console") ||
           std::ranges::any_of(wanted_, is_key) || std::ranges::any_of(readonly_, is_target) ||
           std::ranges::any_of(masked_, is_target) ||
           std::ranges::any_of(
               trees_, [&](const std::string& one) { return is_at_or_below(target, one); }) ||
           // A read-only path takes the mounts below it along.
           std::ranges::any_of(readonly_, [&](const std::string& one) {
             return is_at_or_below(target, resolve(one));
           });
  }

  /// The container's own, or the host's that came in by propagation.
  void tell_extra() {
    std::set<std::string> told;
    for (const SeenMount& one : isolation_.mounts)
      if (!is_expected(one.target) && told.insert(one.target).second)
        findings_.push_back({.verdict = Verdict::kExtra,
                             .aspect = sentence("mount ", one.target),
                             .asked = "none",
                             .in_effect = sentence("a ", one.type, ", ", joined(one.options))});
  }

  const RootfsPlan& rootfs_;
  const Isolation& isolation_;
  std::vector<Finding>& findings_;
  std::map<std::string, Wanted> wanted_;
  std::set<std::string> readonly_;
  std::vector<std::string> masked_;
  std::vector<std::string> trees_;  // where more mounts are to be expected
};

}  // namespace

bool is_value_in_effect(std::string_view written, std::string_view text) {
  const std::vector<std::string_view> words = split(written, " \t\n");
  const std::vector<std::string_view> lines = split(text, "\n");
  if (words.empty()) return lines.empty();
  return std::ranges::any_of(lines, [&](std::string_view line) { return is_in_line(words, line); });
}

void audit_cgroups(const LaunchPlan& launch, const Isolation& isolation,
                   std::vector<Finding>& findings) {
  for (const CgroupDirectory& one : launch.cgroup.directories) {
    const bool left = std::ranges::find(isolation.hierarchies_left, one.mount_point) !=
                      isolation.hierarchies_left.end();
    findings.push_back({.verdict = left ? Verdict::kDrift : Verdict::kAsAsked,
                        .aspect = one.is_v2
                                      ? std::string("cgroup v2")
                                      : sentence("cgroup of ", last_component(one.mount_point)),
                        .asked = one.path,
                        .in_effect = left ? "another one" : one.path});
    for (const FileWrite& write : one.writes)
      if (std::ranges::find(one.last_writes, write.file, &FileWrite::file) == one.last_writes.end())
        audit_write(one, write, isolation, findings);
    for (const FileWrite& write : one.last_writes) audit_write(one, write, isolation, findings);
  }
}

void audit_mounts(const LaunchPlan& launch, const Isolation& isolation,
                  std::vector<Finding>& findings) {
  MountAudit(launch, isolation, findings).run();
}

}  // namespace plan
