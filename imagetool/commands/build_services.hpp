// SPDX-License-Identifier: Apache-2.0
// What a build asks the rest of toyimg for: base images, files by URL. toyimg.
#pragma once

#include <stop_token>
#include <string>

#include "bundle-spec/cli/options.hpp"
#include "imagetool/build/build_store.hpp"
#include "imagetool/build/services.hpp"
#include "imagetool/store/image_store.hpp"

/// Borrows store and options. `policy` is --pull's: always, missing or never.
build::Services build_services(const ImageStore& store, const cli::Parsed& options,
                               const std::string& policy, const std::stop_source& stop);
/// Layers by the store, made from their blobs where they are missing. Borrows the store.
build::PrepareLayers prepare_layers(const ImageStore& store, const std::stop_token& stop);
