// SPDX-License-Identifier: Apache-2.0
// --change of import and commit: one Dockerfile instruction that changes an image's config, as
// docker takes them. toyimg.
#pragma once

#include <span>
#include <string>

/// The config's JSON text with every change applied, in order: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL,
/// ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR. Other members stay. Throws UsageError naming the
/// instruction.
std::string with_changes(const std::string& config, std::span<const std::string> changes);
