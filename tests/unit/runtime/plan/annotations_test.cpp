// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/annotations.hpp"

#include <gtest/gtest.h>

#include "tests/unit/runtime/plan/expect_error.hpp"

namespace plan {
namespace {

AnnotationChoices choices(const oci::Annotations& annotations, std::uint32_t euid = 0) {
  return read_annotations(annotations, HostFacts{.euid = euid});
}
std::string error_for(const oci::Annotations& annotations) {
  return error_of([&] { choices(annotations); });
}

TEST(Annotations, OthersChangeNothing) {
  EXPECT_EQ(choices({}), AnnotationChoices{});
  EXPECT_EQ(choices({{"run.oci.hooks.stdout", "/etc/passwd"},
                     {"run.oci.seccomp_bpf_data", "AAAA"},
                     {"run.oci.handler", ""},
                     {"org.example", "x"}}),
            AnnotationChoices{});
}

TEST(Annotations, Handler) {
  EXPECT_EQ(error_for({{"run.oci.handler", "wasm"}}),
            "/annotations/run.oci.handler: there is no handler \"wasm\", containers are processes");
}

TEST(Annotations, MountContextType) {
  EXPECT_EQ(choices({{"run.oci.mount_context_type", "rootcontext"}}).label_option, "rootcontext");
  EXPECT_TRUE(contains(error_for({{"run.oci.mount_context_type", "ro,context"}}), "is none of"));
}

TEST(Annotations, KeepGroupsIsForOrdinaryUsers) {
  EXPECT_TRUE(choices({{"run.oci.keep_original_groups", "1"}}, 1000).keep_groups);
  EXPECT_FALSE(choices({{"run.oci.keep_original_groups", "0"}}).keep_groups);
  EXPECT_TRUE(contains(error_for({{"run.oci.keep_original_groups", "1"}}), "root's groups"));
}

TEST(Annotations, PidfdReceiver) {
  EXPECT_EQ(choices({{"run.oci.pidfd_receiver", "/s"}}).pidfd_socket, "/s");
  EXPECT_TRUE(contains(error_for({{"run.oci.pidfd_receiver", "s"}}), "absolute"));
}

}  // namespace
}  // namespace plan
