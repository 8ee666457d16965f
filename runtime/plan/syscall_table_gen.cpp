// SPDX-License-Identifier: Apache-2.0
// Build-time program: asks libseccomp for the names and numbers of all system calls of one family
// of architectures and prints them as a C++ table. Usage: syscall_table_gen x86_64|aarch64|riscv64.
// Runs on the build machine only.
#include <linux/audit.h>
#include <seccomp.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int kHighestNumber = 2047;
constexpr int kX32Bit = 0x40000000;

struct Architecture {
  const char* word;  // config.json's
  const char* name;  // --explain's
  std::uint32_t token;
  std::uint32_t audit;
  bool is_64_bit;
  int number_base;  // x32 sets a bit in each number
};

std::vector<Architecture> family(std::string_view native) {
  if (native == "x86_64") {
    // libseccomp compares x32's arguments as 32 bits wide.
    return {{"SCMP_ARCH_X86_64", "x86_64", SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, true, 0},
            {"SCMP_ARCH_X86", "x86", SCMP_ARCH_X86, AUDIT_ARCH_I386, false, 0},
            {"SCMP_ARCH_X32", "x32", SCMP_ARCH_X32, AUDIT_ARCH_X86_64, false, kX32Bit}};
  }
  if (native == "aarch64") {
    return {{"SCMP_ARCH_AARCH64", "aarch64", SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, true, 0},
            {"SCMP_ARCH_ARM", "arm", SCMP_ARCH_ARM, AUDIT_ARCH_ARM, false, 0}};
  }
  if (native == "riscv64") {
    return {{"SCMP_ARCH_RISCV64", "riscv64", SCMP_ARCH_RISCV64, AUDIT_ARCH_RISCV64, true, 0}};
  }
  return {};
}

std::string name_of(const Architecture& architecture, int number) {
  char* name = seccomp_syscall_resolve_num_arch(architecture.token, number);
  const std::string text = name != nullptr ? name : "";
  std::free(name);
  return text;
}

// Pseudo numbers of calls that the kernel of 32-bit x86 used to take through socketcall(2) and
// ipc(2) only.
bool is_multiplexed(int number) { return number <= -101 && number >= -224; }

struct Row {
  std::vector<int> numbers;  // by architecture, -1 where there is none
  int multiplexer = -1;      // socketcall's or ipc's number on x86
  int call = 0;              // the value of its first argument
};

using Table = std::map<std::string, Row>;

// The numbers by which the kernel knows each name directly.
Table direct_numbers(const std::vector<Architecture>& architectures) {
  Table table;
  for (std::size_t i = 0; i < architectures.size(); ++i) {
    for (int number = 0; number <= kHighestNumber; ++number) {
      const std::string name = name_of(architectures[i], number + architectures[i].number_base);
      if (name.empty()) continue;
      Row& row = table[name];
      row.numbers.resize(architectures.size(), -1);
      row.numbers[i] = number;
    }
  }
  return table;
}

void add_multiplexed(const std::vector<Architecture>& architectures, Table& table) {
  if (architectures.size() < 2 || architectures[1].token != SCMP_ARCH_X86) return;
  for (int number = -224; number <= -101; ++number) {
    const std::string name = name_of(architectures[1], number);
    if (name.empty() ||
        !is_multiplexed(seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, name.c_str()))) {
      continue;
    }
    Row& row = table[name];
    row.numbers.resize(architectures.size(), -1);
    row.multiplexer = seccomp_syscall_resolve_name_rewrite(SCMP_ARCH_X86, name.c_str());
    row.call = -number % 100;
  }
}

void print(const std::vector<Architecture>& architectures, const Table& table) {
  std::printf("// Made by syscall_table_gen from libseccomp's tables. Not for editing.\n");
  std::printf("inline constexpr Architecture kArchitectures[] = {\n");
  for (const Architecture& one : architectures) {
    std::printf("    {\"%s\", \"%s\", 0x%xu, %s, 0x%xu},\n", one.word, one.name, one.audit,
                one.is_64_bit ? "true" : "false", static_cast<unsigned>(one.number_base));
  }
  std::printf("};\ninline constexpr char kNames[] =\n");
  for (const auto& [name, row] : table) std::printf("    \"%s\\0\"\n", name.c_str());
  std::printf("    ;\ninline constexpr SyscallRow kSyscalls[] = {\n");
  std::size_t offset = 0;
  for (const auto& [name, row] : table) {
    std::printf("    {%zu, {", offset);
    for (const int number : row.numbers) std::printf("%d, ", number);
    std::printf("}, %d, %d},  // %s\n", row.multiplexer, row.call, name.c_str());
    offset += name.size() + 1;
  }
  std::printf("};\n");
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<Architecture> architectures = family(argc == 2 ? argv[1] : "");
  if (architectures.empty()) {
    std::fprintf(stderr, "usage: syscall_table_gen x86_64|aarch64|riscv64\n");
    return 2;
  }
  Table table = direct_numbers(architectures);
  add_multiplexed(architectures, table);
  print(architectures, table);
  return 0;
}
