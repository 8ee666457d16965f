// SPDX-License-Identifier: Apache-2.0
#include "imagetool/build/stage_plan.hpp"

#include <gtest/gtest.h>

#include "imagetool/build/config_values.hpp"

namespace build {
namespace {

using Words = std::vector<std::string>;

Request request(std::map<std::string, std::string> arguments = {}) {
  return {.arguments = std::move(arguments),
          .platform = {.architecture = "arm64", .os = "linux"},
          .build_platform = {.architecture = "amd64", .os = "linux"}};
}

/// The plan of the last stage; bases that are stages are planned first.
StagePlan plan(const std::string& text, const Request& wanted = request(),
               oci::ContainerDefaults base = {}) {
  const Dockerfile file = parse_dockerfile(text, "Dockerfile");
  const BuildGraph graph = build_graph(file, wanted);
  std::map<std::size_t, StagePlan> plans;
  for (const std::size_t index : graph.order) {
    const Stage& stage = graph.stages[index];
    StageBase from{.config = scratch_config(stage.platform)};
    if (stage.base.kind == Origin::Kind::kImage) from.config.config = base;
    if (stage.base.kind == Origin::Kind::kStage)
      from = {plans.at(stage.base.stage).config, plans.at(stage.base.stage).args};
    plans[index] = plan_stage(graph, wanted, stage, std::move(from));
  }
  return plans.at(graph.target);
}

std::string refusal(const std::string& text) {
  try {
    plan(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

Words history(const StagePlan& plan) {
  Words words;
  for (const Step& step : plan.steps)
    if (!step.history.empty()) words.push_back(step.history);
  return words;
}

constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

TEST(StagePlan, EnvironmentAndArguments) {
  const StagePlan made = plan(
      "ARG G=global\nFROM scratch\nARG G\nARG A=1 B\nENV a=1\nENV a=2 b=$a C='$a'\nENV old the "
      "rest\n"
      "ARG A2=$a$G\nRUN x\n",
      request({{"B", "given"}, {"HTTP_PROXY", "http://proxy"}}));
  EXPECT_EQ(made.config.config.env, (Words{kPath, "a=2", "b=1", "C=$a", "old=the rest"}));
  EXPECT_EQ(
      history(made),
      (Words{"ARG G=global", "ARG A=1 B=given", "ENV a=1", "ENV a=2 b=1 C=$a", "ENV old=the rest",
             "ARG A2=2global", "RUN |4 G=global A=1 B=given A2=2global /bin/sh -c x # buildkit"}));
  const RunAction& run = std::get<RunAction>(made.steps.back().action);
  EXPECT_EQ(run.args, (Words{"/bin/sh", "-c", "x"}));
  EXPECT_EQ(run.proxies, (Words{"HTTP_PROXY=http://proxy"}));
}

TEST(StagePlan, EnvWinsOverArg) {
  const StagePlan made =
      plan("FROM scratch\nENV V=env\nARG V=arg\nWORKDIR /$V\n", request({{"V", "x"}}));
  EXPECT_EQ(made.config.config.working_dir, "/env");
}

TEST(StagePlan, GlobalArgsNeedDeclaration) {
  const StagePlan made = plan(
      "ARG G=1\nFROM scratch\nLABEL a=x$G p=$TARGETARCH\nARG TARGETARCH BUILDARCH\nLABEL "
      "b=$TARGETARCH-$BUILDARCH\n");
  EXPECT_EQ(made.config.config.labels,
            (std::map<std::string, std::string>{{"a", "x"}, {"b", "arm64-amd64"}, {"p", ""}}));
  ASSERT_EQ(made.warnings.size(), 2U);
  EXPECT_EQ(made.warnings[0].rule, "UndefinedVar");
}

TEST(StagePlan, StagesInheritArgsAndConfig) {
  const StagePlan made =
      plan("FROM scratch AS a\nARG X=1\nUSER u\nCMD c\nFROM a\nLABEL x=$X\nENTRYPOINT [\"e\"]\n");
  EXPECT_EQ(made.config.config.labels.at("x"), "1");
  EXPECT_EQ(made.config.config.user, "u");
  EXPECT_TRUE(made.config.config.cmd.empty());
}

TEST(StagePlan, CommandsAndShell) {
  const StagePlan made = plan(
      "FROM scratch\nSHELL [\"/bin/bash\", \"-ec\"]\nCMD echo $HOME\nENTRYPOINT [\"a\", "
      "\"b\\\"c\"]\n");
  EXPECT_EQ(made.config.config.cmd, (Words{"/bin/bash", "-ec", "echo $HOME"}));
  EXPECT_EQ(history(made),
            (Words{"SHELL [/bin/bash -ec]", R"(CMD ["/bin/bash" "-ec" "echo $HOME"])",
                   R"(ENTRYPOINT ["a" "b\"c"])"}));
}

TEST(StagePlan, WorkdirIsJoinedAndCleaned) {
  const StagePlan made = plan(
      "FROM scratch\nWORKDIR a\nWORKDIR ../b/./c/\nCOPY x .\nCOPY y d/\nADD z /q/../r\nWORKDIR "
      "/\n");
  EXPECT_EQ(history(made),
            (Words{"WORKDIR /a", "WORKDIR /b/c", "COPY x /b/c/ # buildkit",
                   "COPY y /b/c/d/ # buildkit", "ADD z /r # buildkit", "WORKDIR /"}));
  EXPECT_FALSE(made.steps.back().makes_layer());
}

TEST(StagePlan, PortsVolumesSignalsHealth) {
  const StagePlan made = plan(
      "FROM scratch\nEXPOSE 80 8000-8002/UDP 127.0.0.1:1:90\nVOLUME /b [\nVOLUME "
      "[\"/a\"]\nSTOPSIGNAL SIGRTMIN+3\n"
      "HEALTHCHECK --interval=90s --timeout=1.5s --retries=3 CMD curl x\n");
  EXPECT_EQ(made.config.config.exposed_ports,
            (Words{"80/tcp", "8000/udp", "8001/udp", "8002/udp", "90/tcp"}));
  EXPECT_EQ(made.config.config.volumes, (Words{"/a", "/b", "["}));
  EXPECT_EQ(
      *made.config.config.healthcheck,
      R"({"Test":["CMD-SHELL","curl x"],"Interval":90000000000,"Timeout":1500000000,"Retries":3})");
  EXPECT_EQ(history(made).back(),
            R"(HEALTHCHECK &{["CMD-SHELL" "curl x"] "1m30s" "1.5s" "0s" "0s" '\x03'})");
}

TEST(StagePlan, BytesThatAreNoTextAreReplacedInJson) {
  const StagePlan made = plan("FROM scratch\nHEALTHCHECK CMD \xe1\n");
  EXPECT_EQ(*made.config.config.healthcheck, "{\"Test\":[\"CMD-SHELL\",\"\xef\xbf\xbd\"]}");
}

TEST(StagePlan, TriggersRunFirstAndOnce) {
  const StagePlan made = plan("FROM image\nENV x=2\nONBUILD COPY a b\n", request(),
                              {.env = {"PATH=/p"}, .on_build = {"ENV x=1", "RUN made"}});
  EXPECT_EQ(made.config.config.env, (Words{"PATH=/p", "x=2"}));
  EXPECT_EQ(made.config.config.on_build, (Words{"COPY a b"}));
  EXPECT_EQ(history(made), (Words{"ENV x=1", "RUN /bin/sh -c made # buildkit", "ENV x=2"}));
}

TEST(StagePlan, Heredocs) {
  const StagePlan made = plan(
      "FROM scratch\nENV v=1\nRUN <<E\necho $v\nE\nRUN <<S\n#!/bin/python\nx\nS\nRUN cat "
      "<<A\nq\nA\n"
      "COPY <<f <<'g' /d/\n\"$v\"\nf\n$v\ng\n");
  EXPECT_EQ(std::get<RunAction>(made.steps[1].action).args, (Words{"/bin/sh", "-c", "echo $v\n"}));
  EXPECT_EQ(std::get<RunAction>(made.steps[2].action).script, "#!/bin/python\nx\n");
  EXPECT_EQ(std::get<RunAction>(made.steps[3].action).args.back(), "cat <<A\nq\nA\n");
  const CopyAction& copy = std::get<CopyAction>(made.steps[4].action);
  ASSERT_EQ(copy.files.size(), 2U);
  EXPECT_EQ(copy.files[0].content, "\"1\"\n");
  EXPECT_EQ(copy.files[1].content, "$v\n");
  EXPECT_TRUE(copy.sources.empty());
}

TEST(StagePlan, Mounts) {
  const StagePlan made = plan(
      "FROM scratch AS a\nFROM scratch\nARG D=/c\nWORKDIR /w\n"
      "RUN --mount=type=cache,target=$D,sharing=locked,mode=0700 --mount=from=a,target=rel,rw "
      "--mount=type=secret,id=s,env=S --mount=type=tmpfs,target=/t,size=2m x\n");
  const std::vector<PlannedMount>& mounts = std::get<RunAction>(made.steps.back().action).mounts;
  ASSERT_EQ(mounts.size(), 4U);
  EXPECT_EQ(mounts[0].flag.target, "/c");
  EXPECT_EQ(mounts[0].origin.kind, Origin::Kind::kNothing);
  EXPECT_EQ(mounts[1].flag.target, "/w/rel");
  EXPECT_FALSE(mounts[1].flag.readonly);
  EXPECT_EQ(mounts[1].origin.kind, Origin::Kind::kStage);
  EXPECT_EQ(mounts[3].flag.size, 2U << 20U);
}

TEST(StagePlan, RefusalsNameThePlace) {
  const auto says = [](const std::string& line, const std::string& what) {
    const std::string message = refusal("FROM scratch\n" + line + "\n");
    EXPECT_NE(message.find("Dockerfile:2:1: " + what), std::string::npos) << message;
  };
  says("EXPOSE x", "invalid containerPort: x");
  says("EXPOSE 1/icmp", "invalid proto: icmp");
  says("STOPSIGNAL NOPE", "invalid signal: NOPE");
  says("VOLUME [\"\"]", "VOLUME specified can not be an empty string");
  says("HEALTHCHECK NOPE x", "unknown type \"NOPE\" in HEALTHCHECK (try CMD)");
  says("HEALTHCHECK --interval=1us CMD x", "interval \"interval\" cannot be less than 1ms");
  says("RUN --mount=type=cahce,target=/x a",
       "unsupported mount type \"cahce\" (did you mean cache?)");
  says("RUN --mount=type=cache,traget=/x a",
       "unexpected key 'traget' for mount type 'cache' (did you mean target?)");
  says("RUN --mount=type=bind,target=/x,bind-propagation=shared a",
       "unexpected key 'bind-propagation' for mount type 'bind'");
  says("RUN --mount=type=bind,target=/ a", "invalid mount target \"/\"");
  says("RUN --network=br0 a", "unsupported network mode \"br0\"");
  says("RUN --security=insecure a", "--security=insecure is not supported");
  says("COPY --chmod=9 a b", "invalid chmod parameter: '9'");
  says("ENV a=\"${b:?is needed}\"", "b: is needed");
}

TEST(ModeChange, OctalAndSymbolic) {
  EXPECT_EQ(ModeChange::parse("0640").apply(0777, false), 0640U);
  EXPECT_EQ(ModeChange::parse("u=rwX,go=rX").apply(0640, true), 0755U);
  EXPECT_EQ(ModeChange::parse("u=rwX,go=rX").apply(0640, false), 0644U);
  EXPECT_EQ(ModeChange::parse("a-w+x").apply(0644, false), 0555U);
  EXPECT_EQ(ModeChange::parse("g=u,o=").apply(0701, false), 0770U);
  EXPECT_EQ(ModeChange::parse("u+s").apply(0755, false), 04755U);
  EXPECT_THROW(ModeChange::parse("u+q"), Error);
  EXPECT_THROW(ModeChange::parse(""), Error);
}

TEST(Durations, AsGoReadsAndPrintsThem) {
  EXPECT_EQ(show_duration(parse_duration("1h0m5.25s")), "1h0m5.25s");
  EXPECT_EQ(show_duration(parse_duration("90s")), "1m30s");
  EXPECT_EQ(show_duration(parse_duration("1500us")), "1.5ms");
  EXPECT_THROW(parse_duration("5"), Error);
  EXPECT_THROW(parse_duration("1x"), Error);
}

}  // namespace
}  // namespace build
