// SPDX-License-Identifier: Apache-2.0
// How everything here fails: one exception type that carries one sentence and the errno behind it.
// Usable in every process and every layer.
#pragma once

#include <cerrno>
#include <concepts>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>

namespace words {
inline void append(std::string& text, std::string_view word) { text += word; }
inline void append(std::string& text, char letter) { text += letter; }
template <typename Number>
  requires(std::is_arithmetic_v<Number> && !std::same_as<Number, char>)
void append(std::string& text, Number number) {
  text += std::to_string(number);
}
}  // namespace words

/// Joins words and numbers into one string: `sentence("mount ", type, " on ", target)`.
template <typename... Words>
std::string sentence(const Words&... parts) {
  std::string text;
  (words::append(text, parts), ...);
  return text;
}

/// A failure: one sentence, and the errno behind it (0 when no system call failed).
class Error : public std::exception {
 public:
  /// With a `number` other than 0 the errno's own words (strerror) are appended to the message.
  explicit Error(std::string message, int number = 0);

  /// Puts words in front of the message: "<words>: <message>".
  template <typename... Words>
  void add_context(const Words&... parts) {
    message_ = sentence(parts..., ": ", message_);
  }
  /// The errno, or 0.
  int number() const { return number_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
  int number_;
};

/// The command line was wrong: the caller prints the usage beside the sentence.
class UsageError : public Error {
 public:
  explicit UsageError(std::string message) : Error(std::move(message)) {}
};

/// The thing that was named does not exist (a container, an image, a blob).
class NotFound : public Error {
 public:
  explicit NotFound(std::string message) : Error(std::move(message)) {}
};

namespace observed {
/// Gets the words of every call that check() sees, while a trace is written
/// (bundle-spec/cli/trace).
inline void (*call)(const std::string& words) = nullptr;

enum class Outcome { kSuccess, kFailure };
/// Tells the trace, if there is one, and throws the Error of a failed call.
void tell(Outcome outcome, int number, std::string words);
}  // namespace observed

/// The one way a failed system call becomes an Error: returns a result that is not negative, else
/// throws
/// "<words>: <strerror>". Words must be literals or plain variables: they are read after the call.
template <std::integral Result, typename... Words>
Result check(Result result, const Words&... parts) {
  if (result >= 0 && observed::call == nullptr) [[likely]]
    return result;
  const int number = errno;
  observed::tell(result >= 0 ? observed::Outcome::kSuccess : observed::Outcome::kFailure, number,
                 sentence(parts...));
  return result;
}
