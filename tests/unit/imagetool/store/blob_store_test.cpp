// SPDX-License-Identifier: Apache-2.0
#include "imagetool/store/blob_store.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <future>
#include <latch>
#include <thread>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string drained(const ByteSource& source, std::size_t step = 1000) {
  std::string text;
  std::vector<std::byte> buffer(step);
  while (const std::size_t count = source(buffer))
    text.append(reinterpret_cast<const char*>(buffer.data()), count);
  return text;
}

// What another process holds while it writes the blob.
UniqueFd taken_lock(const std::string& part) {
  UniqueFd file = open_at(AT_FDCWD, part, O_RDWR | O_CREAT, 0600);
  EXPECT_EQ(::flock(file.get(), LOCK_EX | LOCK_NB), 0);
  return file;
}

class BlobStoreTest : public testing::Test {
 protected:
  std::string place() const { return directory_ / "store"; }
  BlobStore open() const { return BlobStore::open(place()); }
  std::vector<std::string> parts() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(place() + "/partial"))
      names.push_back(entry.path().filename());
    return names;
  }

  const std::string content_ = std::string(300'000, 'c') + "end";
  const Digest digest_ = sha256_of(content_);
  TemporaryDirectory directory_;
};

TEST_F(BlobStoreTest, MakesALayout) {
  open();
  EXPECT_EQ(read_file(place() + "/oci-layout"), R"({"imageLayoutVersion": "1.0.0"})");
  struct stat status = {};
  ASSERT_EQ(::stat(place().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  open();
}

TEST_F(BlobStoreTest, RefusesOtherDirectories) {
  std::filesystem::create_directory(place());
  std::ofstream(place() + "/letter.txt") << "dear";
  EXPECT_THROW(open(), Error);
  std::ofstream(place() + "/oci-layout") << R"({"imageLayoutVersion": "2.0.0"})";
  EXPECT_THROW(open(), Error);
  std::ofstream(place() + "/oci-layout") << "[]";
  EXPECT_THROW(open(), Error);
}

TEST_F(BlobStoreTest, WritesAndReads) {
  const BlobStore store = open();
  EXPECT_FALSE(store.has(digest_));
  std::optional<BlobWriter> writer = store.begin(digest_, content_.size());
  ASSERT_TRUE(writer);
  writer->write(bytes(content_).first(1000));
  writer->write(bytes(content_).subspan(1000));
  EXPECT_FALSE(store.has(digest_)) << "nothing is visible before it is verified";
  EXPECT_EQ(writer->written(), content_.size());
  writer->commit();
  EXPECT_EQ(store.size(digest_), content_.size());
  EXPECT_EQ(drained(store.read(digest_)), content_);
  EXPECT_EQ(store.read_all(digest_), content_);
  EXPECT_THROW(store.read_all(digest_, 10), Error);
  EXPECT_TRUE(parts().empty());
  EXPECT_FALSE(store.begin(digest_, content_.size())) << "it is there";
  EXPECT_EQ(store.list(), std::vector<Digest>{digest_});
  EXPECT_EQ(store.remove(digest_), content_.size());
  EXPECT_EQ(store.remove(digest_), 0U);
  EXPECT_THROW(store.read(digest_), NotFound);
}

TEST_F(BlobStoreTest, EmptyBlobAndSha512) {
  const BlobStore store = open();
  EXPECT_EQ(store.read_all(store.put("")), "");
  Hasher hash("sha512");
  hash.update("abc");
  const Digest digest = hash.finish();
  std::optional<BlobWriter> writer = store.begin(digest, 3);
  writer->write(bytes("abc"));
  writer->commit();
  EXPECT_EQ(store.read_all(digest), "abc");
}

TEST_F(BlobStoreTest, WrongContentLeavesNothing) {
  const BlobStore store = open();
  const auto expect_refused = [&](std::string_view arriving, const std::string& words) {
    try {
      std::optional<BlobWriter> writer = store.begin(digest_, content_.size());
      writer->write(bytes(arriving));
      writer->commit();
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
    EXPECT_FALSE(store.has(digest_));
    EXPECT_TRUE(parts().empty());
  };
  expect_refused(std::string(content_.size(), 'x'), "not what was asked for");
  expect_refused("short", "cut off");
  expect_refused(content_ + "more", "longer");
}

TEST_F(BlobStoreTest, RestartBeginsAgain) {
  const BlobStore store = open();
  std::optional<BlobWriter> writer = store.begin(digest_, content_.size());
  writer->write(bytes("wrong start"));
  writer->restart();
  writer->write(bytes(content_));
  writer->commit();
  EXPECT_EQ(store.read_all(digest_), content_);
}

TEST_F(BlobStoreTest, AbandonedWriterLeavesNothing) {
  const BlobStore store = open();
  {
    std::optional<BlobWriter> writer = store.begin(digest_, content_.size());
    writer->write(bytes("some"));
    EXPECT_EQ(parts().size(), 1U);
  }
  EXPECT_TRUE(parts().empty());
}

/// With Resume::kYes: what one writer left, the next one goes on from.
class ResumedBlobTest : public BlobStoreTest {
 protected:
  std::optional<BlobWriter> begin(const BlobStore& store) const {
    return store.begin(big_digest_, big_.size(), {}, Resume::kYes);
  }
  void leave(const BlobStore& store, std::string_view content) const {
    begin(store)->write(bytes(content));
  }
  std::string part() const { return place() + "/partial/sha256-" + big_digest_.hex; }

  const std::string big_ = std::string(3'000'000, 'b') + "end";
  const Digest big_digest_ = sha256_of(big_);
};

TEST_F(ResumedBlobTest, GoesOnWhereTheLastWriterStopped) {
  leave(open(), std::string_view(big_).substr(0, 2'000'000));
  const BlobStore store = open();  // does not take it away
  std::optional<BlobWriter> writer = begin(store);
  EXPECT_EQ(writer->written(), 2'000'000U);
  std::vector<std::byte> buffer(big_.size());
  EXPECT_EQ(writer->reader()(buffer), 2'000'000U) << "readers get it all";
}

TEST_F(ResumedBlobTest, IsWholeInTheEnd) {
  const BlobStore store = open();
  leave(store, std::string_view(big_).substr(0, 2'000'000));
  std::optional<BlobWriter> writer = begin(store);
  ByteSource reader = writer->reader();
  writer->write(bytes(std::string_view(big_).substr(2'000'000)));
  writer->commit();
  EXPECT_EQ(drained(reader), big_);
  EXPECT_EQ(drained(store.read(big_digest_)), big_);
  EXPECT_TRUE(parts().empty());
}

TEST_F(ResumedBlobTest, IsDroppedWhenItWasWrong) {
  const BlobStore store = open();
  leave(store, std::string(2'000'000, 'x'));
  std::optional<BlobWriter> writer = begin(store);
  writer->write(bytes(std::string_view(big_).substr(2'000'000)));
  EXPECT_THROW(writer->commit(), Error);
  EXPECT_TRUE(parts().empty());
  writer.reset();
  EXPECT_EQ(begin(store)->written(), 0U);
}

TEST_F(ResumedBlobTest, IsNotForThoseWhoCannotGoOn) {
  const BlobStore store = open();
  leave(store, std::string_view(big_).substr(0, 2'000'000));
  std::optional<BlobWriter> writer = store.begin(big_digest_, big_.size());
  EXPECT_EQ(writer->written(), 0U);
  writer->write(bytes(big_));
  writer->commit();
  EXPECT_EQ(drained(store.read(big_digest_)), big_);
}

TEST_F(ResumedBlobTest, LongerThanTheBlobIsNothing) {
  const BlobStore store = open();
  std::ofstream(part()) << big_ << "more";
  EXPECT_EQ(begin(store)->written(), 0U);
}

TEST_F(ResumedBlobTest, SmallAndOldPartsGo) {
  leave(open(), "small");
  EXPECT_TRUE(parts().empty());
  leave(open(), std::string_view(big_).substr(0, 2'000'000));
  ASSERT_EQ(::utimes(part().c_str(), std::array<timeval, 2>{}.data()), 0);
  open();
  EXPECT_TRUE(parts().empty());
}

TEST_F(BlobStoreTest, DamageIsFoundWhenRead) {
  const BlobStore store = open();
  const Digest digest = store.put("content");
  std::ofstream(store.path(digest)) << "damaged";
  EXPECT_THROW(store.read_all(digest), Error);
  std::ofstream(store.path(digest)) << "";
  std::optional<BlobWriter> writer =
      store.begin(digest, 7);  // power was lost: the file is there without its content
  ASSERT_TRUE(writer);
  writer->write(bytes("content"));
  writer->commit();
  EXPECT_EQ(store.read_all(digest), "content");
}

TEST_F(BlobStoreTest, SymlinksAreNoBlobs) {
  const BlobStore store = open();
  std::ofstream(directory_ / "host-file") << "content";
  ASSERT_EQ(::symlink((directory_ / "host-file").c_str(), store.path(sha256_of("content")).c_str()),
            0);
  EXPECT_THROW(store.read(sha256_of("content")), Error);
}

// --- following a blob that grows
// -------------------------------------------------------------------------------------

TEST_F(BlobStoreTest, ReaderFollowsTheWriter) {
  const BlobStore store = open();
  std::optional<BlobWriter> writer = store.begin(digest_, content_.size());
  auto first =
      std::async(std::launch::async, [source = writer->reader()] { return drained(source, 777); });
  auto second = std::async(std::launch::async,
                           [source = writer->reader()] { return drained(source, 1 << 20); });
  for (std::size_t at = 0; at < content_.size(); at += 1000)
    writer->write(bytes(std::string_view(content_).substr(at, 1000)));
  EXPECT_NE(first.wait_for(std::chrono::milliseconds(20)), std::future_status::ready)
      << "ends only after commit";
  writer->commit();
  writer.reset();
  EXPECT_EQ(first.get(), content_);
  EXPECT_EQ(second.get(), content_);
}

TEST_F(BlobStoreTest, ReaderFailsWithTheWriter) {
  const BlobStore store = open();
  for (const bool damaged : {true, false}) {
    std::optional<BlobWriter> writer = store.begin(digest_, content_.size());
    auto reading =
        std::async(std::launch::async, [source = writer->reader()] { return drained(source); });
    writer->write(bytes(std::string(content_.size(), 'x')));
    if (damaged) {
      EXPECT_THROW(writer->commit(), Error);
    }
    writer.reset();
    EXPECT_THROW(reading.get(), Error);
  }
}

TEST_F(BlobStoreTest, AReaderDoesNotHoldTheLock) {
  const BlobStore store = open();
  std::optional<BlobWriter> writer = store.begin(digest_, content_.size());
  const ByteSource kept = writer->reader();
  writer.reset();
  std::optional<BlobWriter> again = store.begin(digest_, content_.size());
  ASSERT_TRUE(again);
}

// --- several at once
// -------------------------------------------------------------------------------------------------

TEST_F(BlobStoreTest, SecondWriterWaitsForTheFirst) {
  const BlobStore store = open();
  std::optional<BlobWriter> first = store.begin(digest_, content_.size());
  auto second = std::async(std::launch::async,
                           [&] { return store.begin(digest_, content_.size()).has_value(); });
  first->write(bytes(content_));
  EXPECT_NE(second.wait_for(std::chrono::milliseconds(50)), std::future_status::ready);
  first->commit();
  EXPECT_FALSE(second.get()) << "it finds what the first one stored";
}

TEST_F(BlobStoreTest, SecondWriterTakesOverFromAFailedOne) {
  const BlobStore store = open();
  std::optional<BlobWriter> first = store.begin(digest_, content_.size());
  first->write(bytes("half"));
  auto second = std::async(std::launch::async, [&] {
    std::optional<BlobWriter> writer = store.begin(digest_, content_.size());
    writer->write(bytes(content_));
    writer->commit();
  });
  first.reset();
  second.get();
  EXPECT_EQ(store.read_all(digest_), content_);
  EXPECT_TRUE(parts().empty());
}

TEST_F(BlobStoreTest, ManyWritersOfOneBlob) {
  open();
  std::atomic<int> wrote = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      const BlobStore store = open();  // each looks for stale parts, too
      for (std::optional<BlobWriter> writer = store.begin(digest_, content_.size()); writer;
           writer = store.begin(digest_, content_.size())) {
        if (i < 4 && wrote == 0) {
          writer.reset();
          break;  // a failed download
        }
        writer->write(bytes(content_));
        writer->commit();
        ++wrote;
        break;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrote, 1);
  EXPECT_EQ(open().read_all(digest_), content_);
  EXPECT_TRUE(parts().empty());
}

/// Starts a process that writes half of the blob and then waits to be killed.
pid_t start_half_writer(const BlobStore& store, const Digest& digest, const std::string& content) {
  int ready[2];
  EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::optional<BlobWriter> writer = store.begin(digest, content.size());
    writer->write(bytes(content).first(content.size() / 2));
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char letter = 0;
  EXPECT_EQ(::read(ready[0], &letter, 1), 1);
  ::close(ready[0]);
  ::close(ready[1]);
  return child;
}

TEST_F(BlobStoreTest, KilledWriterLeavesNoTrace) {
  const BlobStore store = open();
  const pid_t child = start_half_writer(store, digest_, content_);
  open();
  EXPECT_EQ(parts().size(), 1U) << "a living writer's part is left alone";
  auto waiting = std::async(std::launch::async, [&] {
    std::optional<BlobWriter> writer = store.begin(digest_, content_.size());
    EXPECT_TRUE(writer);
  });
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  waiting.get();
  const pid_t other = start_half_writer(store, digest_, content_);
  ASSERT_EQ(::kill(other, SIGKILL), 0);
  ASSERT_EQ(::waitpid(other, nullptr, 0), other);
  EXPECT_EQ(parts().size(), 1U);
  EXPECT_FALSE(store.has(digest_));
  open();
  EXPECT_TRUE(parts().empty()) << "the next one to open the store cleans up";
}
TEST_F(BlobStoreTest, WaitingForAnotherWriterCanBeStopped) {
  const BlobStore store = open();
  const UniqueFd taken = taken_lock(place() + "/partial/sha256-" + digest_.hex);
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] {
    return store.begin(digest_, content_.size(), stop.get_token()).has_value();
  });
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  stop.request_stop();
  EXPECT_THROW(waiting.get(), Error);
}

TEST_F(BlobStoreTest, WaitsForAnotherWriterToGiveUp) {
  const BlobStore store = open();
  UniqueFd taken = taken_lock(place() + "/partial/sha256-" + digest_.hex);
  auto waiting =
      std::async(std::launch::async, [&] { return store.begin(digest_, content_.size()); });
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  taken.reset();
  EXPECT_TRUE(waiting.get().has_value());
}

TEST_F(BlobStoreTest, WhatIsDamagedGoesSoThatItIsFetchedAgain) {
  const BlobStore store = open();
  store.put(content_);
  std::ofstream(store.path(digest_)) << std::string(content_.size(), 'x');
  EXPECT_TRUE(store.has(digest_));
  EXPECT_THROW(drained(store.read(digest_)), Error);
  EXPECT_FALSE(store.has(digest_));
  EXPECT_TRUE(store.begin(digest_, content_.size()).has_value());
}

}  // namespace
