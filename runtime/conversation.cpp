// SPDX-License-Identifier: Apache-2.0
#include "runtime/conversation.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "bundle-spec/error.hpp"

bool Conversation::read_word(std::string& word) {
  std::size_t end;
  while ((end = text_.find('\0')) == std::string::npos) {
    std::array<char, 4096> buffer;
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    text_.append(buffer.data(), static_cast<std::size_t>(got));
  }
  word = text_.substr(0, end);
  text_.erase(0, end + 1);
  return true;
}

bool Conversation::read_request(std::vector<std::string>& words) {
  std::string count;
  if (!read_word(count)) return false;
  words.resize(read_number(count));
  for (std::string& word : words)
    if (!read_word(word)) return false;
  return true;
}

void Conversation::answer(char sign, const std::string& text) {
  const std::string all = sign + text + '\0';
  [[maybe_unused]] const ssize_t sent = ::send(STDIN_FILENO, all.data(), all.size(), MSG_NOSIGNAL);
}

std::size_t Conversation::read_number(const std::string& text) {
  std::size_t number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc{} || number > 1'000'000)
    throw Error(sentence("a part of toyrun does not understand the number \"", text, "\""));
  return number;
}
