// SPDX-License-Identifier: Apache-2.0
// The program of the host check: is args[0] there, can anybody run it, is its interpreter there? In
// the root file system, and in what the binds lay over it.
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/rooted_dir.hpp"
#include "runtime/kernel/host_check_parts.hpp"
#include "runtime/plan/paths.hpp"

namespace kernel {
namespace {

constexpr const char* kArgs = "/process/args";

/// The container's file tree as far as it can be told without mounting: the last mount whose target
/// holds a path has it, else the root file system.
class Tree {
 public:
  explicit Tree(const HostCheck& check)
      : check_(check), root_(RootedDir::open(check.launch.rootfs.root)) {}

  /// nullopt: not there. Throws Error when it cannot be looked at.
  std::optional<UniqueFd> open(const std::string& path, int flags) const {
    const std::vector<plan::RootfsStep>& steps = check_.launch.rootfs.mounts;
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      if (const auto* bind = std::get_if<plan::BindMount>(&*step);
          bind != nullptr && plan::is_at_or_below(path, bind->target)) {
        const std::string rest = path.substr(bind->target.size());
        if (rest.empty()) return open_file(bind->source, flags);
        return RootedDir::open(bind->source).open_if_exists(rest, flags);
      }
      const auto* fresh = std::get_if<plan::MountFilesystem>(&*step);
      if (fresh != nullptr && !fresh->copy_up && plan::is_at_or_below(path, fresh->target))
        return std::nullopt;
    }
    return root_.open_if_exists(path, flags);
  }

  /// A symlink may lead into one, which is not followed here.
  bool has_bound_directories() const {
    return std::ranges::any_of(check_.launch.rootfs.mounts, [](const plan::RootfsStep& step) {
      const auto* bind = std::get_if<plan::BindMount>(&step);
      struct stat status{};
      return bind != nullptr && ::stat(bind->source.c_str(), &status) == 0 &&
             S_ISDIR(status.st_mode);
    });
  }

 private:
  static std::optional<UniqueFd> open_file(const std::string& path, int flags) {
    UniqueFd file(::open(path.c_str(), flags | O_CLOEXEC));
    if (!file) return std::nullopt;
    return file;
  }

  const HostCheck& check_;
  RootedDir root_;
};

struct Candidate {
  std::string path;
  bool is_refused = false;  // found by a relative directory of PATH
};

std::vector<Candidate> candidates(const plan::ProcessPlan& process) {
  const std::string& name = process.args.front();
  const auto in_cwd = [&](std::string_view path) {
    return plan::clean_path(plan::join_path(process.cwd, path));
  };
  if (name.find('/') != std::string::npos) return {{.path = in_cwd(name)}};
  std::string_view path;
  for (const std::string_view entry : process.env)
    if (entry.starts_with("PATH=")) path = entry.substr(5);
  std::vector<Candidate> all;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find(':'), path.size());
    const std::string_view directory = path.substr(0, end);
    all.push_back({.path = in_cwd(sentence(directory, directory.empty() ? "" : "/", name)),
                   .is_refused = !directory.starts_with('/')});
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return all;
}

/// The interpreter a script names in its first line, or the loader an ELF file asks for.
std::string interpreter_of(int fd) {
  std::array<char, 4096> head{};
  const ssize_t got = ::pread(fd, head.data(), head.size(), 0);
  if (got < 4) return {};
  const std::string_view text(head.data(), static_cast<std::size_t>(got));
  if (text.starts_with("#!")) {
    const std::string_view line = text.substr(2, text.find('\n') - 2);
    const std::size_t start = std::min(line.find_first_not_of(" \t"), line.size());
    const std::size_t end = std::min(line.find_first_of(" \t", start), line.size());
    return std::string(line.substr(start, end - start));
  }
  Elf64_Ehdr header;
  if (!text.starts_with(ELFMAG) || text.size() < sizeof header) return {};
  std::memcpy(&header, text.data(), sizeof header);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof(Elf64_Phdr)) return {};
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part;
    const std::size_t at = header.e_phoff + i * sizeof part;
    if (at > text.size() || text.size() - at < sizeof part) return {};
    std::memcpy(&part, text.data() + at, sizeof part);
    if (part.p_type != PT_INTERP || part.p_filesz > 4096) continue;
    std::array<char, 4096> name{};
    const ssize_t length =
        ::pread(fd, name.data(), part.p_filesz, static_cast<off_t>(part.p_offset));
    return length <= 1 ? std::string()
                       : std::string(name.data(), static_cast<std::size_t>(length - 1));
  }
  return {};
}

