// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/tar_reader.hpp"

#include <gtest/gtest.h>

#include <tuple>

#include "bundle-spec/error.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/tar_builder.hpp"

namespace {
using Kind = TarEntry::Kind;
using namespace std::string_literals;

struct Read {
  TarEntry entry;
  std::string content;  // holes filled with '.'
};

std::vector<Read> read_all(const std::string& archive, std::size_t run = 512 << 10,
                           TarLimits limits = {}) {
  TarReader reader(chunks_of(archive, run), limits);
  std::vector<Read> entries;
  TarEntry entry;
  while (reader.next(entry)) {
    std::string content(entry.size < 1 << 20 ? entry.size : 0, '.');
    for (;;) {
      const TarReader::Piece piece = reader.next_piece();
      if (piece.bytes.empty()) break;
      if (!content.empty())
        content.replace(piece.offset, piece.bytes.size(),
                        reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
    }
    entries.push_back({entry, content});
  }
  reader.drain();
  return entries;
}

Read read_one(const TarBuilder& builder) {
  const std::vector<Read> entries = read_all(builder.finish());
  EXPECT_EQ(entries.size(), 1U);
  return entries.empty() ? Read{} : entries[0];
}

std::string fault_of(const std::string& archive, TarLimits limits = {}) {
  try {
    read_all(archive, 512 << 10, limits);
  } catch (const Error& error) {
    return error.what();
  }
  return "no fault";
}
#define EXPECT_FAULT(archive, words) \
  EXPECT_NE(fault_of(archive).find(words), std::string::npos) << fault_of(archive)

TEST(TarReader, ReadsEveryKind) {
  const std::vector<Read> entries =
      read_all(TarBuilder()
                   .directory("d/", 01777, 5)
                   .file("d/f", "hello", 04755)
                   .symlink("d/s", "../f")
                   .hard_link("d/h", "d/f")
                   .add({.name = "c", .type = '3', .mode = 0666, .major = 1, .minor = 3})
                   .add({.name = "b", .type = '4', .major = 8, .minor = 1048575})
                   .add({.name = "p", .type = '6'})
                   .add({.name = "seven", .type = '7'}, "x")
                   .add({.name = "old", .type = '\0'}, "y")
                   .add({.name = "olddir/", .type = '\0'})
                   .finish());
  const std::vector<std::tuple<std::string, Kind, std::string>> wanted = {
      {"d/", Kind::kDirectory, ""}, {"d/f", Kind::kFile, "hello"},
      {"d/s", Kind::kSymlink, ""},  {"d/h", Kind::kHardLink, ""},
      {"c", Kind::kCharDevice, ""}, {"b", Kind::kBlockDevice, ""},
      {"p", Kind::kFifo, ""},       {"seven", Kind::kFile, "x"},
      {"old", Kind::kFile, "y"},    {"olddir/", Kind::kDirectory, ""}};
  ASSERT_EQ(entries.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i)
    EXPECT_EQ(std::tuple(entries[i].entry.name, entries[i].entry.kind, entries[i].content),
              wanted[i]);
  EXPECT_EQ(entries[0].entry.mode, 01777U);
  EXPECT_EQ(entries[0].entry.mtime.tv_sec, 5);
  EXPECT_EQ(entries[2].entry.link_target, "../f");
  EXPECT_EQ(entries[5].entry.device_minor, 1048575U);
}

TEST(TarReader, RunsOfAnyLength) {
  const std::string archive = TarBuilder()
                                  .pax(pax_record("path", std::string(300, 'p')))
                                  .file("short", std::string(1300, 'x'))
                                  .hard_link("h", "short")
                                  .file("empty")
                                  .finish();
  for (const std::size_t run : {1, 3, 511, 512, 513, 1000, 4096}) {
    const std::vector<Read> entries = read_all(archive, run);
    ASSERT_EQ(entries.size(), 3U) << run;
    EXPECT_EQ(entries[0].entry.name, std::string(300, 'p'));
    EXPECT_EQ(entries[0].content, std::string(1300, 'x'));
  }
}

TEST(TarReader, UnreadDataIsSkipped) {
  TarReader reader(
      chunks_of(TarBuilder().file("a", std::string(5000, 'x')).file("b", "y").finish(), 700));
  TarEntry entry;
  ASSERT_TRUE(reader.next(entry));
  EXPECT_FALSE(reader.next_piece().bytes.empty());
  ASSERT_TRUE(reader.next(entry));
  EXPECT_EQ(entry.name, "b");
  EXPECT_FALSE(reader.next(entry));
}

TEST(TarReader, PrefixIsJoinedInPosixOnly) {
  EXPECT_EQ(read_one(TarBuilder().add({.name = "f", .prefix = "a/b"})).entry.name, "a/b/f");
  EXPECT_EQ(
      read_one(TarBuilder().add({.name = "f", .magic = "ustar  \0"s, .prefix = "junk"})).entry.name,
      "f");
  EXPECT_EQ(
      read_one(TarBuilder().add({.name = "f", .magic = std::string(8, '\0'), .prefix = "junk"}))
          .entry.name,
      "f");
}

TEST(TarReader, NameOf100BytesHasNoNul) {
  EXPECT_EQ(read_one(TarBuilder().file(std::string(100, 'n'))).entry.name, std::string(100, 'n'));
}

TEST(TarReader, GnuLongNames) {
  const std::string name = std::string(200, 'n') + "/\xe4";
  const Read read =
      read_one(TarBuilder().long_link(std::string(300, 'l')).long_name(name).symlink("cut", "cut"));
  EXPECT_EQ(read.entry.name, name);
  EXPECT_EQ(read.entry.link_target, std::string(300, 'l'));
}

TEST(TarReader, PaxValues) {
  const std::string records =
      pax_record("path", "na\xffme=x\n") + pax_record("uid", "4294967294") +
      pax_record("gid", "70000") + pax_record("mtime", "1700000000.123456789999") +
      pax_record("atime", "1") + pax_record("comment", "x") +
      pax_record("SCHILY.xattr.user.a", "v=1\n\0z"s) + pax_record("SCHILY.xattr.user.empty", "") +
      pax_record("SCHILY.xattr.user.a", "last"s);
  const TarEntry entry = read_one(TarBuilder().pax(records).file("other", "x")).entry;
  EXPECT_EQ(entry.name, "na\xffme=x\n");
  EXPECT_EQ(entry.uid, 4294967294U);
  EXPECT_EQ(entry.gid, 70000U);
  EXPECT_EQ(entry.mtime.tv_sec, 1700000000);
  EXPECT_EQ(entry.mtime.tv_nsec, 123456789);
  const std::vector<std::pair<std::string, std::string>> xattrs = {{"user.a", "last"},
                                                                   {"user.empty", ""}};
  EXPECT_EQ(entry.xattrs, xattrs);
}

TEST(TarReader, PaxBinaryValuesAndLibarchive) {
  const TarEntry entry = read_one(TarBuilder()
                                      .pax(pax_record("SCHILY.xattr.a", "v=1\n\0z"s) +
                                           pax_record("LIBARCHIVE.xattr.user%2eb", "AAECA/8") +
                                           pax_record("linkpath", "t\xe4rget"))
                                      .symlink("s", "x"))
                             .entry;
  const std::vector<std::pair<std::string, std::string>> xattrs = {{"a", "v=1\n\0z"s},
                                                                   {"user.b", "\0\1\2\3\xff"s}};
  EXPECT_EQ(entry.xattrs, xattrs);
  EXPECT_EQ(entry.link_target, "t\xe4rget");
}

TEST(TarReader, PaxAppliesToOneEntry) {
  const std::vector<Read> entries =
      read_all(TarBuilder().pax(pax_record("uid", "7")).file("a").file("b").finish());
  EXPECT_EQ(entries[0].entry.uid, 7U);
  EXPECT_EQ(entries[1].entry.uid, 0U);
}

TEST(TarReader, TimesBefore1970) {
  const auto time_of = [](const std::string& text) {
    const TarEntry entry = read_one(TarBuilder().pax(pax_record("mtime", text)).file("f")).entry;
    return std::pair(entry.mtime.tv_sec, entry.mtime.tv_nsec);
  };
  EXPECT_EQ(time_of("-1"), std::pair(-1L, 0L));
  EXPECT_EQ(time_of("-1.25"), std::pair(-2L, 750000000L));
  EXPECT_EQ(time_of("-0.5"), std::pair(-1L, 500000000L));
  EXPECT_EQ(time_of("12."), std::pair(12L, 0L));
  EXPECT_EQ(read_one(TarBuilder().add({.name = "f", .patches = {{136, std::string(12, '\xff')}}}))
                .entry.mtime.tv_sec,
            -1);
}

TEST(TarReader, Base256Numbers) {
  const Read read =
      read_one(TarBuilder().add({.name = "f", .patches = {{108, "\x80\0\0\0\xff\xff\xff\xfe"s}}}));
  EXPECT_EQ(read.entry.uid, 4294967294U);
  EXPECT_FAULT(
      TarBuilder().add({.name = "f", .patches = {{124, std::string(12, '\xff')}}}).finish(),
      "size");
  EXPECT_FAULT(TarBuilder()
                   .add({.name = "f", .patches = {{124, "\x80" + std::string(11, '\xff')}}})
                   .finish(),
               "size");
}

TEST(TarReader, PaxSizeBeatsTheHeader) {
  // TARmageddon, CVE-2025-62518: the header says 0, so that a nested archive looks like entries.
  const std::string nested = TarBuilder().file("hidden", "x").open_end();
  const std::vector<Read> entries =
      read_all(TarBuilder()
                   .pax(pax_record("size", std::to_string(nested.size())))
                   .add({.name = "outer", .patches = {{124, tar_octal(0, 12)}}}, nested)
                   .file("next")
                   .finish());
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].content, nested);
  EXPECT_EQ(entries[1].entry.name, "next");
}

