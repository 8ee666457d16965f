// SPDX-License-Identifier: Apache-2.0
// The other end of kernel/own_program: stdin is a socket; each request is a number of strings and
// then the strings, all ended by NUL bytes. Each answer is "+TEXT" or "-SENTENCE" and a NUL byte.
// For toyrun-systemd and toyrun-nftables.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

class Conversation {
 public:
  /// False at the end of it. Throws Error for what is no request.
  bool read_request(std::vector<std::string>& words);
  /// toyrun may be gone: then there is nobody to tell.
  static void answer(char sign, const std::string& text);
  static std::size_t read_number(const std::string& text);

 private:
  bool read_word(std::string& word);
  std::string text_;
};
