// SPDX-License-Identifier: Apache-2.0
// A Dockerfile's logical lines: directives read, comments dropped, continuations joined, heredocs
// taken. Pure; toyimg.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "imagetool/build/dockerfile.hpp"

namespace build {

struct LogicalLine {
  std::string text{};     // without the leading white space and the continuation marks
  std::string first{};    // the first physical line as it stands
  std::string comment{};  // the comment line right above, without its '#'
  int line = 0;
  int last_line = 0;
  int column = 1;
};

class LineReader {
 public:
  /// Borrows the text; strips a byte order mark.
  LineReader(std::string_view text, Dockerfile& file) : text_(text), file_(file) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  /// The next instruction's line; false at the end. Throws Error: a line too long, a directive
  /// twice.
  bool next(LogicalLine& line);
  /// Fills the contents of heredocs that the line just read opened. Throws Error: unterminated.
  void take_heredocs(std::vector<Heredoc>& heredocs, LogicalLine& line);

 private:
  bool next_physical(std::string_view& line);
  bool read_directive(std::string_view comment);
  bool join(std::string& text, std::string_view physical) const;

  std::string_view text_;
  Dockerfile& file_;
  int number_ = 0;
  bool directives_ = true;
  std::vector<std::string> seen_directives_;
};

/// The heredocs that a line opens, contents still empty.
std::vector<Heredoc> find_heredocs(std::string_view line, char escape);

}  // namespace build
