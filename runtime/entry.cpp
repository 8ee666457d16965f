// SPDX-License-Identifier: Apache-2.0
// Where the kernel enters a static toyrun: before the C library starts. The commands that let
// foreign code near our executable continue from a read-only mount of it (CVE-2019-5736,
// kernel/own_binary.hpp); done here, the first of the two starts costs three system calls instead
// of a C library's set-up, whose CPUID instructions trap in a virtual machine. Whatever is unusual
// is left to own_binary.cpp: this returns, and the program starts as any other.
//
// Nothing is relocated yet, and there is no thread-local storage: no library call, no table of
// pointers (tests/lint/entry.sh).
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

namespace {

long system_call(long number, long a, long b, long c = 0, long d = 0, long e = 0) {
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
               : "rcx", "r11", "memory");
  return result;
}

long address(const void* pointer) { return reinterpret_cast<long>(pointer); }

bool is(const char* word, const char* wanted) {
  while (*word != '\0' && *word == *wanted) ++word, ++wanted;
  return *word == *wanted;
}

/// An id or a path that reads like a verb costs a needless second start, nothing else.
bool may_enter_container(char** arguments) {
  for (; *arguments != nullptr; ++arguments)
    if (is(*arguments, "create") || is(*arguments, "run") || is(*arguments, "exec") ||
        is(*arguments, "mounts"))
      return true;
  return false;
}

bool is_read_only(const struct statfs& file_system) {
  return (file_system.f_flags & ST_RDONLY) != 0;
}

}  // namespace

/// `stack` is what the kernel left there: the argument count, the arguments, the environment
/// (System V ABI, AMD64 supplement, 3.4.1).
extern "C" [[gnu::used]] void toyrun_continue_read_only(long* stack) {
  char** const arguments = reinterpret_cast<char**>(stack + 1);
  char** const environment = arguments + stack[0] + 1;
  const char* const self = "/proc/self/exe";
  struct statfs file_system;
  if (stack[0] < 2 || !may_enter_container(arguments + 1)) return;
  if (system_call(SYS_statfs, address(self), address(&file_system)) != 0 ||
      is_read_only(file_system))
    return;
  const long tree =
      system_call(SYS_open_tree, AT_FDCWD, address(self), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree < 0) return;
  const mount_attr attributes{
      .attr_set = MOUNT_ATTR_RDONLY, .attr_clr = 0, .propagation = 0, .userns_fd = 0};
  // The proof matters: a kernel that forgot the flag would have us start for ever.
  if (system_call(SYS_mount_setattr, tree, address(""), AT_EMPTY_PATH, address(&attributes),
                  sizeof attributes) == 0 &&
      system_call(SYS_fstatfs, tree, address(&file_system)) == 0 && is_read_only(file_system))
    system_call(SYS_execveat, tree, address(""), address(arguments), address(environment),
                AT_EMPTY_PATH);
  system_call(SYS_close, tree, 0);
}

// The stack and rdx (what the C library runs at exit) go to its _start as the kernel left them.
asm(R"(
  .globl toyrun_entry
  .type toyrun_entry, @function
toyrun_entry:
  endbr64
  xorl %ebp, %ebp
  movq %rsp, %rbx
  movq %rdx, %r12
  movq %rsp, %rdi
  call toyrun_continue_read_only
  movq %rbx, %rsp
  movq %r12, %rdx
  jmp _start
  .size toyrun_entry, .-toyrun_entry
)");
