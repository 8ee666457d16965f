// SPDX-License-Identifier: Apache-2.0
// What a registry's "no" means, in one sentence for the user. toyimg only.
#pragma once

#include <string>

#include "imagetool/registry/http.hpp"

namespace registry {

struct Refused {
  std::string host{};
  bool had_login = false;
};

/// Throws NotFound (404) or Error for a response that is not the content asked for, saying what to
/// do about it.
[[noreturn]] void refuse(const HttpResponse& response, const Refused& by);

}  // namespace registry