TEST(TarReader, AmbiguousExtensionsAreRefused) {
  const std::string path = pax_record("path", "a");
  EXPECT_FAULT(TarBuilder().pax(path).long_name("b").file("c").finish(), "both");
  EXPECT_FAULT(TarBuilder().long_name("b").pax(path).file("c").finish(), "both");
  EXPECT_FAULT(TarBuilder().pax(path).pax(path).file("c").finish(), "two PAX");
  EXPECT_FAULT(TarBuilder().long_name("b").long_name("a").file("c").finish(), "two GNU");
  EXPECT_FAULT(TarBuilder().global_pax(pax_record("size", "512")).file("c").finish(), "global");
  EXPECT_FAULT(TarBuilder().global_pax(pax_record("path", "x")).file("c").finish(), "global");
  EXPECT_FAULT(TarBuilder().pax(path).open_end(), "after an extension");
}

TEST(TarReader, GlobalPaxIsIgnored) {
  const std::vector<Read> entries =
      read_all(TarBuilder()
                   .global_pax(pax_record("comment", "git") + pax_record("uid", "9"))
                   .file("a")
                   .finish());
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].entry.uid, 0U);
}

TEST(TarReader, MalformedPaxIsRefused) {
  for (const std::string& records :
       {"x"s, "5 a=b"s, "99 path=x\n"s, "0 path=x\n"s, "6 path\n\n"s, " 9 path=x\n"s, "5 =b\n\n"s,
        "18446744073709551617 path=x\n"s, "-5 path=x\n"s, pax_record("path", "a\0b"s),
        pax_record("size", "-1"), pax_record("size", "1x"), pax_record("uid", "4294967295"),
        pax_record("mtime", "soon"), pax_record("mtime", "1.-5"),
        pax_record("size", "9223372036854775808"), pax_record("LIBARCHIVE.xattr.a", "!")})
    EXPECT_NE(fault_of(TarBuilder().pax(records).file("f").finish()), "no fault") << records;
}

