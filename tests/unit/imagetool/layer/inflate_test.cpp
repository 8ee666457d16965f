// SPDX-License-Identifier: Apache-2.0
#include "imagetool/layer/inflate.hpp"

#include <gtest/gtest.h>

#include <random>

#include "bundle-spec/error.hpp"
#include "tests/support/bytes.hpp"

namespace {

std::string inflated(const std::string& packed, std::size_t run = SIZE_MAX,
                     std::size_t step = 64 << 10, InflateLimits limits = {}) {
  Inflate inflate(source_of(packed, run), limits);
  std::string out;
  std::vector<std::byte> buffer(step);
  while (const std::size_t count = inflate.read(buffer)) {
    out.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  EXPECT_EQ(inflate.compressed_bytes(), packed.size());
  EXPECT_EQ(inflate.tar_bytes(), out.size());
  return out;
}

/// Text that compresses, but not to nothing.
std::string sample(std::size_t size) {
  std::mt19937 random(7);
  std::string text;
  while (text.size() < size) text += "word" + std::to_string(random() % 5000) + ' ';
  text.resize(size);
  return text;
}

std::string fault_of(const std::string& packed, InflateLimits limits = {}) {
  try {
    inflated(packed, SIZE_MAX, 64 << 10, limits);
  } catch (const Error& error) {
    return error.what();
  }
  return "no fault";
}
#define EXPECT_FAULT(packed, words) \
  EXPECT_NE(fault_of(packed).find(words), std::string::npos) << fault_of(packed)

std::string skippable_frame(const std::string& content) {
  std::string frame("\x5a\x2a\x4d\x18", 4);
  for (int shift = 0; shift < 32; shift += 8)
    frame += static_cast<char>(content.size() >> shift & 0xff);
  return frame + content;
}

TEST(Inflate, TellsFormatsApart) {
  const std::string text = sample(3'000'000);
  EXPECT_EQ(inflated(text), text);
  EXPECT_EQ(inflated(gzipped(text)), text);
  EXPECT_EQ(inflated(zstd_packed(text)), text);
}

TEST(Inflate, AnyRunAndAnyBuffer) {
  const std::string text = sample(150'000);
  for (const std::string& packed : {text, gzipped(text), zstd_packed(text)})
    for (const std::size_t run : {1, 2, 7, 1000, 1 << 20})
      for (const std::size_t step : {1, 13, 512, 1 << 20}) {
        if (run == 1 && step == 1) continue;
        ASSERT_EQ(inflated(packed, run, step), text) << run << ' ' << step;
      }
}

TEST(Inflate, EmptyStreamsAreEmptyLayers) {
  EXPECT_EQ(inflated(""), "");
  EXPECT_EQ(inflated(gzipped("")), "");
  EXPECT_EQ(inflated(zstd_packed("")), "");
  EXPECT_EQ(inflated(skippable_frame("note")), "");
}

TEST(Inflate, GzipMembersFollowEachOther) {
  const std::string text = sample(100'000);
  EXPECT_EQ(inflated(gzipped(text) + gzipped("") + gzipped("tail")), text + "tail");
  for (const std::size_t run : {1, 3, 100})
    EXPECT_EQ(inflated(gzipped("a") + gzipped("b"), run), "ab");
}

TEST(Inflate, GzipHeaderFieldsAreSkipped) {
  // FEXTRA (eStargz), FNAME, FCOMMENT, FHCRC is left out: flags 4 + 8 + 16.
  std::string packed = gzipped("content");
  packed[3] = 4 + 8 + 16;
  packed.insert(10, std::string("\x05\x00"
                                "SGabc"
                                "name\0"
                                "comment\0",
                                2 + 5 + 5 + 8));
  for (const std::size_t run : {1, 4, 1000}) EXPECT_EQ(inflated(packed, run), "content");
}

TEST(Inflate, GzipMayEndInNulPadding) {
  for (const std::size_t run : {1, 512, 1 << 20})
    EXPECT_EQ(inflated(gzipped("x") + std::string(3000, '\0'), run), "x");
}

TEST(Inflate, GzipRefusesWhatFollowsIt) {
  EXPECT_FAULT(gzipped("x") + "garbage", "after its gzip stream");
  EXPECT_FAULT(gzipped("x") + std::string(10, '\0') + "garbage", "after its gzip stream");
  EXPECT_FAULT(gzipped("x") + std::string(10, '\0') + gzipped("hidden"), "after its gzip stream");
}

TEST(Inflate, CutOffAnywhereIsAnError) {
  const std::string text = sample(20'000);
  const std::string gzip = gzipped(text);
  for (std::size_t size = 3; size < gzip.size();
       size += size < 40 || size + 40 > gzip.size() ? 1 : 101)
    EXPECT_NE(fault_of(gzip.substr(0, size)).find("cut off"), std::string::npos) << size;
  const std::string zstd = zstd_packed(text);
  for (std::size_t size = 4; size < zstd.size(); size += 37)
    EXPECT_NE(fault_of(zstd.substr(0, size)).find("cut off"), std::string::npos) << size;
}

TEST(Inflate, DamageIsFound) {
  const std::string text = sample(20'000);
  std::string gzip = gzipped(text);
  gzip[gzip.size() - 6] ^= 1;  // CRC32
  EXPECT_FAULT(gzip, "checksum");
  gzip = gzipped(text);
  gzip[gzip.size() - 2] ^= 1;  // ISIZE
  EXPECT_NE(fault_of(gzip), "no fault");
  gzip = gzipped(text);
  gzip[gzip.size() / 2] ^= 0x55;
  EXPECT_NE(fault_of(gzip), "no fault");
  std::string zstd = zstd_packed(text);
  zstd[5] ^= 0x55;
  EXPECT_NE(fault_of(zstd), "no fault");
}

TEST(Inflate, ZstdFramesAndSkippableFrames) {
  EXPECT_EQ(
      inflated(skippable_frame("x") + zstd_packed("a") + skippable_frame("toc") + zstd_packed("b"),
               5),
      "ab");
  EXPECT_NE(fault_of(zstd_packed("a") + "garbage"), "no fault");
}

TEST(Inflate, ZstdWindowIsLimited) {
  // RFC 8878 3.1.1.1: a frame header that asks for a window of 2^31 (exponent 21) bytes.
  EXPECT_NE(fault_of(std::string("\x28\xb5\x2f\xfd\x00", 5) + static_cast<char>(21 << 3) +
                     std::string(10, 'x')),
            "no fault");
}

TEST(Inflate, OtherCompressionIsNamed) {
  EXPECT_FAULT(std::string("\xfd"
                           "7zXZ\0",
                           6) +
                   "rest",
               "xz");
  EXPECT_FAULT("BZh91AY&SYrest", "bzip2");
  EXPECT_EQ(inflated("BZhello is a plain file name"), "BZhello is a plain file name");
}

TEST(Inflate, LimitsStopBombs) {
  const std::string bomb = gzipped(std::string(40 << 20, '\0'));
  EXPECT_NE(fault_of(bomb, {.output = 1 << 20}).find("bytes allowed"), std::string::npos);
  EXPECT_NE(fault_of(bomb, {.ratio = 100, .ratio_from = 1 << 20}).find("bomb"), std::string::npos);
  EXPECT_EQ(fault_of(bomb), "no fault");
}

TEST(Inflate, FailureOfTheSourceComesThrough) {
  Inflate inflate([](std::span<std::byte>) -> std::size_t { throw Error("the line is dead"); });
  std::vector<std::byte> buffer(10);
  EXPECT_THROW(inflate.read(buffer), Error);
}
}  // namespace
