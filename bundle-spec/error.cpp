// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/error.hpp"

#include <string.h>

#include <utility>

namespace {
std::string with_errno(std::string message, int number) {
  if (number == 0) return message;
  const char* description = ::strerrordesc_np(number);
  return sentence(message, ": ", description != nullptr ? description : "unknown error");
}
}  // namespace

Error::Error(std::string message, int number)
    : message_(with_errno(std::move(message), number)), number_(number) {}

void observed::tell(Outcome outcome, int number, std::string words) {
  if (outcome == Outcome::kSuccess) return call(words);
  Error error(std::move(words), number);
  if (call != nullptr) call(error.what());
  throw error;
}