TEST(TarReader, ExtensionHeadersAreCapped) {
  EXPECT_FAULT(TarBuilder().add({.name = "x", .type = 'x', .size = (1 << 20) + 1}).finish(),
               "too large");
  EXPECT_FAULT(
      TarBuilder().add({.name = "x", .type = 'L', .size = std::uint64_t{1} << 32}).finish(),
      "too large");
}

TEST(TarReader, DamageIsRefused) {
  EXPECT_FAULT(std::string(512, 'x'), "checksum");
  EXPECT_FAULT("short", "cut off");
  std::string archive = TarBuilder().file("f", "data").finish();
  archive[0] = 'g';
  EXPECT_FAULT(archive, "checksum");
  EXPECT_FAULT(TarBuilder().add({.name = "f", .patches = {{124, "0000000000x\0"s}}}).finish(),
               "size");
  EXPECT_FAULT(TarBuilder().add({.name = "f", .patches = {{124, "12 4\0"s}}}).finish(), "size");
  EXPECT_FAULT(TarBuilder().add({.name = "f", .type = 'Q'}).finish(), "type");
  EXPECT_FAULT(TarBuilder().add({.name = ""}).finish(), "no name");
  EXPECT_FAULT(TarBuilder().add({.name = "c", .type = '3', .major = 5000}).finish(),
               "cannot exist");
  EXPECT_FAULT(TarBuilder().file("f").raw(std::string(512, '\0')).file("g").finish(), "zero block");
}

