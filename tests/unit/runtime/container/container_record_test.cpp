// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/container_record.hpp"

#include <gtest/gtest.h>
#include <linux/sched.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "bundle-spec/error.hpp"

namespace {

ContainerRecord full_record() {
  ContainerRecord record;
  record.id = "web-1";
  record.oci_version = "1.3.0";
  record.bundle = "/b/with \"quotes\"\n";
  record.rootfs = "/b/rootfs";
  record.created = "2026-11-22T04:24:19.123456789Z";
  record.owner = "root";
  record.annotations = {{"a/key", "välue"}, {"empty", ""}};
  record.pid = 4194303;
  record.start_time = 18446744073709551615ULL;
  record.has_poststop = true;
  record.own_pid_namespace = false;
  record.freezer = "/sys/fs/cgroup/freezer/a/freezer.state";
  return record;
}

ContainerCgroups full_cgroups() {
  ContainerCgroups cgroups;
  cgroups.directories = {{.mount_point = "/sys/fs/cgroup/cpu,cpuacct",
                          .path = "/a/b",
                          .controllers = {"cpu", "cpuacct"},
                          .is_v2 = false,
                          .writes = {},
                          .device_writes = {},
                          .last_writes = {}},
                         {.mount_point = "/sys/fs/cgroup",
                          .path = "/",
                          .controllers = {},
                          .is_v2 = true,
                          .writes = {},
                          .device_writes = {},
                          .last_writes = {}}};
  cgroups.unit = plan::UnitName{.name = "toyrun-web-1.scope", .of_user = true};
  return cgroups;
}

std::string without_end(const std::string& line) { return line.substr(0, line.size() - 1); }

/// The record's line with one member replaced; `null` removes it.
std::string with(const char* key, const nlohmann::json& value) {
  nlohmann::ordered_json document = nlohmann::ordered_json::parse(write_record(full_record()));
  if (value.is_null())
    document.erase(key);
  else
    document[key] = value;
  return document.dump();
}

std::string refusal(const std::string& line) {
  try {
    read_record(line, "/run/toyrun/web-1.json");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ContainerRecord, SurvivesARoundTrip) {
  const ContainerRecord record = full_record();
  const std::string line = write_record(record);
  EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line, whatever the strings hold";
  const ContainerRecord back = read_record(without_end(line), "x");
  EXPECT_EQ(back.id, record.id);
  EXPECT_EQ(back.oci_version, record.oci_version);
  EXPECT_EQ(back.bundle, record.bundle);
  EXPECT_EQ(back.rootfs, record.rootfs);
  EXPECT_EQ(back.created, record.created);
  EXPECT_EQ(back.owner, record.owner);
  EXPECT_EQ(back.annotations, record.annotations);
  EXPECT_EQ(back.pid, record.pid);
  EXPECT_EQ(back.start_time, record.start_time);
  EXPECT_EQ(back.has_poststart, record.has_poststart);
  EXPECT_EQ(back.has_poststop, record.has_poststop);
  EXPECT_EQ(back.own_pid_namespace, record.own_pid_namespace);
  EXPECT_EQ(back.freezer, record.freezer);
}

TEST(ContainerCgroups, SurviveARoundTrip) {
  const std::string line = write_cgroups(full_cgroups());
  EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line";
  const ContainerCgroups back = read_cgroups(line, "x");
  EXPECT_EQ(back.directories, full_cgroups().directories);
  EXPECT_EQ(back.unit, full_cgroups().unit);
}

TEST(ContainerRecord, BytesThatAreNoUtf8StayReadable) {
  ContainerRecord record = full_record();
  record.bundle = "/b/\xff\xfe/\xc3\x28/\xf0\x9f\x90\xb3";
  EXPECT_EQ(read_record(without_end(write_record(record)), "x").bundle,
            "/b/\xef\xbf\xbd\xef\xbf\xbd/\xef\xbf\xbd\x28/\xf0\x9f\x90\xb3");
}

TEST(ContainerRecord, RefusesWhatIsNoRecord) {
  for (const char* line : {"", "{", "[]", "null", "42", "{}", "\xff", "{\"version\":2}"})
    EXPECT_NE(refusal(line), "accepted") << line;
}

TEST(ContainerRecord, RefusesANewerVersionWithTheRemedy) {
  EXPECT_EQ(
      refusal(with("version", 3)),
      "/run/toyrun/web-1.json: has record version 3, this toyrun knows 2: use the toyrun that "
      "made the container");
}

TEST(ContainerRecord, RefusesEveryMissingMember) {
  const nlohmann::ordered_json document =
      nlohmann::ordered_json::parse(write_record(full_record()));
  for (const auto& [key, value] : document.items())
    EXPECT_NE(refusal(with(key.c_str(), nullptr)), "accepted") << key;
}

TEST(ContainerRecord, RefusesEveryWrongType) {
  const nlohmann::ordered_json document =
      nlohmann::ordered_json::parse(write_record(full_record()));
  for (const auto& [key, value] : document.items())
    EXPECT_NE(refusal(with(key.c_str(), 1.5)), "accepted") << key;
}

TEST(ContainerRecord, RefusesPidsThatAreNone) {
  EXPECT_NE(refusal(with("pid", -1)), "accepted") << "kill(-1) would signal everybody";
  EXPECT_NE(refusal(with("pid", 4294967296)), "accepted");
}

TEST(ContainerCgroups, RefuseWhatLiesOutsideTheirMount) {
  for (const char* path : {"/../../etc", "relative", "/a/..", ""}) {
    nlohmann::json document = nlohmann::json::parse(write_cgroups(full_cgroups()));
    document["directories"][0]["path"] = path;
    EXPECT_THROW(read_cgroups(document.dump(), "x"), Error) << path;
  }
}

TEST(ContainerCgroups, RefuseHalfAUnit) {
  for (const char* key : {"unit", "ofUser"}) {
    nlohmann::json document = nlohmann::json::parse(write_cgroups(full_cgroups()));
    document["systemd"].erase(key);
    EXPECT_THROW(read_cgroups(document.dump(), "x"), Error) << key;
  }
}

TEST(ContainerDetails, SurviveARoundTrip) {
  ContainerDetails details;
  details.process.emplace();
  details.process->cwd = "/";
  details.process->args = {"sh", "-c", "echo \"a\nb\""};
  details.process->env = {"A=1"};
  details.hooks.poststop = {{.path = "/bin/true", .args = {"true"}, .env = {}, .timeout = 3}};
  details.namespace_flags = CLONE_NEWPID | CLONE_NEWNET;
  details.setgroups_denied = true;
  details.session_keyring = true;
  details.no_pivot = true;
  details.personality = 8;
  details.memory_policy = plan::MemoryPolicyPlan{.mode = 1 << 15 | 2, .nodes = {~std::uint64_t{0}}};
  details.seccomp.emplace();
  details.seccomp->flags = 6;
  details.seccomp->notify = true;
  details.seccomp->listener_path = "/run/agent";
  details.seccomp->listener_metadata = "meta";
  for (std::uint32_t i = 0; i < 467; ++i)
    details.seccomp->program.push_back({.code = static_cast<std::uint16_t>(0x8000 + i),
                                        .jump_true = static_cast<std::uint8_t>(i),
                                        .jump_false = static_cast<std::uint8_t>(255 - i % 256),
                                        .k = 0xdead0000 + i});
  const std::string lines = write_details(details);
  EXPECT_EQ(std::ranges::count(lines, '\n'), 3);
  const ContainerDetails back = read_details(lines, "x");
  EXPECT_EQ(back.process, details.process);
  EXPECT_EQ(back.hooks, details.hooks);
  EXPECT_EQ(back.namespace_flags, details.namespace_flags);
  EXPECT_EQ(back.setgroups_denied, details.setgroups_denied);
  EXPECT_EQ(back.session_keyring, details.session_keyring);
  EXPECT_TRUE(back.no_pivot);
  EXPECT_EQ(back.personality, details.personality);
  EXPECT_EQ(back.memory_policy, details.memory_policy);
  EXPECT_EQ(back.seccomp, details.seccomp);
}

TEST(ContainerDetails, ProgramsOfEveryLengthSurvive) {
  for (std::size_t count = 0; count < 7; ++count) {
    ContainerDetails details;
    details.seccomp.emplace().program.assign(
        count, {.code = 6, .jump_true = 0, .jump_false = 1, .k = 0x7fff0000});
    EXPECT_EQ(read_details(write_details(details), "x").seccomp, details.seccomp) << count;
  }
}

TEST(ContainerDetails, RefusesADamagedProgram) {
  ContainerDetails details;
  details.seccomp.emplace().program.resize(2);
  const std::string lines = write_details(details);
  const std::size_t end = lines.find('\n');
  nlohmann::json document = nlohmann::json::parse(lines.substr(0, end));
  const auto with_program = [&](const std::string& text) {
    document["seccomp"]["program"] = text;
    return document.dump() + lines.substr(end);
  };
  EXPECT_NO_THROW(
      read_details(with_program(document["seccomp"]["program"].get<std::string>()), "x"));
  for (const std::string& text :
       {std::string("AAAA"), std::string("AAAAAAAAAA!="), std::string(4097 * 8 / 3 * 4 + 16, 'A')})
    EXPECT_THROW(read_details(with_program(text), "x"), Error);
}

TEST(ContainerDetails, RefusesALineLess) {
  std::string lines = write_details({});
  lines.resize(lines.find('\n') + 1);
  EXPECT_THROW(read_details(lines, "x"), Error);
  EXPECT_THROW(read_details("", "x"), Error);
}

TEST(ContainerDetails, NoProcessStaysNone) {
  EXPECT_FALSE(read_details(write_details({}), "x").process.has_value());
}

}  // namespace
