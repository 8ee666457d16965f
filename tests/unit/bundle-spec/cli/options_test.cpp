// SPDX-License-Identifier: Apache-2.0
#include "bundle-spec/cli/options.hpp"

#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"

namespace {

using Strings = std::vector<std::string>;

constexpr cli::Option kOptions[] = {
    {.name = "bundle", .letter = 'b', .value = "DIR", .help = "Path of the bundle"},
    {.name = "detach", .letter = 'd', .help = "Do not wait"},
    {.name = "tty", .letter = 't', .help = "Terminal"},
    {.name = "env", .letter = 'e', .value = "K=V", .help = "Environment", .repeatable = true},
    {.name = "memory-swap", .value = "BYTES", .help = "Limit"},
    {.name = "tls-verify", .value = "BOOL", .help = "Check", .value_optional = true},
    {.name = "old", .help = "Gone", .hidden = true},
};
constexpr cli::Words kIdOnly{.usage = "ID", .least = 1, .most = 1};
constexpr cli::Words kKill{.usage = "ID [SIGNAL]", .least = 1, .most = 2};
constexpr cli::Words kExec{.usage = "ID COMMAND...", .least = 1, .command_line = true};

cli::Parsed parse(const std::vector<std::string_view>& arguments,
                  const cli::Words& words = kIdOnly) {
  return cli::parse(arguments, kOptions, words);
}

std::string usage_error(const std::vector<std::string_view>& arguments,
                        const cli::Words& words = kIdOnly) {
  try {
    parse(arguments, words);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Options, ValuesInEverySpelling) {
  using Arguments = std::vector<std::string_view>;
  for (const Arguments& arguments :
       {Arguments{"--bundle", "/b", "id"}, Arguments{"--bundle=/b", "id"},
        Arguments{"-bundle", "/b", "id"}, Arguments{"-bundle=/b", "id"},
        Arguments{"-b", "/b", "id"}, Arguments{"-b=/b", "id"}, Arguments{"-b/b", "id"},
        Arguments{"id", "--bundle", "/b"}, Arguments{"-db", "/b", "id"}}) {
    const cli::Parsed parsed = parse(arguments);
    EXPECT_EQ(parsed.value("bundle"), "/b") << arguments[0];
    EXPECT_EQ(parsed.words, Strings{"id"});
  }
}

TEST(Options, Switches) {
  EXPECT_TRUE(parse({"--detach", "id"}).has("detach"));
  EXPECT_TRUE(parse({"-dt", "id"}).has("tty"));
  EXPECT_TRUE(parse({"--detach=true", "id"}).has("detach"));
  EXPECT_FALSE(parse({"--detach=false", "id"}).has("detach"));
  EXPECT_TRUE(parse({"--old", "id"}).has("old"));
  EXPECT_NE(usage_error({"--detach=maybe", "id"}), "no error");
}

TEST(Options, TheLastValueCountsAndAllAreKept) {
  const cli::Parsed parsed =
      parse({"-e", "A=1", "--env=B=2=3", "id", "--bundle", "x", "--bundle", "y"});
  EXPECT_EQ(parsed.values("env"), (Strings{"A=1", "B=2=3"}));
  EXPECT_EQ(parsed.value("bundle"), "y");
  EXPECT_EQ(parsed.value_or("memory-swap", "none"), "none");
  EXPECT_EQ(parsed.value("memory-swap"), std::nullopt);
}

TEST(Options, NegativeNumbersAreWordsAndValues) {
  EXPECT_EQ(parse({"id", "-9"}, kKill).words, (Strings{"id", "-9"}));
  EXPECT_EQ(parse({"--memory-swap", "-1", "id"}).value("memory-swap"), "-1");
  EXPECT_EQ(parse({"-"}).words, Strings{"-"});
}

TEST(Options, OptionalValuesNeedTheEqualsSign) {
  const cli::Parsed plain = parse({"--tls-verify", "id"});
  EXPECT_EQ(plain.value("tls-verify"), "");
  EXPECT_EQ(plain.words, Strings{"id"});
  EXPECT_EQ(parse({"--tls-verify=false", "id"}).value("tls-verify"), "false");
}

TEST(Options, ACommandLineIsLeftAlone) {
  const cli::Parsed parsed = parse({"-t", "id", "ls", "-l", "--detach", "--", "x"}, kExec);
  EXPECT_EQ(parsed.words, (Strings{"id", "ls", "-l", "--detach", "--", "x"}));
  EXPECT_FALSE(parsed.has("detach"));
  EXPECT_EQ(parse({"id", "--", "ls", "--", "x"}, kExec).words, (Strings{"id", "ls", "--", "x"}));
  EXPECT_EQ(parse({"--", "id", "-x"}, kExec).words, (Strings{"id", "-x"}));
}

TEST(Options, TwoDashesEndOptions) {
  EXPECT_EQ(parse({"--", "--detach"}).words, Strings{"--detach"});
}

TEST(Options, WrongUseIsNamed) {
  EXPECT_EQ(usage_error({"--none", "id"}), "unknown option --none");
  EXPECT_EQ(usage_error({"--none=3", "id"}), "unknown option --none");
  EXPECT_EQ(usage_error({"-dx", "id"}), "unknown option -dx");
  // podman greps for these words.
  EXPECT_EQ(usage_error({"id", "--bundle"}), "flag needs an argument: --bundle");
  EXPECT_EQ(usage_error({}), "too few arguments: expected ID");
  EXPECT_EQ(usage_error({"a", "b"}), "unexpected argument \"b\": expected ID");
}

TEST(Options, HelpNeedsNoWords) {
  EXPECT_TRUE(parse({"--help"}).has("help"));
  EXPECT_TRUE(parse({"-h"}).has("help"));
}

TEST(Options, GlobalOptionsEndAtTheVerb) {
  const std::vector<std::string_view> arguments = {"--bundle", "/b", "-d", "create", "--tty", "id"};
  const cli::GlobalSplit split = cli::split_global(arguments, kOptions);
  EXPECT_EQ(split.global.value("bundle"), "/b");
  EXPECT_TRUE(split.global.has("detach"));
  ASSERT_EQ(split.rest.size(), 3u);
  EXPECT_EQ(split.rest[0], "create");
  EXPECT_TRUE(cli::split_global({}, kOptions).rest.empty());
}

TEST(Options, HelpTexts) {
  const cli::Command commands[] = {
      {.name = "create",
       .summary = "Make a container",
       .words = kIdOnly,
       .options = kOptions,
       .run = nullptr},
      {.name = "ps", .summary = "List", .words = {}, .options = {}, .run = nullptr}};
  const cli::Program program{
      .name = "toyrun", .summary = "Runs bundles", .global_options = {}, .commands = commands};
  EXPECT_EQ(cli::help(program, commands[0]),
            "Usage: toyrun create [options] ID\n\n"
            "Make a container\n\n"
            "Options:\n"
            "  -b, --bundle DIR          Path of the bundle\n"
            "  -d, --detach              Do not wait\n"
            "  -t, --tty                 Terminal\n"
            "  -e, --env K=V             Environment\n"
            "      --memory-swap BYTES   Limit\n"
            "      --tls-verify[=BOOL]   Check\n"
            "  -h, --help                Show this help\n");
  EXPECT_EQ(cli::help(program),
            "Usage: toyrun [global options] COMMAND [options] [arguments]\n\n"
            "Runs bundles\n\n"
            "Commands:\n"
            "  create   Make a container\n"
            "  ps       List\n\n"
            "Global options:\n"
            "  -h, --help   Show this help\n\n"
            "\"toyrun COMMAND --help\" explains one command.\n");
}

TEST(Options, NumbersAreStrict) {
  EXPECT_EQ(cli::parse_number("0", 5, "x"), 0u);
  EXPECT_EQ(cli::parse_number("18446744073709551615", UINT64_MAX, "x"), UINT64_MAX);
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "1x", "0x10", "6", "18446744073709551616"})
    EXPECT_THROW(cli::parse_number(text, 5, "x"), UsageError) << text;
}

}  // namespace
