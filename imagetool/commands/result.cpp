// SPDX-License-Identifier: Apache-2.0
#include "imagetool/commands/result.hpp"

#include <unistd.h>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"

void print_line(std::string_view line) { write_all(STDOUT_FILENO, sentence(line, "\n"), "stdout"); }
