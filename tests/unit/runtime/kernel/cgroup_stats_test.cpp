// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel/cgroup_stats.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "bundle-spec/fs/file.hpp"

namespace kernel {
namespace {

TEST(CgroupStats, NumberLists) {
  using Numbers = std::vector<std::uint16_t>;
  EXPECT_EQ(parse_number_list("0-2,5\n"), (Numbers{0, 1, 2, 5}));
  EXPECT_EQ(parse_number_list("7"), Numbers{7});
  EXPECT_EQ(parse_number_list("\n"), Numbers{});
  EXPECT_EQ(parse_number_list(""), Numbers{});
  EXPECT_EQ(parse_number_list("3-1"), Numbers{});
  EXPECT_EQ(parse_number_list("0-99999999999").size(), 65535U);
}

TEST(CgroupStats, BlockIo) {
  const auto entries = parse_block_io("8:0 Read 4096\n259:3 17\nTotal 4113\n\n");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].major, 8U);
  EXPECT_EQ(entries[0].minor, 0U);
  EXPECT_EQ(entries[0].op, "Read");
  EXPECT_EQ(entries[0].value, 4096U);
  EXPECT_EQ(entries[1].major, 259U);
  EXPECT_EQ(entries[1].op, "");
  EXPECT_EQ(entries[1].value, 17U);
}

