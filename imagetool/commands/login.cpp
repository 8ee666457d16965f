// SPDX-License-Identifier: Apache-2.0
// login and logout.
#include <termios.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"
#include "bundle-spec/fs/file.hpp"
#include "imagetool/commands/commands.hpp"
#include "imagetool/commands/interruption.hpp"
#include "imagetool/commands/registry_options.hpp"
#include "imagetool/commands/result.hpp"
#include "imagetool/oci/printable.hpp"
#include "imagetool/registry/registry_host.hpp"

namespace {

constexpr const char* kHub = "docker.io";
constexpr std::size_t kLongestSecret = std::size_t{64} << 10;

constexpr auto kLoginOptions =
    joined(kPlaceOptions,
           std::to_array<cli::Option>({
               {.name = "username", .letter = 'u', .value = "NAME", .help = "log in as NAME"},
               {.name = "password-stdin", .help = "read the password from stdin"},
               {.name = "password", .letter = 'p', .value = "PASSWORD", .hidden = true},
               {.name = "get-login", .help = "print who is logged in, and do nothing"},
               {.name = "authfile", .value = "FILE", .help = "keep the login in FILE"},
           }));

constexpr auto kLogoutOptions = std::to_array<cli::Option>({
    {.name = "authfile", .value = "FILE", .help = "the login is kept in FILE"},
});

std::string without_line_end(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

/// One line of the terminal.
std::string read_line() {
  std::string line;
  for (char letter = 0; ::read(STDIN_FILENO, &letter, 1) == 1 && letter != '\n';) line += letter;
  return without_line_end(line);
}

/// The terminal does not show what is typed as long as this lives.
class EchoOff {
 public:
  EchoOff() {
    check(::tcgetattr(STDIN_FILENO, &before_), "terminal");
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    check(::tcsetattr(STDIN_FILENO, TCSANOW, &silent), "terminal");
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;
  ~EchoOff() { ::tcsetattr(STDIN_FILENO, TCSANOW, &before_); }

 private:
  termios before_{};
};

std::string ask(std::string_view what, bool is_secret) {
  if (::isatty(STDIN_FILENO) != 1)
    throw UsageError(sentence("login: there is no terminal to ask for the ", what,
                              ": give --username and --password-stdin"));
  // Before the question: whoever answers it at once is not shown either. What was typed ahead
  // counts.
  std::optional<EchoOff> silent;
  if (is_secret) silent.emplace();
  write_all(STDERR_FILENO, sentence(what, ": "), "stderr");
  std::string line = read_line();
  if (!is_secret) return line;
  write_all(STDERR_FILENO, "\n", "stderr");
  return line;
}

registry::Login read_login(const cli::Parsed& options) {
  if (options.has("password"))
    throw UsageError(
        "login: other users of the host can read a command line: give the password by "
        "--password-stdin");
  const bool from_stdin = options.has("password-stdin");
  if (from_stdin && !options.has("username"))
    throw UsageError("login: --password-stdin needs --username");
  registry::Login login;
  login.username = options.value("username").value_or("");
  if (login.username.empty()) login.username = ask("user name", false);
  login.password = from_stdin ? without_line_end(read_all(STDIN_FILENO, "stdin", kLongestSecret))
                              : ask("password", true);
  if (login.username.empty() || login.password.empty())
    throw UsageError("login: user name and password must not be empty");
  if (login.username.find(':') != std::string::npos)
    throw UsageError("login: a user name has no colon (RFC 7617)");
  return login;
}

std::string key_in(const cli::Parsed& options) {
  return options.words.empty() ? kHub : registry::login_key(options.words[0]);
}

std::string host_in(const std::string& key) { return key.substr(0, key.find('/')); }

std::optional<registry::Login> current_login(const registry::CredentialSources& sources,
                                             const std::string& key) {
  const std::string host = host_in(key);
  return registry::find_login(sources, host, key == host ? "" : key.substr(host.size() + 1));
}

/// The file of --authfile need not be there yet.
registry::CredentialSources sources_for(const cli::Parsed& options) {
  registry::CredentialSources sources =
      registry::Options::from_environment(options.value("authfile")).credentials;
  sources.explicit_file = false;
  return sources;
}

int run_login(const cli::Parsed&, const cli::Parsed& options) {
  const std::string key = key_in(options);
  const registry::CredentialSources sources = sources_for(options);
  if (options.has("get-login")) {
    const auto login = current_login(sources, key);
    if (!login) throw NotFound(sentence("nobody is logged in at ", key));
    print_line(login->username.empty() ? "<token>" : printable(login->username));
    return 0;
  }
  registry::Login login = read_login(options);
  std::stop_source stop;
  const Interruption interruption(stop);
  registry::Options where = place_options(options);
  where.stop = stop.get_token();
  where.credentials.given = login;
  registry::RegistryHost host(host_in(key), std::move(where));
  const registry::RegistryHost::LoginCheck check = host.check_login();
  if (!check.was_needed)
    logging::warning(sentence(host_in(key), " wants no login: this one could not be checked"));
  // As docker does: the token stands for the password, which is then kept nowhere.
  if (!check.identity_token.empty())
    login = {.username = login.username, .identity_token = check.identity_token};
  print_line(sentence("logged in at ", key, ", kept in ", save_login(sources, key, login)));
  return 0;
}

int run_logout(const cli::Parsed&, const cli::Parsed& options) {
  const std::string key = key_in(options);
  const registry::CredentialSources sources = sources_for(options);
  const bool found = forget_login(sources, key);
  const auto left = current_login(sources, key);
  if (!found && !left) throw NotFound(sentence("nobody is logged in at ", key));
  if (!found)
    throw Error(sentence("the login for ", key, " is not kept in ", sources.files.front(),
                         " but by another file or key: name that with --authfile"));
  if (left) logging::warning(sentence("another login is still used for ", key));
  print_line(sentence("logged out from ", key));
  return 0;
}

}  // namespace

const cli::Command kLoginCommand = {
    .name = "login",
    .summary = "Check a login with a registry and keep it",
    .words = {.usage = "[REGISTRY]", .least = 0, .most = 1},
    .options = kLoginOptions,
    .run = run_login,
};
const cli::Command kLogoutCommand = {
    .name = "logout",
    .summary = "Forget the login for a registry",
    .words = {.usage = "[REGISTRY]", .least = 0, .most = 1},
    .options = kLogoutOptions,
    .run = run_logout,
};
