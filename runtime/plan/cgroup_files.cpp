// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/cgroup_files.hpp"

#include <algorithm>

#include "bundle-spec/error.hpp"

namespace plan {
namespace {

void check_at_least(const std::optional<std::int64_t>& value, std::string_view field) {
  if (value && *value < -1) {
    throw Error(sentence("/linux/resources/memory/", field, ": ", *value,
                         " is no size; -1 means unlimited"));
  }
}

void check_weight(const std::optional<std::uint16_t>& weight, const std::string& pointer) {
  if (weight.value_or(0) != 0 && (*weight < 10 || *weight > 1000)) {
    throw Error(sentence(pointer, ": must be between 10 and 1000, not ", *weight));
  }
}

}  // namespace

std::uint64_t io_weight(std::uint64_t weight) { return 1 + (weight - 10) * 9999 / 990; }

bool has_controller(const std::vector<std::string>& controllers, std::string_view name) {
  return std::ranges::find(controllers, name) != controllers.end();
}

bool is_set(const std::optional<std::int64_t>& value) { return value.value_or(0) != 0; }
bool is_set(const std::optional<std::uint64_t>& value) { return value.value_or(0) != 0; }

void check_memory(const oci::Memory& memory, Moment moment) {
  check_at_least(memory.limit, "limit");
  check_at_least(memory.reservation, "reservation");
  check_at_least(memory.swap, "swap");
  check_at_least(memory.kernel, "kernel");
  check_at_least(memory.kernel_tcp, "kernelTCP");
  const std::int64_t limit = memory.limit.value_or(0);
  const std::int64_t swap = memory.swap.value_or(0);
  if (swap <= 0) return;
  if (limit == 0 && moment == Moment::kCreate) {
    throw Error("/linux/resources/memory/swap: unable to set swap limit without memory limit");
  }
  // swap is memory and swap together (runtime-spec, config-linux "Memory").
  if (limit == -1 || swap < limit) {
    throw Error(
        "/linux/resources/memory/swap: is memory plus swap and must not be below the memory limit");
  }
}

void check_block_io(const oci::BlockIo& block_io) {
  check_weight(block_io.weight, "/linux/resources/blockIO/weight");
  check_weight(block_io.leaf_weight, "/linux/resources/blockIO/leafWeight");
  for (std::size_t i = 0; i < block_io.weight_device.size(); ++i) {
    const oci::WeightDevice& device = block_io.weight_device[i];
    const std::string pointer = sentence("/linux/resources/blockIO/weightDevice/", i);
    if (!device.weight && !device.leaf_weight) {
      throw Error(pointer + ": needs weight or leafWeight");
    }
    check_weight(device.weight, pointer + "/weight");
    check_weight(device.leaf_weight, pointer + "/leafWeight");
  }
}

void check_page_size(const std::string& page_size, std::size_t index) {
  const std::size_t digits = page_size.find_first_not_of("0123456789");
  const std::string unit = digits == std::string::npos ? "" : page_size.substr(digits);
  if (digits == 0 || page_size.starts_with('0') || (unit != "KB" && unit != "MB" && unit != "GB")) {
    throw Error(sentence("/linux/resources/hugepageLimits/", index, "/pageSize: \"", page_size,
                         "\" is no page size like 64KB, 2MB or 1GB"));
  }
}

void check_one_line(std::string_view text, std::string_view pointer) {
  for (const char letter : text) {
    if (letter == '\0' || letter == '\n') {
      throw Error(sentence(pointer, ": must not contain a NUL byte or a line break"));
    }
  }
}

std::string rdma_line(const std::string& device, const oci::Rdma& limits) {
  const std::string pointer = sentence("/linux/resources/rdma/", device);
  if (device.empty() || device.find_first_of(std::string_view(" \n\t\0", 4)) != std::string::npos) {
    throw Error(pointer + ": is no name of an RDMA device");
  }
  if (!limits.hca_handles && !limits.hca_objects) {
    throw Error(pointer + ": needs hcaHandles or hcaObjects");
  }
  std::string line = device;
  if (limits.hca_handles) line += sentence(" hca_handle=", *limits.hca_handles);
  if (limits.hca_objects) line += sentence(" hca_object=", *limits.hca_objects);
  return line;
}

}  // namespace plan