TEST(TarReader, EndsWithoutMarker) {
  EXPECT_EQ(read_all("").size(), 0U);
  EXPECT_EQ(read_all(std::string(10240, '\0')).size(), 0U);
  EXPECT_EQ(read_all(TarBuilder().file("f", "data").open_end()).size(), 1U);
  EXPECT_EQ(read_all(TarBuilder().file("f", "data").open_end() + std::string(512, '\0')).size(),
            1U);
  const std::string archive = TarBuilder().file("f", "data").open_end();
  EXPECT_EQ(read_all(archive.substr(0, 516)).size(), 1U) << "only padding is missing";
  EXPECT_FAULT(archive.substr(0, 515), "cut off");
}

TEST(TarReader, WhatFollowsTheEndIsDrainedUnread) {
  EXPECT_EQ(
      read_all(TarBuilder().file("f").finish() + TarBuilder().file("g").finish() + "junk").size(),
      1U);
}

TEST(TarReader, SizeOnALink) {
  // ustar and GNU writers put the file's size there without data; PAX writers may put data.
  const std::vector<Read> noise = read_all(
      TarBuilder().add({.name = "h", .type = '1', .size = 700, .link = "f"}).file("next").finish());
  ASSERT_EQ(noise.size(), 2U);
  EXPECT_EQ(noise[1].entry.name, "next");
  const std::vector<Read> data =
      read_all(TarBuilder()
                   .add({.name = "h", .type = '1', .link = "f"}, std::string(700, 'x'))
                   .file("next")
                   .finish());
  ASSERT_EQ(data.size(), 2U);
  EXPECT_EQ(data[1].entry.name, "next");
}

// --- sparse
// ----------------------------------------------------------------------------------------------------------

TEST(TarReader, OldGnuSparse) {
  TarHeader header{.name = "s", .type = 'S', .magic = "ustar  \0"s};
  for (int i = 0; i < 4; ++i) {
    header.patches.emplace_back(386 + 24 * i, tar_octal(static_cast<unsigned>(10 * i), 12));
    header.patches.emplace_back(398 + 24 * i, tar_octal(1, 12));
  }
  header.patches.emplace_back(482, "\1");
  header.patches.emplace_back(483, tar_octal(60, 12));
  std::string extended(512, '\0');
  extended.replace(0, 12, tar_octal(50, 12));
  extended.replace(12, 12, tar_octal(2, 12));
  header.size = 6;
  const std::vector<Read> entries = read_all(
      TarBuilder().add(header).raw(extended).raw(tar_padded("abcdef")).file("next").finish());
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_TRUE(entries[0].entry.sparse);
  EXPECT_EQ(entries[0].content, "a.........b.........c.........d...................ef........");
}

std::string sparse_records(const std::string& minor) {
  return pax_record("GNU.sparse.major", minor == "1.0" ? "1" : "0") +
         pax_record("GNU.sparse.minor", minor.substr(2)) + pax_record("GNU.sparse.name", "real");
}

