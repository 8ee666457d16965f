// SPDX-License-Identifier: Apache-2.0
// For tests of this room: a call must fail, and its sentence must hold some words.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "bundle-spec/error.hpp"

/// The sentence of the Error that `call` throws, or "" and a failure if it throws none.
template <typename Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "no Error was thrown";
  return "";
}

inline ::testing::AssertionResult contains(const std::string& text, const std::string& words) {
  if (text.find(words) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "\"" << text << "\" does not hold \"" << words << "\"";
}
