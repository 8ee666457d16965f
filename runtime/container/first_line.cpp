// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/first_line.hpp"

#include <nlohmann/json.hpp>

#include <charconv>
#include <cstddef>
#include <system_error>
#include <utility>

#include "bundle-spec/error.hpp"

void FirstLine::refuse(std::string_view key) const {
  throw Error(sentence(file_, '/', key, ": is missing or wrong (damaged state record?)"));
}

std::string_view FirstLine::taken(std::size_t length) {
  const std::string_view word = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return word;
}

bool FirstLine::take(std::string_view word) {
  const bool is_next = rest_.starts_with(word);
  if (is_next) rest_.remove_prefix(word.size());
  return is_next;
}

void FirstLine::begin(std::string_view key) {
  const bool is_first = std::exchange(is_first_, false);
  if (!take(is_first ? "{\"" : ",\"") || !take(key) || !take("\":")) refuse(key);
}

std::uint64_t FirstLine::number(std::string_view key, std::uint64_t limit) {
  begin(key);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
  if (error != std::errc{} || number > limit) refuse(key);
  rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
  return number;
}

bool FirstLine::boolean(std::string_view key) {
  begin(key);
  const bool value = take("true");
  if (!value && !take("false")) refuse(key);
  return value;
}

std::string FirstLine::text(std::string_view key) {
  begin(key);
  if (!rest_.starts_with('"')) refuse(key);
  const std::size_t end = rest_.find_first_of("\"\\", 1);
  if (end == std::string_view::npos || rest_[end] != '"') return decoded(key);
  return std::string(taken(end + 1).substr(1, end - 1));
}

/// A string with escapes in it, which is rare.
std::string FirstLine::decoded(std::string_view key) {
  std::size_t end = 1;
  while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
  if (end >= rest_.size()) refuse(key);
  const nlohmann::json text = nlohmann::json::parse(taken(end + 1), nullptr, false);
  if (!text.is_string()) refuse(key);
  return text.get<std::string>();
}

std::string_view FirstLine::last(std::string_view key) {
  begin(key);
  if (!rest_.ends_with('}')) refuse(key);
  return taken(rest_.size() - 1);
}
