// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/annotations.hpp"

#include <algorithm>

#include "bundle-spec/error.hpp"
#include "runtime/plan/paths.hpp"

namespace plan {
namespace {

constexpr std::string_view kHandler = "run.oci.handler";
constexpr std::string_view kKeepGroups = "run.oci.keep_original_groups";
constexpr std::string_view kLabelOption = "run.oci.mount_context_type";
constexpr std::string_view kPidfdReceiver = "run.oci.pidfd_receiver";
constexpr std::string_view kUnknownSyscalls = "run.oci.seccomp_fail_unknown_syscall";
constexpr std::string_view kRootLayers = "org.toyrun.rootfs.layers";
constexpr std::size_t kMostLayers = 200;  // a page of options for mount(2) holds them

const std::string* find(const oci::Annotations& annotations, std::string_view key) {
  const auto found = annotations.find(std::string(key));
  return found != annotations.end() ? &found->second : nullptr;
}

[[noreturn]] void refuse(std::string_view key, std::string_view why) {
  throw Error(sentence("/annotations/", key, ": ", why));
}

bool is_on(const std::string* value) {
  return value != nullptr && *value != "0" && *value != "false";
}

std::string read_label_option(const std::string& word) {
  constexpr std::string_view kWords[] = {"context", "fscontext", "defcontext", "rootcontext"};
  if (std::ranges::find(kWords, word) == std::end(kWords)) {
    refuse(kLabelOption,
           sentence("\"", word, "\" is none of context, fscontext, defcontext, rootcontext"));
  }
  return word;
}

// Names in a directory that only who made the bundle can fill: engines let their users set
// annotations, and a path would show them any file of the host.
std::vector<std::string> read_root_layers(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(':', start), text.size());
    const std::string name = text.substr(start, end - start);
    const bool plain = std::ranges::all_of(name, [](char letter) {
      return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') ||
             letter == '-' || letter == '.';
    });
    if (name.empty() || name.front() == '.' || !plain || name == "upper" || name == "work")
      refuse(kRootLayers, sentence("\"", name, "\" is no name of a layer in overlay/"));
    names.push_back(name);
    start = end + 1;
  }
  if (names.size() > kMostLayers)
    refuse(kRootLayers, sentence("more than ", kMostLayers, " layers"));
  return names;
}

}  // namespace

AnnotationChoices read_annotations(const oci::Annotations& annotations, const HostFacts& facts) {
  AnnotationChoices choices;
  if (annotations.empty()) return choices;
  if (const std::string* name = find(annotations, kHandler); name != nullptr && !name->empty()) {
    refuse(kHandler, sentence("there is no handler \"", *name, "\", containers are processes"));
  }
  if (const std::string* word = find(annotations, kLabelOption))
    choices.label_option = read_label_option(*word);
  choices.refuse_unknown_syscalls = is_on(find(annotations, kUnknownSyscalls));
  choices.keep_groups = is_on(find(annotations, kKeepGroups));
  if (choices.keep_groups && facts.euid == 0) {
    refuse(kKeepGroups, "root's groups do not go into a container; use /process/user");
  }
  if (const std::string* path = find(annotations, kPidfdReceiver)) {
    refuse_nul(*path, sentence("/annotations/", kPidfdReceiver));
    if (!path->starts_with('/')) refuse(kPidfdReceiver, "must be an absolute path");
    choices.pidfd_socket = *path;
  }
  if (const std::string* names = find(annotations, kRootLayers))
    choices.root_layers = read_root_layers(*names);
  return choices;
}

std::vector<std::string> known_annotations() {
  std::vector<std::string> keys;
  for (const std::string_view key :
       {kRootLayers, kHandler, kKeepGroups, kLabelOption, kPidfdReceiver, kUnknownSyscalls}) {
    keys.emplace_back(key);
  }
  return keys;
}

}  // namespace plan
