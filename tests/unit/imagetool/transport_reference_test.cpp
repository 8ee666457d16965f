// SPDX-License-Identifier: Apache-2.0
#include "imagetool/transport/transport_reference.hpp"

#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"

namespace transport {
namespace {

TEST(TransportReference, EveryForm) {
  const auto parse = [](std::string_view text) { return Reference::parse(text, Kind::kStore); };
  EXPECT_EQ(parse("alpine"), (Reference{.kind = Kind::kStore, .name = "alpine"}));
  EXPECT_EQ(parse("localhost:5000/a:b"),
            (Reference{.kind = Kind::kStore, .name = "localhost:5000/a:b"}));
  EXPECT_EQ(parse("store:a:b"), (Reference{.kind = Kind::kStore, .name = "a:b"}));
  EXPECT_EQ(parse("docker://a:b"), (Reference{.kind = Kind::kRegistry, .name = "a:b"}));
  EXPECT_EQ(parse("oci:dir"), (Reference{.kind = Kind::kOciLayout, .path = "dir"}));
  EXPECT_EQ(parse("oci:/a/b:tag:x"),
            (Reference{.kind = Kind::kOciLayout, .path = "/a/b", .name = "tag:x"}));
  EXPECT_EQ(parse("oci-archive:-:@12"),
            (Reference{.kind = Kind::kOciArchive, .path = "-", .index = 12}));
  EXPECT_EQ(parse("docker-archive:f.tar:host/a:b"),
            (Reference{.kind = Kind::kDockerArchive, .path = "f.tar", .name = "host/a:b"}));
  EXPECT_EQ(parse("dir:a:b"), (Reference{.kind = Kind::kDirectory, .path = "a:b"}));
  EXPECT_EQ(Reference::parse("a", Kind::kRegistry).kind, Kind::kRegistry);
  for (const char* const text : {"store:a", "docker://a:b", "oci:d:t", "oci-archive:f:@3", "dir:x"})
    EXPECT_EQ(parse(text).str(), text);
}

TEST(TransportReference, WhatIsRefused) {
  for (const char* const text :
       {"", "oci:", "oci::tag", "oci:d:@", "oci:d:@-1", "oci:d:@1x", "docker-daemon:x",
        "containers-storage:x", "sif:x", "docker:x", "store:"})
    EXPECT_THROW(Reference::parse(text, Kind::kStore), UsageError) << text;
}

}  // namespace
}  // namespace transport
