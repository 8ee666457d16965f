// SPDX-License-Identifier: Apache-2.0
// Run by meson with start.cpp linked in: ends with 0 if what toyrun uses of the C and C++ libraries
// works after a start of that kind.
#include <pthread.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/start.cpp"

namespace {

struct Constructed {
  std::string text = "before main";
  ~Constructed() { ::_exit(is_expected ? 0 : 1); }  // exit(3) must get here
  bool is_expected = false;
};
Constructed constructed;
thread_local int of_this_thread = 7;

bool exceptions_unwind() {
  try {
    throw std::runtime_error(std::string(1000, 'x'));
  } catch (const std::exception& error) {
    return std::strlen(error.what()) == 1000;
  }
}

bool memory_moves() {  // each size where a function changes its ways, overlapping and not
  for (std::size_t size = 1; size < (std::size_t{8} << 20); size = size * 5 / 4 + 1) {
    std::vector<char> from(size + 64, 'a');
    std::vector<char> to(size + 64, 'b');
    from[size - 1] = 'c';
    std::memcpy(to.data(), from.data(), size);
    if (std::memcmp(to.data(), from.data(), size) != 0 || to[size] != 'b') return false;
    std::memmove(to.data() + 33, to.data(), size);
    if (to[size + 32] != 'c' || std::memchr(to.data() + 33, 'c', size) != &to[size + 32])
      return false;
    std::memset(to.data(), 'd', size);
    if (to[size - 1] != 'd') return false;
  }
  return true;
}

bool threads_have_their_own() {
  int seen = 0;
  const auto count = [](void* result) -> void* {
    *static_cast<int*>(result) = ++of_this_thread;
    return nullptr;
  };
  pthread_t thread{};
  return ::pthread_create(&thread, nullptr, count, &seen) == 0 &&
         ::pthread_join(thread, nullptr) == 0 && seen == 8 && of_this_thread == 7;
}

bool calls_fail_as_they_should() { return ::close(-1) == -1 && errno == EBADF; }

}  // namespace

int main(int count, char** arguments, char** environment) {
  constructed.is_expected = count == 1 && arguments[1] == nullptr && environment == environ &&
                            constructed.text == "before main" && ::getauxval(AT_PAGESZ) == 4096 &&
                            exceptions_unwind() && memory_moves() && threads_have_their_own() &&
                            calls_fail_as_they_should() &&
                            std::snprintf(nullptr, 0, "%.3f %s %zu", 1.5, "x", std::size_t{1}) == 9;
  return 2;
}