TEST(TarReader, PaxSparse) {
  const std::string wanted = "ab...cd..";
  const Read v00 = read_one(
      TarBuilder()
          .pax(pax_record("GNU.sparse.size", "9") + pax_record("GNU.sparse.numblocks", "2") +
               pax_record("GNU.sparse.offset", "0") + pax_record("GNU.sparse.numbytes", "2") +
               pax_record("GNU.sparse.offset", "5") + pax_record("GNU.sparse.numbytes", "2"))
          .file("real", "abcd"));
  const Read v01 = read_one(TarBuilder()
                                .pax(sparse_records("0.1") + pax_record("GNU.sparse.size", "9") +
                                     pax_record("GNU.sparse.map", "0,2,5,2"))
                                .file("GNUSparseFile.1/real", "abcd"));
  const Read v10 =
      read_one(TarBuilder()
                   .pax(sparse_records("1.0") + pax_record("GNU.sparse.realsize", "9"))
                   .file("GNUSparseFile.1/real", tar_padded("2\n0\n2\n5\n2\n") + "abcd"));
  for (const Read& read : {v00, v01, v10}) {
    EXPECT_EQ(read.entry.name, "real");
    EXPECT_EQ(read.entry.size, 9U);
    EXPECT_EQ(read.content, wanted);
  }
}

TEST(TarReader, SparseMapAcrossBlocks) {
  std::string map = "200\n";
  std::string data;
  for (int i = 0; i < 200; ++i) {
    map += std::to_string(i * 10) + "\n1\n";
    data += static_cast<char>('a' + i % 26);
  }
  const TarBuilder builder =
      TarBuilder()
          .pax(sparse_records("1.0") + pax_record("GNU.sparse.realsize", "2000"))
          .file("x", tar_padded(map) + data);
  const Read read = read_one(builder);
  EXPECT_EQ(read.entry.segments.size(), 200U);
  EXPECT_EQ(read.content.substr(1990),
            std::string(1, static_cast<char>('a' + 199 % 26)) + ".........");
}

TEST(TarReader, HostileSparseMaps) {
  const auto map = [](const std::string& numbers, const std::string& size,
                      const std::string& data) {
    return TarBuilder()
        .pax(sparse_records("0.1") + pax_record("GNU.sparse.size", size) +
             pax_record("GNU.sparse.map", numbers))
        .file("x", data)
        .finish();
  };
  EXPECT_EQ(fault_of(map("0,2", "10", "ab")), "no fault");
  EXPECT_FAULT(map("0,2", "9223372036854775807", "ab"),
               "larger than");  // 1 KB that expands to 8 EiB
  EXPECT_FAULT(map("5,2,0,2", "10", "abcd"), "order");
  EXPECT_FAULT(map("0,3,2,1", "10", "abcd"), "order");
  EXPECT_FAULT(map("9,2", "10", "ab"), "past its end");
  EXPECT_FAULT(map("9223372036854775807,2", "10", "ab"), "past its end");
  EXPECT_FAULT(map("0,2", "10", "abc"), "does not fit");
  EXPECT_FAULT(map("0,2,5", "10", "ab"), "cut off");
  EXPECT_FAULT(map("0,,2", "10", "ab"), "number");
  EXPECT_FAULT(TarBuilder()
                   .pax(sparse_records("0.1") + pax_record("GNU.sparse.map", "0,2"))
                   .file("x", "ab")
                   .finish(),
               "size");
  EXPECT_FAULT(TarBuilder()
                   .pax(pax_record("GNU.sparse.major", "2") + pax_record("GNU.sparse.size", "1"))
                   .file("x")
                   .finish(),
               "unknown");
  EXPECT_FAULT(TarBuilder()
                   .pax(sparse_records("1.0") + pax_record("GNU.sparse.realsize", "9"))
                   .file("x", "99999999\n")
                   .finish(),
               "cut off");
  EXPECT_FAULT(TarBuilder()
                   .pax(sparse_records("1.0") + pax_record("GNU.sparse.realsize", "9"))
                   .directory("x")
                   .finish(),
               "contradicts");
  EXPECT_FAULT(TarBuilder().add({.name = "s", .type = 'S'}).finish(), "contradicts");
}
}  // namespace
