// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/dockerfile.hpp"

#include <gtest/gtest.h>

#include "imagetool/build/build_graph.hpp"

namespace build {
namespace {

std::string refusal(const std::string& text) {
  try {
    const Dockerfile file = parse_dockerfile(text, "Dockerfile");
    build_graph(file, {.platform = {.architecture = "amd64", .os = "linux"}});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

Instruction only(const std::string& text) {
  const Dockerfile file = parse_dockerfile(text, "Dockerfile");
  EXPECT_EQ(file.instructions.size(), 1U) << text;
  return file.instructions.at(0);
}

using Words = std::vector<std::string>;

TEST(Dockerfile, JoinsLinesAndDropsComments) {
  const Instruction run = only("RUN a \\\n # a comment\n\n   b \\  \n  c # not one\n");
  EXPECT_EQ(run.rest, "a    b   c # not one");
  EXPECT_EQ(run.line, 1);
  EXPECT_EQ(run.last_line, 5);
  EXPECT_EQ(only("RUN a \\").rest, "a");
  EXPECT_EQ(only("RUN a \\\\\n").rest, "a \\\\");
  EXPECT_EQ(only("\xEF\xBB\xBFrun x\r\n").keyword, "RUN");
}

TEST(Dockerfile, Directives) {
  const Dockerfile file = parse_dockerfile(
      "#!/usr/bin/x\n# Escape = `\n# syntax=docker/dockerfile:1\nRUN a `\n b\n", "D");
  EXPECT_EQ(file.escape, '`');
  EXPECT_EQ(file.syntax, "docker/dockerfile:1");
  EXPECT_EQ(file.instructions[0].rest, "a  b");
  EXPECT_EQ(parse_dockerfile("# a comment\n# escape=`\nRUN a\n", "D").escape, '\\');
  EXPECT_EQ(parse_dockerfile("\n# escape=`\nRUN a\n", "D").escape, '\\');
}

TEST(Dockerfile, FlagsAndForms) {
  const Instruction copy = only("COPY --from=x --chown=\"a b\" --link [\"a b\", \"c\"]");
  ASSERT_EQ(copy.flags.size(), 3U);
  EXPECT_EQ(copy.flags[1].value, "a b");
  EXPECT_TRUE(copy.is_json);
  EXPECT_EQ(copy.words, (Words{"a b", "c"}));
  EXPECT_EQ(only("COPY -- --odd dst").words, (Words{"--odd", "dst"}));
  EXPECT_FALSE(only("RUN ['a']").is_json);
  EXPECT_EQ(only("ENV a=\"b c\" d='e f' g=h\\ i").words,
            (Words{"a=\"b c\"", "d='e f'", "g=h\\ i"}));
  EXPECT_EQ(only("RUN --mount=type=cache,target=/x --mount=target=/y a").flag_values("mount"),
            (Words{"type=cache,target=/x", "target=/y"}));
}

TEST(Dockerfile, Heredocs) {
  const Instruction run = only("RUN <<A cat <<-'B'\nin $a\nA\n\t\tin b\n\tB\n");
  ASSERT_EQ(run.heredocs.size(), 2U);
  EXPECT_EQ(run.heredocs[0].content, "in $a\n");
  EXPECT_TRUE(run.heredocs[0].expand);
  EXPECT_EQ(run.heredocs[1].content, "in b\n");
  EXPECT_FALSE(run.heredocs[1].expand);
  EXPECT_EQ(run.last_line, 5);
  EXPECT_TRUE(only("RUN echo \"<<EOF\"").heredocs.empty());
  EXPECT_TRUE(only("ENV a=<<EOF").heredocs.empty());
}

struct Wrong {
  const char* text;
  const char* message;
};

class Refused : public testing::TestWithParam<Wrong> {};

TEST_P(Refused, NamesThePlace) {
  EXPECT_EQ(refusal(GetParam().text), std::string("Dockerfile") + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Refused,
    testing::Values(
        Wrong{"", ": file with no instructions"}, Wrong{"# only\n", ": file with no instructions"},
        Wrong{"FORM alpine", ":1:1: unknown instruction: FORM (did you mean FROM?): `FORM alpine`"},
        Wrong{"FROM a\n  XYZZYX b", ":2:3: unknown instruction: XYZZYX: `  XYZZYX b`"},
        Wrong{"FROM a\nCOPY --chmdo=1 a b",
              ":2:6: unknown flag: --chmdo (did you mean --chmod?): `COPY --chmdo=1 a b`"},
        Wrong{"FROM a\nCOPY --chmod a b",
              ":2:6: missing a value on flag: --chmod: `COPY --chmod a b`"},
        Wrong{"FROM a\nCOPY --link=x a b",
              ":2:6: expecting boolean value for flag --link, not: x: `COPY --link=x a b`"},
        Wrong{"FROM a\nCOPY --from=x --from=y a b",
              ":2:6: duplicate flag specified: --from: `COPY --from=x --from=y a b`"},
        Wrong{"FROM a\nCOPY a",
              ":2:1: COPY requires at least two arguments, but only one was provided. Destination "
              "could not be determined: `COPY a`"},
        Wrong{"FROM a\nCOPY a <<E\nE\n",
              ":2:1: COPY cannot accept a heredoc as a destination: `COPY a <<E`"},
        Wrong{"FROM a\nENV a", ":2:1: ENV must have two arguments: `ENV a`"},
        Wrong{"FROM a\nENV a=b c",
              ":2:1: Syntax error - can't find = in \"c\". Must be of the form: name=value: `ENV "
              "a=b c`"},
        Wrong{"FROM a\nENV a=b =c", ":2:1: ENV names can not be blank: `ENV a=b =c`"},
        Wrong{"FROM a b", ":1:1: FROM requires either one or three arguments: `FROM a b`"},
        Wrong{"FROM a AS 1x",
              ":1:1: invalid name for build stage: \"1x\", name can't start with a number or "
              "contain symbols: `FROM a AS 1x`"},
        Wrong{"FROM $none", ":1:1: base name ($none) should not be blank: `FROM $none`"},
        Wrong{"RUN a", ":1:1: no build stage in current context: FROM comes first: `RUN a`"},
        Wrong{"ARG a", ": no build stage: FROM is missing"},
        Wrong{"FROM a\nSHELL a",
              ":2:1: SHELL requires the arguments to be in JSON form: `SHELL a`"},
        Wrong{"FROM a\nRUN [1]",
              ":2:1: only string type is allowed in JSON format arrays: `RUN [1]`"},
        Wrong{"FROM a\nRUN", ":2:1: RUN requires at least one argument: `RUN`"},
        Wrong{"FROM a\nWORKDIR", ":2:1: WORKDIR requires exactly one argument: `WORKDIR`"},
        Wrong{
            "FROM a\nONBUILD ONBUILD RUN a",
            ":2:1: Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed: `ONBUILD ONBUILD RUN a`"},
        Wrong{"FROM a\nONBUILD FROM b",
              ":2:1: FROM isn't allowed as an ONBUILD trigger: `ONBUILD FROM b`"},
        Wrong{"FROM a\nRUN <<E\nx", ":2:1: unterminated heredoc: no line is E alone"},
        Wrong{"# escape=x\nFROM a", ":1:1: invalid ESCAPE 'x' does not match ` or \\"},
        Wrong{"# escape=`\n# escape=`\nFROM a",
              ":2:1: only one escape parser directive can be used"},
        Wrong{"FROM a AS x\nCOPY --from=y a b\nFROM b AS y\nCOPY --from=x a b",
              ":3:1: circular dependency detected on stage: y: `FROM b AS y`"},
        Wrong{
            "FROM a\nCOPY --from=7 a b",
            ":2:1: invalid stage index 7: there are 1 stages, the first is 0: `COPY --from=7 a b`"},
        Wrong{"FROM a\nCOPY --from=$x a b",
              ":2:1: variable expansion is not supported for --from: give a stage the name "
              "instead, by FROM $x AS NAME: `COPY --from=$x a b`"}));

TEST(BuildGraph, DropsWhatTheTargetDoesNotNeed) {
  const Dockerfile file = parse_dockerfile(
      "ARG V=3\nFROM base:$V AS a\nFROM other AS unused\nFROM a AS b\nCOPY --from=LATER x y\n"
      "FROM scratch\nCOPY --from=b x y\nFROM x AS later\n",
      "Dockerfile");
  BuildGraph graph = build_graph(file, {.target = "3"});
  EXPECT_EQ(graph.order, (std::vector<std::size_t>{0, 4, 2, 3}));
  EXPECT_EQ(graph.stages[0].base.name, "base:3");
  EXPECT_EQ(build_graph(file, {.arguments = {{"V", "9"}}}).stages[0].base.name, "base:9");
  EXPECT_EQ(build_graph(file, {.target = "UNUSED"}).order, (std::vector<std::size_t>{1}));
  EXPECT_THROW(build_graph(file, {.target = "nope"}), Error);
}

TEST(BuildGraph, NamedContextsComeFirst) {
  const Dockerfile file =
      parse_dockerfile("FROM a AS x\nFROM x\nCOPY --from=x a b\n", "Dockerfile");
  const BuildGraph graph = build_graph(file, {.contexts = {"x"}});
  EXPECT_EQ(graph.stages[1].base.kind, Origin::Kind::kNamed);
  EXPECT_EQ(graph.order, (std::vector<std::size_t>{1}));
}

}  // namespace
}  // namespace build
