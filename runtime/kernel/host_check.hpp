// SPDX-License-Identifier: Apache-2.0
// Would this plan work on this host, for the one who asks? Asks the kernel what create would meet,
// and neither makes nor changes anything. Host side, any user.
#pragma once

#include <vector>

#include "bundle-spec/oci/problem.hpp"
#include "runtime/plan/check.hpp"
#include "runtime/plan/host_facts.hpp"

namespace kernel {

/// Adds all that this host would refuse of the plan in `wanted` (which must have one).
void check_host(const plan::Remainder& wanted, const plan::HostFacts& facts,
                std::vector<oci::Problem>& problems);

}  // namespace kernel
