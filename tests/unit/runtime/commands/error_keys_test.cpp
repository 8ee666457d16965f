// SPDX-License-Identifier: Apache-2.0
#include "runtime/commands/error_keys.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace commands {
namespace {

using Keys = std::vector<std::pair<std::string, std::string>>;

TEST(ErrorKeys, ASystemCallWithItsPath) {
  EXPECT_EQ(error_keys(Error("create failed: make the cgroup /sys/fs/cgroup/pids/a", EACCES)),
            (Keys{{"layer", "cgroup"}, {"errno", "EACCES"}, {"path", "/sys/fs/cgroup/pids/a"}}));
  EXPECT_EQ(error_keys(Error("run failed: open /b/config.json", ENOENT)),
            (Keys{{"layer", "config"},
                  {"syscall", "open"},
                  {"errno", "ENOENT"},
                  {"path", "/b/config.json"}}));
}

TEST(ErrorKeys, AConfigErrorPointsIntoTheDocument) {
  EXPECT_EQ(error_keys(Error("create failed: config.json: /mounts/0/destination: is required")),
            (Keys{{"layer", "config"}, {"pointer", "/mounts/0/destination"}}));
  EXPECT_EQ(error_keys(Error("create failed: /linux/resources/pids: must not be so")),
            (Keys{{"layer", "config"}, {"pointer", "/linux/resources/pids"}}));
  // A directory of the host that is called as a member of the document is none.
  EXPECT_EQ(error_keys(Error("open /root", EACCES)),
            (Keys{{"syscall", "open"}, {"errno", "EACCES"}, {"path", "/root"}}));
}

TEST(ErrorKeys, TheHintIsWhatStandsInParentheses) {
  EXPECT_EQ(error_keys(Error("exec failed: cannot exec in a paused container (use --ignore-paused "
                             "to override)")),
            (Keys{{"layer", "process"}, {"hint", "use --ignore-paused to override"}}));
  EXPECT_EQ(error_keys(Error("a) b(")), Keys{});
}

TEST(ErrorKeys, AProgramThatIsNotThere) {
  EXPECT_EQ(error_keys(Error("exec failed: unable to start container process: exec: \"/bin/nope\": "
                             "stat /bin/nope: no such file or directory")),
            (Keys{{"layer", "process"}, {"path", "/bin/nope"}}));
}

TEST(ErrorKeys, TheCommandLine) {
  EXPECT_EQ(error_keys(UsageError("unknown option --nope")), (Keys{{"layer", "options"}}));
  EXPECT_EQ(error_keys(NotFound("container does not exist")), (Keys{{"layer", "state"}}));
  EXPECT_EQ(error_keys(Error("")), Keys{});
}

}  // namespace
}  // namespace commands
