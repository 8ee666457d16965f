// SPDX-License-Identifier: Apache-2.0
// toyimg's verbs: each file here has one, with its option table.
#pragma once

#include "bundle-spec/cli/options.hpp"

extern const cli::Command kBuildCommand;
extern const cli::Command kPullCommand;
extern const cli::Command kPushCommand;
extern const cli::Command kCopyCommand;
extern const cli::Command kSaveCommand;
extern const cli::Command kLoadCommand;
extern const cli::Command kTagCommand;
extern const cli::Command kImportCommand;
extern const cli::Command kExportCommand;
extern const cli::Command kCommitCommand;
extern const cli::Command kConvertCommand;
extern const cli::Command kManifestCommand;
extern const cli::Command kSyncCommand;
extern const cli::Command kHistoryCommand;
extern const cli::Command kDiffCommand;
extern const cli::Command kUnpackCommand;
extern const cli::Command kVerifyCommand;
extern const cli::Command kPruneCommand;
extern const cli::Command kFsckCommand;
extern const cli::Command kInfoCommand;
extern const cli::Command kImagesCommand;
extern const cli::Command kInspectCommand;
extern const cli::Command kUserCommand;
extern const cli::Command kUnshareCommand;
extern const cli::Command kArchiveCommand;
extern const cli::Command kExtractCommand;
extern const cli::Command kRmiCommand;
extern const cli::Command kLoginCommand;
extern const cli::Command kLogoutCommand;
extern const cli::Command kTagsCommand;
extern const cli::Command kCatalogCommand;
extern const cli::Command kReferrersCommand;
extern const cli::Command kDeleteCommand;
