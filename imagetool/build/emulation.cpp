// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/emulation.hpp"

#include <elf.h>
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/layer/tree_entry.hpp"
#include "imagetool/oci/printable.hpp"

namespace build {
namespace {

constexpr const char* kDirectory = "/proc/sys/fs/binfmt_misc";

struct Machine {
  std::string_view architecture;
  unsigned char elf_class;
  unsigned char order;
  unsigned char
      number;  // e_machine; all of these fit into one byte, EM_LOONGARCH but for its high one
  unsigned char high = 0;
};
constexpr auto kMachines = std::to_array<Machine>({{"386", ELFCLASS32, ELFDATA2LSB, EM_386},
                                                   {"amd64", ELFCLASS64, ELFDATA2LSB, EM_X86_64},
                                                   {"arm", ELFCLASS32, ELFDATA2LSB, EM_ARM},
                                                   {"arm64", ELFCLASS64, ELFDATA2LSB, EM_AARCH64},
                                                   {"loong64", ELFCLASS64, ELFDATA2LSB, 2, 1},
                                                   {"mips64le", ELFCLASS64, ELFDATA2LSB, EM_MIPS},
                                                   {"ppc64le", ELFCLASS64, ELFDATA2LSB, EM_PPC64},
                                                   {"riscv64", ELFCLASS64, ELFDATA2LSB, EM_RISCV},
                                                   {"s390x", ELFCLASS64, ELFDATA2MSB, EM_S390}});

/// The first bytes of a program, as far as emulators look.
std::optional<std::array<unsigned char, 20>> program_header(std::string_view architecture) {
  const auto machine = std::ranges::find(kMachines, architecture, &Machine::architecture);
  if (machine == kMachines.end()) return std::nullopt;
  std::array<unsigned char, 20> header = {
      ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, machine->elf_class, machine->order, EV_CURRENT};
  const bool little = machine->order == ELFDATA2LSB;
  header[little ? 16 : 17] = ET_EXEC;
  header[little ? 18 : 19] = machine->number;
  header[little ? 19 : 18] = machine->high;
  return header;
}

/// "key value" of an entry; "" without.
std::string_view field(std::string_view entry, std::string_view key) {
  for (std::string_view rest = entry; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    if (line.starts_with(key) && line.substr(key.size()).starts_with(' '))
      return line.substr(key.size() + 1);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

std::vector<unsigned char> bytes_of(std::string_view digits) {
  std::vector<unsigned char> bytes;
  for (std::size_t at = 0; at + 1 < digits.size(); at += 2) {
    unsigned char byte = 0;
    std::from_chars(digits.data() + at, digits.data() + at + 2, byte, 16);
    bytes.push_back(byte);
  }
  return bytes;
}

}  // namespace

bool emulates(std::string_view entry, std::string_view architecture) {
  const auto header = program_header(architecture);
  const std::vector<unsigned char> magic = bytes_of(field(entry, "magic"));
  const std::vector<unsigned char> mask = bytes_of(field(entry, "mask"));
  // With less than e_machine any ELF program, or none, would match.
  if (!header || !entry.starts_with("enabled\n") || field(entry, "offset") != "0" ||
      magic.size() < header->size())
    return false;
  for (std::size_t at = 0; at < header->size(); ++at) {
    const unsigned char bits = at < mask.size() ? mask[at] : 0xff;
    if (((*header)[at] & bits) != (magic[at] & bits)) return false;
  }
  return true;
}

void require_runnable(const oci::Platform& platform) {
  const oci::Platform host = oci::host_platform();
  if (oci::fits(platform, host)) return;
  if (platform.os == host.os)
    if (const auto directory = open_at_if_exists(AT_FDCWD, kDirectory, O_RDONLY | O_DIRECTORY))
      for (const std::string& name : sorted_names(directory->get()))
        if (name != "register" && name != "status" &&
            emulates(read_file_at(directory->get(), name), platform.architecture))
          return;
  throw Error(sentence("programs for ", printable(platform.str(), 60), " do not run on this ",
                       host.os, "/", host.architecture, " machine: no emulator is registered in ",
                       kDirectory, " (Debian: apt install qemu-user-static)"));
}

}  // namespace build