TEST(CgroupStats, PressureIsThePlainNumbers) {
  const auto pressure = parse_pressure(
      "some avg10=1.50 avg60=0.00 avg300=0.01 total=12\nfull avg10=0.00 avg60=0.00 avg300=0.00 "
      "total=3\n");
  ASSERT_TRUE(pressure);
  EXPECT_EQ(pressure->some.avg10, "1.50");
  EXPECT_EQ(pressure->some.avg300, "0.01");
  EXPECT_EQ(pressure->some.total, 12U);
  EXPECT_EQ(pressure->full.total, 3U);
  EXPECT_EQ(parse_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=9\n")->full.avg10, "0");
  for (const char* text : {"", "none\n", "some\n", "some avg10=x avg60=0.00 avg300=0.00 total=1\n",
                           "some avg60=0.00 avg10=0.00 avg300=0.00 total=1\n"})
    EXPECT_FALSE(parse_pressure(text)) << text;
}

/// A directory with files as a cgroup has them.
class Files {
 public:
  Files() {
    std::string name = "/tmp/cgroup_stats_test.XXXXXX";
    path_ = ::mkdtemp(name.data());
    directory_ = open_at(AT_FDCWD, path_, O_PATH | O_DIRECTORY);
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files() { std::filesystem::remove_all(path_); }
  void write(const std::string& name, const std::string& text) const {
    replace_file(path_ + "/" + name, text);
  }
  int get() const { return directory_.get(); }

 private:
  std::string path_;
  UniqueFd directory_;
};

TEST(CgroupStats, V2InTheWordsOfV1) {
  const Files files;
  files.write("cpu.stat",
              "usage_usec 5\nuser_usec 3\nsystem_usec 2\nnr_periods 7\nthrottled_usec 4\n");
  files.write("memory.stat", "anon 1\nfile 8192\n");
  files.write("memory.current", "100\n");
  files.write("memory.max", "1000\n");
  files.write("memory.peak", "500\n");
  files.write("memory.swap.current", "10\n");
  files.write("memory.swap.max", "max\n");
  files.write("pids.current", "3\n");
  files.write("pids.max", "max\n");
  files.write("io.stat", "8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n8:0 \n");
  files.write("hugetlb.2MB.current", "2097152\n");
  files.write("hugetlb.2MB.rsvd.current", "0\n");
  files.write("hugetlb.2MB.events", "max 4\n");
  CgroupStats stats;
  read_v2_stats(files.get(), {"cpu", "memory", "pids", "io", "hugetlb"}, stats);
  EXPECT_EQ(stats.cpu.total, 5000U);
  EXPECT_EQ(stats.cpu.user, 3000U);
  EXPECT_EQ(stats.cpu.kernel, 2000U);
  EXPECT_EQ(stats.cpu.periods, 7U);
  EXPECT_EQ(stats.cpu.throttled_time, 4000U);
  EXPECT_FALSE(stats.cpu.pressure);
  EXPECT_EQ(stats.memory.cache, 8192U);
  EXPECT_EQ(stats.memory.raw.at("anon"), 1U);
  EXPECT_EQ(stats.memory.usage.limit, 1000U);
  EXPECT_EQ(stats.memory.usage.max, 500U);
  EXPECT_EQ(stats.memory.swap.usage, 110U) << "memory and swap together";
  EXPECT_EQ(stats.memory.swap.limit, UINT64_MAX);
  EXPECT_EQ(stats.pids.current, 3U);
  EXPECT_EQ(stats.pids.limit, 0U) << "none";
  const auto& bytes = stats.block_io.recursive.at("io_service_bytes");
  ASSERT_EQ(bytes.size(), 2U);
  EXPECT_EQ(bytes[0].major, 8U);
  EXPECT_EQ(bytes[0].minor, 16U);
  EXPECT_EQ(bytes[0].op, "Read");
  EXPECT_EQ(bytes[0].value, 1U);
  EXPECT_EQ(bytes[1].op, "Write");
  EXPECT_EQ(stats.block_io.recursive.at("io_serviced")[1].value, 4U);
  ASSERT_EQ(stats.huge_pages.size(), 1U);
  EXPECT_EQ(stats.huge_pages.at("2MB").usage, 2097152U);
  EXPECT_EQ(stats.huge_pages.at("2MB").failcnt, 4U);
}

TEST(CgroupStats, V1) {
  const Files files;
  files.write("cpuacct.usage", "123\n");
  files.write("cpuacct.stat", "user 2\nsystem 3\n");
  files.write("cpuacct.usage_percpu", "100 23 \n");
  files.write("cpuacct.usage_all", "cpu user system\n0 60 40\n1 20 3\n");
  files.write("cpu.stat", "nr_periods 1\nnr_throttled 2\nthrottled_time 3\n");
  files.write("cpuset.cpus", "0-1\n");
  files.write("cpuset.mems", "0\n");
  files.write("cpuset.sched_relax_domain_level", "-1\n");
  files.write("memory.stat", "cache 7\n");
  files.write("memory.usage_in_bytes", "10\n");
  files.write("memory.limit_in_bytes", "9223372036854771712\n");
  files.write("memory.memsw.failcnt", "5\n");
  files.write("pids.max", "12\n");
  files.write("blkio.throttle.io_service_bytes_recursive", "8:0 Read 9\nTotal 9\n");
  files.write("hugetlb.1GB.usage_in_bytes", "0\n");
  files.write("hugetlb.1GB.failcnt", "1\n");
  CgroupStats stats;
  read_v1_stats(files.get(),
                {"cpu", "cpuacct", "cpuset", "memory", "pids", "blkio", "hugetlb", "freezer"},
                stats);
  EXPECT_EQ(stats.cpu.total, 123U);
  EXPECT_EQ(stats.cpu.user, 20'000'000U);
  EXPECT_EQ(stats.cpu.kernel, 30'000'000U);
  EXPECT_EQ(stats.cpu.percpu, (std::vector<std::uint64_t>{100, 23}));
  EXPECT_EQ(stats.cpu.percpu_user, (std::vector<std::uint64_t>{60, 20}));
  EXPECT_EQ(stats.cpu.percpu_kernel, (std::vector<std::uint64_t>{40, 3}));
  EXPECT_EQ(stats.cpu.throttled_time, 3U);
  EXPECT_EQ(stats.cpuset.cpus, (std::vector<std::uint16_t>{0, 1}));
  EXPECT_EQ(stats.cpuset.settings.at("sched_relax_domain_level"), -1);
  EXPECT_EQ(stats.memory.cache, 7U);
  EXPECT_EQ(stats.memory.usage.usage, 10U);
  EXPECT_EQ(stats.memory.usage.limit, 9223372036854771712U);
  EXPECT_EQ(stats.memory.swap.failcnt, 5U);
  EXPECT_EQ(stats.pids.limit, 12U);
  EXPECT_EQ(stats.block_io.recursive.at("io_service_bytes").size(), 1U);
  EXPECT_EQ(stats.huge_pages.at("1GB").failcnt, 1U);
}

TEST(CgroupStats, FilesThatAreNotThereCountAsNothing) {
  const Files files;
  CgroupStats stats;
  read_v1_stats(files.get(), {"cpu", "cpuacct", "cpuset", "memory", "pids", "blkio", "hugetlb"},
                stats);
  read_v2_stats(files.get(), {"cpu", "cpuset", "memory", "pids", "io", "hugetlb"}, stats);
  EXPECT_EQ(stats.memory.usage.limit, 0U);
  EXPECT_TRUE(stats.memory.raw.empty() || stats.memory.raw.at("cache") == 0);
}

}  // namespace
}  // namespace kernel
