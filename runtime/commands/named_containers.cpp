// SPDX-License-Identifier: Apache-2.0
#include "runtime/commands/named_containers.hpp"

#include <regex.h>

#include <array>
#include <cstddef>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "runtime/container/container.hpp"

namespace commands {
namespace {

class Pattern {
 public:
  explicit Pattern(const std::string& text) {
    const int number = ::regcomp(&compiled_, text.c_str(), REG_EXTENDED | REG_NOSUB);
    if (number == 0) return;
    std::array<char, 128> why{};
    ::regerror(number, &compiled_, why.data(), why.size());
    throw Error(sentence("--regex: \"", text, "\" is no regular expression: ", why.data()));
  }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;
  ~Pattern() { ::regfree(&compiled_); }

  bool occurs_in(const std::string& text) const {
    return ::regexec(&compiled_, text.c_str(), 0, nullptr, 0) == 0;
  }

 private:
  regex_t compiled_{};
};

}  // namespace

std::vector<std::string> matching(const std::vector<std::string>& ids, const std::string& pattern) {
  const Pattern wanted(pattern);
  std::vector<std::string> found;
  for (const std::string& id : ids)
    if (wanted.occurs_in(id)) found.push_back(id);
  return found;
}

void for_named_containers(const std::string& root, const cli::Parsed& options,
                          const std::function<void(const std::string& id)>& act) {
  if (!options.has("regex")) return act(options.words[0]);
  const std::vector<std::string> ids = matching(Container::list(root), options.words[0]);
  std::size_t failed = 0;
  std::string last;
  for (const std::string& id : ids) {
    try {
      act(id);
    } catch (const NotFound&) {
      continue;  // deleted meanwhile
    } catch (const Error& error) {
      last = sentence(id, ": ", error.what());
      logging::warning(last);
      ++failed;
    }
  }
  if (failed == 0) return;
  throw Error(
      sentence(failed, " of ", ids.size(), " matching containers failed, the last one ", last));
}

}  // namespace commands
