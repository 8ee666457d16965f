// SPDX-License-Identifier: Apache-2.0
// What the files of rules share: where in a document a rule was broken, and the tests they have in
// common. Private to bundle-spec/oci.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bundle-spec/error.hpp"
#include "bundle-spec/oci/problem.hpp"
#include "bundle-spec/oci/runtime_config.hpp"

namespace oci {

/// A place in a document: a chain on the stack that becomes a JSON pointer only when a rule is
/// broken. Each link borrows from the one before, so name every link that is used more than once.
class Place {
 public:
  /// With `problems` what is refused is added there, and the rules go on (`toyrun check`).
  explicit Place(std::string_view document, std::vector<Problem>* problems = nullptr)
      : step_(document), problems_(problems) {}
  Place operator/(std::string_view step) const { return {this, step, kNoIndex}; }
  Place operator[](std::size_t index) const { return {this, {}, index}; }

  /// Throws Error "<document>: <pointer>: <words>"; returns only where problems are collected, so
  /// what comes after must not need the refused value.
  template <typename... Words>
  void refuse(const Words&... parts) const {
    tell(sentence(parts...));
  }

 private:
  static constexpr std::size_t kNoIndex = static_cast<std::size_t>(-1);
  Place(const Place* parent, std::string_view step, std::size_t index)
      : parent_(parent), step_(step), index_(index) {}
  const Place& root() const { return parent_ == nullptr ? *this : parent_->root(); }
  std::string pointer() const;
  void tell(std::string text) const;

  const Place* parent_ = nullptr;
  std::string_view step_;
  std::size_t index_ = kNoIndex;
  std::vector<Problem>* problems_ = nullptr;  // of the root
};

// (uid_t)-1 means "leave as it is" to chown(2) and setresuid(2): it is nobody's id.
inline constexpr std::uint32_t kInvalidId = 0xffffffff;

using Known = std::span<const std::string_view>;

inline bool is_one_of(std::string_view word, Known known) {
  return std::ranges::find(known, word) != known.end();
}
/// The word must be a known one; the message lists them.
void require_word(std::string_view word, Known known, const Place& at);
void require_words(const std::vector<std::string>& words, Known known, const Place& at);
void require_absolute(std::string_view path, const Place& at);
void require_id(std::uint32_t id, const Place& at);
/// "0-3,7": what cpuset files and CPU masks are written as.
void require_number_list(std::string_view list, const Place& at);
void require_mappings(const std::vector<IdMapping>& mappings, const Place& at);

/// The named namespace of the config, or nullptr.
const Namespace* find_namespace(const Linux& config, std::string_view type);
/// A namespace that is made, not joined.
bool has_new_namespace(const Linux& config, std::string_view type);

void check_config(const RuntimeConfig& config, const Place& at);
void check_process(const Process& process, const Place& at);
void check_hooks_rules(const Hooks& hooks, const Place& at);
void check_linux_rules(const Linux& config, const Place& at);
void check_resources_rules(const Resources& resources, const Place& at);
void check_seccomp_rules(const Seccomp& seccomp, const Place& at);

}  // namespace oci
