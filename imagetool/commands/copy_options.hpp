// SPDX-License-Identifier: Apache-2.0
// The options of the verbs that copy images: which images of an index, in which form. toyimg.
#pragma once

#include <array>

#include "bundle-spec/cli/options.hpp"
#include "imagetool/transport/copy.hpp"
#include "imagetool/transport/open.hpp"

inline constexpr auto kCopyOptions = std::to_array<cli::Option>({
    {.name = "all", .letter = 'a', .help = "of an index: all its images, and the index itself"},
    {.name = "platform",
     .value = "OS/ARCH[/VARIANT]",
     .help = "of an index: the image for this platform (default: this host's)"},
    {.name = "quiet", .letter = 'q', .help = "say nothing but errors and the result"},
    {.name = "progress", .value = "auto|plain|json|none", .help = "how to show progress on stderr"},
});

/// What they say. Throws UsageError when they contradict each other.
transport::CopyOptions copy_options(const cli::Parsed& options);
ProgressStyle progress_style(const cli::Parsed& options);
/// The store of --store, no registry.
transport::Places places(const cli::Parsed& global, const transport::CopyOptions& copy);

/// Copies from one place to the other, finishes, and returns the digest of what is there now.
std::string copy_between(transport::Source& source, transport::Destination& destination,
                         const transport::CopyOptions& options, Progress& progress);
