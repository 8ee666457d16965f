// SPDX-License-Identifier: Apache-2.0
// Does a seccomp filter let a container start at all? Behind its filter the first process has a few
// calls to make before the program is there. The answer comes from the filter itself. Pure.
#pragma once

#include <string>

#include "runtime/plan/seccomp.hpp"

namespace plan {

/// What a start cannot live with: that a call ends the process, or that it fails as well.
enum class Barring { kKills, kKillsOrRefuses };

/// "starting needs write, which the filter kills: allow it in /linux/seccomp"; empty when the
/// filter lets a start pass, as far as that does not depend on arguments. `no_new_privileges` as in
/// the process: without it the filter comes before the identity, and more is called behind it.
std::string barred_start(const SeccompPlan& seccomp, bool no_new_privileges, Barring barring);

}  // namespace plan
