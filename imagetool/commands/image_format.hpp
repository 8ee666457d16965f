// SPDX-License-Identifier: Apache-2.0
// "{{.Config.Env}}" on a JSON document: the small part of Go's templates that scripts use with
// docker and skopeo. toyimg.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

/// Text with each {{.Path.To.Member}} replaced by the member (a string as it is, other values as
/// JSON) and each {{json .Path}} by its JSON. Throws UsageError: unknown member, or more than that.
std::string formatted(std::string_view format, const nlohmann::ordered_json& document);
