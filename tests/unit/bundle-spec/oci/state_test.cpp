// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/oci/state.hpp"

#include <gtest/gtest.h>

namespace {

TEST(State, IsTheSpecsDocument) {
  const oci::State state{.oci_version = "1.3.0",
                         .id = "box",
                         .status = oci::Status::kRunning,
                         .pid = 4422,
                         .bundle = "/b/\"q\"",
                         .annotations = {{"a", "1"}}};
  EXPECT_EQ(oci::write_state(state),
            R"({"ociVersion":"1.3.0","id":"box","status":"running","pid":4422,)"
            R"("bundle":"/b/\"q\"","annotations":{"a":"1"}})");
}

TEST(State, LeavesOutWhatIsNotThere) {
  const oci::State state{.oci_version = "1.3.0",
                         .id = "box",
                         .status = oci::Status::kStopped,
                         .bundle = "/b\xff",
                         .annotations = {}};
  EXPECT_EQ(oci::write_state(state),
            "{\"ociVersion\":\"1.3.0\",\"id\":\"box\",\"status\":\"stopped\","
            "\"bundle\":\"/b\xef\xbf\xbd\"}");
}

TEST(State, StatusWords) {
  EXPECT_STREQ(oci::name(oci::Status::kCreating), "creating");
  EXPECT_STREQ(oci::name(oci::Status::kCreated), "created");
  EXPECT_STREQ(oci::name(oci::Status::kPaused), "paused");
}

}  // namespace
