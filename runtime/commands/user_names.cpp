// SPDX-License-Identifier: Apache-2.0
#include "runtime/commands/user_names.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "bundle-spec/fs/file.hpp"

namespace commands {

std::string user_name(uid_t uid) {
  if (uid == 0) return "root";
  const std::string number = std::to_string(uid);
  const std::string passwd = read_file_if_exists("/etc/passwd").value_or("");
  for (std::string_view rest = passwd; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    // name:password:uid:… (passwd(5))
    const std::size_t name_end = line.find(':');
    if (name_end == std::string_view::npos) continue;
    const std::size_t password_end = line.find(':', name_end + 1);
    if (password_end == std::string_view::npos) continue;
    const std::string_view user = line.substr(password_end + 1);
    if (user.substr(0, user.find(':')) == number) return std::string(line.substr(0, name_end));
  }
  return number;
}

}  // namespace commands
