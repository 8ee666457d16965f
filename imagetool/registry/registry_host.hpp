// SPDX-License-Identifier: Apache-2.0
// A registry as a whole, without a repository: whether a login is good, and what it has. toyimg
// only.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "imagetool/registry/registry.hpp"

namespace registry {

class RegistryHost {
 public:
  /// `host` as in references ("docker.io"). No network yet. Throws Error when it is blocked.
  RegistryHost(std::string host, Options options);
  ~RegistryHost();

  struct LoginCheck {
    bool was_needed = false;
    std::string identity_token{};  // of the token server, to be kept instead of the password
  };
  /// GET /v2/ with options.credentials.given. Throws Error when they are refused, or the registry
  /// cannot be asked.
  LoginCheck check_login();
  /// The names of all repositories, page by page; `page` bytes of names at once. Throws Error,
  /// NotFound when the registry does not tell.
  void catalog(const std::function<void(const std::string& repository)>& each);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace registry
