// SPDX-License-Identifier: Apache-2.0
// What runs between the entry point and main in a static toyrun, instead of glibc's
// __libc_start_main: the same steps without the 43 CPUID instructions by which it looks for the
// fastest string functions. Each of them traps in a virtual machine, together a fifth of `toyrun
// state`. The baseline functions serve instead; toyrun moves no more than some kilobytes.
//
// It leans on the inside of glibc, so it is for the versions it was tried with, and only if
// start_check.cpp, linked with it, runs on the building machine; otherwise, or with
// -Dfast_start=disabled, glibc's own start is used (runtime/meson.build).
#include <elf.h>
#include <features.h>
#include <link.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#if __GLIBC__ != 2 || __GLIBC_MINOR__ != 36
#error "not tried with this version of glibc"
#endif

extern "C" {
#pragma GCC visibility push(hidden)

using Initializer = void (*)(int, char**, char**);
using Finalizer = void (*)();

extern char** __environ;
extern void* __libc_stack_end;
extern void* _dl_random;  // 16 random bytes of the kernel (AT_RANDOM)
extern int __libc_enable_secure;
extern Initializer __preinit_array_start[], __preinit_array_end[];
extern Initializer __init_array_start[], __init_array_end[];
extern Finalizer __fini_array_start[], __fini_array_end[];

void _dl_aux_init(ElfW(auxv_t) *);
void __tunables_init(char**);
void _dl_relocate_static_pie();
void __libc_setup_tls();
void __libc_early_init(bool);
void __libc_init_first(int, char**, char**);
void __libc_check_standard_fds();
void _init();
void _fini();
int __cxa_atexit(void (*)(void*), void*, void*);

// The sizes at which the string functions change their ways, as glibc has them before it asks the
// CPU (sysdeps/x86/cacheinfo.h); the two without such a value as for a cache of 1 MB.
long __x86_data_cache_size_half = 16 * 1024;
long __x86_data_cache_size = 32 * 1024;
long __x86_shared_cache_size_half = 512 * 1024;
long __x86_shared_cache_size = 1024 * 1024;
long __x86_shared_non_temporal_threshold = 768 * 1024;
long __x86_rep_movsb_threshold = 2048;
long __x86_rep_movsb_stop_threshold = 768 * 1024;
long __x86_rep_stosb_threshold = 2048;
int __x86_string_control = 0;

static void run_finalizers(void*) {
  for (Finalizer* one = __fini_array_end; one != __fini_array_start;) (*--one)();
  _fini();
}

/// The canary of -fstack-protector, whose zero byte ends a string, and the secret that longjmp(3)
/// and atexit(3) mix into pointers: at fixed places of the thread's block
/// (sysdeps/x86_64/nptl/tls.h).
static void set_guards() {
  std::uintptr_t canary = 0;
  std::uintptr_t secret = 0;
  std::memcpy(&canary, _dl_random, sizeof canary);
  std::memcpy(&secret, static_cast<char*>(_dl_random) + sizeof canary, sizeof secret);
  canary &= ~std::uintptr_t{0xff};
  asm volatile("movq %0, %%fs:0x28" ::"r"(canary));
  asm volatile("movq %0, %%fs:0x30" ::"r"(secret));
}

static void run(const Initializer* begin, const Initializer* end, int count, char** arguments) {
  for (; begin != end; ++begin) (*begin)(count, arguments, __environ);
}

/// csu/libc-start.c of glibc, the static case, step by step. Before _dl_relocate_static_pie no
/// pointer in a table holds, before __libc_setup_tls there is no errno.
[[gnu::used, gnu::visibility("default"), noreturn]] int __libc_start_main(
    int (*main)(int, char**, char**), int count, char** arguments, void (*)(), void (*)(),
    void (*)(), void* stack_end) {
  __environ = arguments + count + 1;
  __libc_stack_end = stack_end;
  char** after_environment = __environ;
  while (*after_environment != nullptr) ++after_environment;
  _dl_aux_init(reinterpret_cast<ElfW(auxv_t)*>(after_environment + 1));
  __tunables_init(__environ);
  _dl_relocate_static_pie();
  __libc_setup_tls();
  set_guards();
  __libc_early_init(true);
  __libc_init_first(count, arguments, __environ);
  __cxa_atexit(run_finalizers, nullptr, nullptr);
  if (__libc_enable_secure != 0) __libc_check_standard_fds();
  run(__preinit_array_start, __preinit_array_end, count, arguments);
  _init();
  run(__init_array_start, __init_array_end, count, arguments);
  std::exit(main(count, arguments, __environ));
}

#pragma GCC visibility pop
}
