// SPDX-License-Identifier: Apache-2.0
// The options that all verbs have which make something of layers. toyimg.
#pragma once

#include <array>

#include "bundle-spec/cli/options.hpp"
#include "imagetool/layer/apply_layer.hpp"
#include "imagetool/pull/pull.hpp"

inline constexpr auto kLayerOptions = std::to_array<cli::Option>({
    {.name = "overlay",
     .help = "the bundle's root is an overlay of the store's layers, ready at once (for toyrun)"},
    {.name = "no-setuid", .help = "drop setuid and setgid bits of files, and file capabilities"},
    {.name = "no-devices", .help = "leave device nodes out"},
    {.name = "max-entries", .value = "N", .help = "most entries in a layer (default: 10000000)"},
    {.name = "max-size", .value = "BYTES", .help = "most bytes in a layer, uncompressed"},
    {.name = "max-ratio",
     .value = "N",
     .help = "most bytes that one compressed byte may become (default: 1000)"},
    {.name = "max-name", .value = "BYTES", .help = "longest path in a layer (default: 4095)"},
    {.name = "max-depth", .value = "N", .help = "most parts of a path (default: 2048)"},
    {.name = "max-header",
     .value = "BYTES",
     .help = "largest extended header in a layer (default: 1048576)"},
    {.name = "report",
     .value = "FILE",
     .help = "write to FILE what the layers had in them and what was left out (JSON)"},
});

/// What they say. Throws UsageError.
ApplyLayerOptions layer_options(const cli::Parsed& options);
RootForm root_form(const cli::Parsed& options);
