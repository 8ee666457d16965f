// SPDX-License-Identifier: Apache-2.0
// Results go to stdout, one per line or as one JSON document, so that scripts can use them. toyimg.
#pragma once

#include <string_view>

/// Writes the line and a newline. Throws Error when stdout cannot take it.
void print_line(std::string_view line);
