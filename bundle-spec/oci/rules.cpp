// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/oci/rules.hpp"

#include <utility>

namespace oci {

std::string Place::pointer() const {
  if (parent_ == nullptr) return {};
  std::string text = parent_->pointer();
  text += '/';
  if (index_ != kNoIndex) return text += std::to_string(index_);
  for (const char letter : step_) {  // RFC 6901
    if (letter == '~') {
      text += "~0";
    } else if (letter == '/') {
      text += "~1";
    } else {
      text += letter;
    }
  }
  return text;
}

void Place::tell(std::string text) const {
  std::string at = pointer();
  const Place& top = root();
  if (top.problems_ != nullptr)
    return add_problem(*top.problems_, {.pointer = std::move(at), .text = std::move(text)});
  throw Error(sentence(top.step_, ": ", at, at.empty() ? "" : ": ", text));
}

void require_word(std::string_view word, Known known, const Place& at) {
  if (is_one_of(word, known)) return;
  std::string list;
  for (const std::string_view one : known) {
    if (one.empty()) continue;
    if (!list.empty()) list += ", ";
    list += one;
  }
  at.refuse("\"", word, "\" is unknown; known: ", list);
}

void require_words(const std::vector<std::string>& words, Known known, const Place& at) {
  for (std::size_t i = 0; i < words.size(); ++i) require_word(words[i], known, at[i]);
}

void require_absolute(std::string_view path, const Place& at) {
  if (!path.starts_with('/')) at.refuse("must be an absolute path, is \"", path, "\"");
}

void require_id(std::uint32_t id, const Place& at) {
  if (id == kInvalidId) at.refuse(id, " is no id");
}

void require_number_list(std::string_view list, const Place& at) {
  const char* position = list.data();
  const char* const end = position + list.size();
  const auto number = [&](std::uint32_t& value) {
    const auto [stop, problem] = std::from_chars(position, end, value);
    position = stop;
    return problem == std::errc();
  };
  const auto refuse = [&] { at.refuse("\"", list, "\" is no list like 0-3,7"); };
  while (position != end) {
    std::uint32_t first = 0;
    if (!number(first)) return refuse();
    std::uint32_t last = first;
    if (position != end && *position == '-') {
      ++position;
      if (!number(last)) return refuse();
    }
    if (last < first) at.refuse("\"", list, "\": the range ", first, "-", last, " is backwards");
    if (position == end) return;
    if (*position++ != ',' || position == end) return refuse();
  }
}

void require_mappings(const std::vector<IdMapping>& mappings, const Place& at) {
  constexpr std::uint64_t kIds = kInvalidId;
  for (std::size_t i = 0; i < mappings.size(); ++i) {
    const auto& [container_id, host_id, size] = mappings[i];
    if (size == 0) (at[i] / "size").refuse("must not be 0");
    if (std::uint64_t{container_id} + size > kIds || std::uint64_t{host_id} + size > kIds)
      at[i].refuse("goes beyond the last id, 4294967294");
  }
}

const Namespace* find_namespace(const Linux& config, std::string_view type) {
  const auto found = std::ranges::find(config.namespaces, type, &Namespace::type);
  return found == config.namespaces.end() ? nullptr : &*found;
}

bool has_new_namespace(const Linux& config, std::string_view type) {
  const Namespace* const found = find_namespace(config, type);
  return found != nullptr && (!found->path || found->path->empty());
}

}  // namespace oci
