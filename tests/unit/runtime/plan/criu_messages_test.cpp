// SPDX-License-Identifier: Apache-2.0
// Requests and answers beside the bytes that CRIU's own python (pycriu, 3.17.1) makes of the same
// messages.
#include "runtime/plan/criu_messages.hpp"

#include <gtest/gtest.h>
#include <linux/sched.h>

#include <algorithm>
#include <tuple>

#include "tests/unit/runtime/plan/expect_error.hpp"

namespace plan {
namespace {

std::string from_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2)
    bytes += static_cast<char>(std::stoi(std::string(text.substr(at, 2)), nullptr, 16));
  return bytes;
}

/// Fields may come in any order; those of one number keep theirs.
using Fields = std::vector<std::tuple<std::uint32_t, std::uint64_t, std::string>>;
Fields fields(std::string_view bytes) {
  Fields all;
  for (const ProtobufField& one : read_protobuf(bytes))
    all.emplace_back(one.number, one.value, std::string(one.bytes));
  std::ranges::stable_sort(all, {}, [](const auto& one) { return std::get<0>(one); });
  return all;
}
void expect_request(const std::string& written, std::string_view hex) {
  const std::string wanted = from_hex(hex);
  const Fields ours = fields(written);
  const Fields theirs = fields(wanted);
  ASSERT_EQ(ours.size(), 2U);
  ASSERT_EQ(theirs.size(), 2U);
  EXPECT_EQ(ours[0], theirs[0]);
  EXPECT_EQ(fields(std::get<2>(ours[1])), fields(std::get<2>(theirs[1])));
}

TEST(CriuMessages, Dump) {
  CriuOptions options;
  options.images_directory = 4;
  options.work_directory = 5;
  options.pid = 70000;
  options.switches = {CriuSwitch::kLeaveRunning, CriuSwitch::kManageCgroups,
                      CriuSwitch::kNotifyScripts, CriuSwitch::kOrphanPtsMaster};
  options.log_file = "dump.log";
  options.root = "/r";
  options.page_server = {.address = "::1", .port = 27};
  options.parent_image = "../p";
  options.mounts = {{"/etc/hosts", "/h"}};
  options.external = {"net[4026532]:extRootNetNS"};
  options.cgroup_mode = CriuCgroupMode::kSoft;
  options.freeze_cgroup = "/sys/fs/cgroup/x";
  options.empty_namespaces = CLONE_NEWNET;
  expect_request(
      write_criu_request(CriuType::kDump, options),
      "0801127e080410f0a20418014804520864756d702e6c6f675a070a033a3a31101b60016a022f7272042e2e2f7088"
      "0105ba01100a0a2f6574632f686f73747312022f68c00101900203aa02196e65745b343032363533325d3a657874"
      "526f6f744e65744e53b0028080808004e202102f7379732f66732f6367726f75702f78900301");
}

TEST(CriuMessages, Restore) {
  CriuOptions options;
  options.switches = {CriuSwitch::kRestoreAsSibling};
  options.cgroup_roots = {{"", "/c"}, {"cpu", "/c"}};
  options.inherited = {{"pipe:[1]", 300}};
  options.join_namespaces = {{"uts", "/run/u"}};
  options.config_file = "/f";
  options.lsm_profile = "apparmor:a";
  options.lsm_mount_context = "c";
  options.network_lock = CriuNetworkLock::kNftables;
  expect_request(
      write_criu_request(CriuType::kRestore, options),
      "0802125c08ffffffffffffffffff014804ca010412022f63ca01090a0363707512022f63d00101da010d0a087069"
      "70653a5b315d10ac02ba020d0a0375747312062f72756e2f759a03022f66aa030a61707061726d6f723a61fa0301"
      "63800402");
}

TEST(CriuMessages, Questions) {
  EXPECT_EQ(write_criu_acknowledgement(true), from_hex("08061801"));
  EXPECT_EQ(write_criu_feature_question(), from_hex("08092a0408011001"));
  EXPECT_EQ(write_criu_question(CriuType::kVersion, true), from_hex("080a2001"));
}

TEST(CriuMessages, Answers) {
  CriuResponse answer =
      read_criu_response(from_hex("080610012a120a0c706f73742d726573746f726510c0c407"));
  EXPECT_EQ(answer.type, CriuType::kNotify);
  EXPECT_TRUE(answer.success);
  EXPECT_EQ(answer.script, "post-restore");
  EXPECT_EQ(answer.pid, 123456);

  answer = read_criu_response(from_hex("080a1001520a080310111a0276332001"));
  EXPECT_EQ(answer.type, CriuType::kVersion);
  EXPECT_EQ(answer.version, 31701U);

  EXPECT_EQ(read_criu_response(from_hex("080210012202084d")).pid, 77);

  answer = read_criu_response(from_hex("080110003834420208014a03776879"));
  EXPECT_EQ(answer.type, CriuType::kDump);
  EXPECT_FALSE(answer.success);
  EXPECT_EQ(answer.error_number, 52);
  EXPECT_EQ(answer.error, "why");
  EXPECT_TRUE(answer.tracks_memory);
  EXPECT_FALSE(answer.has_lazy_pages);
}

TEST(CriuMessages, WhatIsNoMessage) {
  // A number, a length and a message that end too early, a number of more than 64 bits, a group.
  for (const char* hex : {"08", "0a05616263", "52ff", "08ffffffffffffffffffffff01", "0b"})
    EXPECT_TRUE(contains(error_of([&] { (void)read_criu_response(from_hex(hex)); }),
                         "no message of its protocol"));
  EXPECT_EQ(read_criu_response("").type, CriuType::kEmpty);
}

TEST(CriuMessages, ComplaintsOfALog) {
  EXPECT_EQ(criu_complaints("(00.01) fine\n"), "");
  EXPECT_EQ(criu_complaints("(00.01) Error (criu/tun.c:85): tun: one\n"
                            "(00.02)   7: Error (criu/mount.c:9): mnt: two\nrest"),
            "tun: one; mnt: two");
  EXPECT_EQ(criu_complaints("Error (a): 1\nError (b): 2\nError (c): 3\nError (d): 4"), "2; 3; 4");
}

}  // namespace
}  // namespace plan
