// SPDX-License-Identifier: Apache-2.0
// toyimg: global options, the table of verbs, and the only catch that prints.
#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/cli/options.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/owners/owners.hpp"

namespace {

constexpr auto kGlobalOptions = std::to_array<cli::Option>({
    {.name = "store",
     .value = "DIR",
     .help = "keep images in DIR (default: $TOYIMG_STORE, /var/lib/toyimg)"},
    {.name = "single-id",
     .help = "as an ordinary user: use no subordinate ids, all files are mine"},
    {.name = "debug", .help = "say more"},
    {.name = "help", .letter = 'h', .help = "show this help"},
    {.name = "version", .letter = 'v', .help = "show the version"},
});

const std::array kCommands = {
    kBuildCommand,     kPullCommand,     kPushCommand,   kCopyCommand,   kSaveCommand,
    kLoadCommand,      kTagCommand,      kImportCommand, kExportCommand, kCommitCommand,
    kConvertCommand,   kManifestCommand, kSyncCommand,   kUnpackCommand, kImagesCommand,
    kInspectCommand,   kHistoryCommand,  kDiffCommand,   kUserCommand,   kArchiveCommand,
    kExtractCommand,   kRmiCommand,      kPruneCommand,  kFsckCommand,   kVerifyCommand,
    kInfoCommand,      kLoginCommand,    kLogoutCommand, kTagsCommand,   kCatalogCommand,
    kReferrersCommand, kDeleteCommand,   kUnshareCommand};

/// Verbs that make, read or remove files with owners.
constexpr auto kVerbsOfFiles = std::to_array<std::string_view>(
    {"pull", "unpack", "commit", "export", "verify", "rmi", "prune", "fsck"});

const cli::Program kProgram = {.name = "toyimg",
                               .summary = "Pull, push, copy, store and unpack container images",
                               .global_options = kGlobalOptions,
                               .commands = kCommands};

constexpr std::size_t kLongestMessage = 4000;

void print_help(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  print_line(text);
}

/// What docker, podman, skopeo and crane call what is here.
constexpr auto kElsewhere = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"builder", "toyimg prune --build-cache is their builder prune"},
    {"buildx", "toyimg build has the options of buildx build"},
    {"config", "toyimg inspect --config IMAGE prints it"},
    {"cp", "toyimg copy FROM TO copies images"},
    {"create", "toyimg unpack -o BUNDLE IMAGE makes a bundle for toyrun"},
    {"df", "toyimg info says what the store takes"},
    {"digest", "toyimg inspect --format '{{.Digest}}' docker://REF prints it"},
    {"help", "toyimg --help, toyimg VERB --help"},
    {"image", "leave the word out: toyimg images, inspect, prune, rmi, save, tag"},
    {"list", "toyimg images lists what is in the store, toyimg tags what a repository has"},
    {"list-tags", "toyimg tags REPOSITORY lists them"},
    {"ls", "toyimg images lists what is in the store, toyimg tags what a repository has"},
    {"rm", "toyimg rmi removes images, toyrun delete containers"},
    {"run", "toyimg unpack -o BUNDLE IMAGE makes a bundle for toyrun run; toydock run does both"},
    {"system", "toyimg info says what the store takes, toyimg prune removes what nobody needs"},
    {"untag", "toyimg rmi NAME removes the name, and the image with its last one"},
    {"validate", "toyimg verify BUNDLE compares a bundle, toyimg fsck looks through the store"},
    {"version", "toyimg --version prints it"},
});

const cli::Command& find_command(std::string_view name) {
  for (const cli::Command& command : kCommands)
    if (command.name == name) return command;
  for (const auto& [word, instead] : kElsewhere)
    if (word == name) throw UsageError(sentence("there is no command ", name, ": ", instead));
  throw UsageError(sentence("unknown command ", name, ": toyimg --help lists them"));
}

/// Before there is any thread: only then may a process change its user namespace.
void keep_owners(std::string_view verb, const cli::Parsed& global) {
  recognize_unshared();
  if (std::ranges::find(kVerbsOfFiles, verb) == kVerbsOfFiles.end()) return;
  const Owners owners = decide_owners(global.has("single-id"));
  if (owners.form == Owners::Form::kMapped && entered_maps() == nullptr)
    enter_user_namespace(owners);
  if (!owners.lacks.empty())
    logging::warning(sentence("owners of files are not kept: ", owners.lacks));
}

int run(std::span<const std::string_view> arguments) {
  const cli::GlobalSplit split = cli::split_global(arguments, kGlobalOptions);
  logging::configure(
      {.program = "toyimg",
       .level = split.global.has("debug") ? logging::Level::kDebug : logging::Level::kWarning,
       .format = logging::Format::kText,
       .file = {}});
  if (split.global.has("version")) {
    print_line("toyimg version " TOYRUN_VERSION);
    return 0;
  }
  if (split.global.has("help")) {
    print_help(cli::help(kProgram));
    return 0;
  }
  if (split.rest.empty()) throw UsageError("no command: toyimg --help lists them");
  const cli::Command& command = find_command(split.rest.front());
  const std::span<const std::string_view> words = split.rest.subspan(1);
  for (const std::string_view word : words) {
    if (word != "--help" && word != "-h") continue;
    print_help(cli::help(kProgram, command));
    return 0;
  }
  const cli::Parsed parsed = cli::parse(words, command.options, command.words);
  keep_owners(command.name, split.global);
  return command.run(split.global, parsed);
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string_view> words(arguments + 1, arguments + count);
  try {
    occupy_stdio();
    return run(words);
  } catch (const std::exception& error) {
    if (Interruption::signal() != 0) {
      logging::error("interrupted");
      return 128 + Interruption::signal();
    }
    // Registries and images have a say in most messages.
    logging::error(printable(error.what(), kLongestMessage));
  }
  return 1;
}