void check_interpreter(const HostCheck& check, const Tree& tree, const std::string& program) {
  std::optional<UniqueFd> file;
  try {
    file = tree.open(program, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  } catch (const Error&) {
    return;  // executable and not readable is no fault
  }
  if (!file) return;
  const std::string interpreter = interpreter_of(file->get());
  if (interpreter.empty() || !interpreter.starts_with('/') || tree.open(interpreter, O_PATH))
    return;
  const std::string text = sentence(program, " needs ", interpreter, ", which is not there");
  const std::string remedy = sentence("put ", interpreter, " into the root file system");
  if (tree.has_bound_directories())
    check.warning(kArgs, text, remedy);
  else
    check.error(kArgs, text, remedy);
}

/// Why nobody could execute it; empty if somebody can.
std::string refusal(int fd) {
  struct stat status{};
  ::check(::fstat(fd, &status), "stat");
  if (S_ISDIR(status.st_mode)) return "is a directory";
  if (!S_ISREG(status.st_mode)) return "is not a regular file";
  return (status.st_mode & 0111) == 0 ? "is not executable" : "";
}

void check_found(const HostCheck& check, const Tree& tree) {
  std::string seen;
  for (const auto& [path, is_refused] : candidates(check.launch.process)) {
    const std::optional<UniqueFd> file = tree.open(path, O_PATH);
    if (!file) continue;
    const std::string why = refusal(file->get());
    if (why.empty() && is_refused)
      return check.error(kArgs,
                         sentence("exec: \"", check.launch.process.args.front(),
                                  "\": cannot run executable found relative to current directory"),
                         "name it with its path, or give PATH absolute directories");
    if (why.empty()) return check_interpreter(check, tree, path);
    if (seen.empty()) seen = sentence(path, " ", why);
  }
  const std::string& name = check.launch.process.args.front();
  const bool by_path = name.find('/') != std::string::npos;
  const std::string text =
      !seen.empty() ? seen
                    : sentence("exec: \"", name, "\": ",
                               by_path ? "no such file or directory in the root file system"
                                       : "executable file not found in $PATH");
  const std::string remedy =
      by_path || !seen.empty() ? "correct the path, or install the program in the image"
                               : "name it with its path, correct PATH in /process/env, or install "
                                 "the program in the image";
  if (tree.has_bound_directories() && seen.empty())
    check.warning(kArgs, text + " (unless a bound directory has it)", remedy);
  else
    check.error(kArgs, text, remedy);
}

/// These run in the container, so that is where their programs are.
void check_start_hooks(const HostCheck& check, const Tree& tree) {
  const std::vector<oci::Hook>& hooks = check.launch.hooks.start_container;
  for (std::size_t i = 0; i < hooks.size(); ++i) {
    const std::string& path = hooks[i].path;
    const std::optional<UniqueFd> file = tree.open(plan::clean_path(path), O_PATH);
    const std::string why = file ? refusal(file->get()) : "is not in the root file system";
    if (why.empty()) continue;
    const std::string pointer = sentence("/hooks/startContainer/", i, "/path");
    const std::string text = sentence(path, " ", why);
    if (!file && tree.has_bound_directories())
      check.warning(pointer, text + " (unless a bound directory has it)", "install it there");
    else
      check.error(pointer, text, "install it there, or correct the path");
  }
}

}  // namespace

void check_program(const HostCheck& check) {
  if (check.launch.process.args.empty() || check.launch.rootfs.overlay) return;
  std::optional<Tree> tree;
  try {
    tree.emplace(check);
  } catch (const Error&) {
    return;  // the root file system itself is missing, and that was said
  }
  try {
    check_found(check, *tree);
    check_start_hooks(check, *tree);
  } catch (const Error& error) {
    check.warning(kArgs, error.what(), "let this user read the root file system, or check as root");
  }
}

}  // namespace kernel
