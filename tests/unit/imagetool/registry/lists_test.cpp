// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/registry/pages.hpp"
#include "imagetool/registry/registry.hpp"
#include "imagetool/registry/registry_host.hpp"
#include "tests/support/fake_http_server.hpp"

namespace registry {
namespace {

using Request = FakeHttpServer::Request;
using Reply = FakeHttpServer::Reply;
using Strings = std::vector<std::string>;

Options quick() {
  Options options;
  options.first_wait = std::chrono::milliseconds(4);
  options.retries = 2;
  return options;
}

Registry registry_at(const FakeHttpServer& server) {
  return {ImageReference::parse(server.host() + "/team/app:1"), quick()};
}

Strings tags_of(const FakeHttpServer& server) {
  Strings tags;
  registry_at(server).tags([&](const std::string& tag) { tags.push_back(tag); });
  return tags;
}

std::string refusal(const FakeHttpServer& server) {
  try {
    tags_of(server);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

bool says(const std::string& message, const std::string& words) {
  return message.find(words) != std::string::npos;
}

TEST(NextLink, FindsTheNextPage) {
  const auto next = [](const std::string& value) {
    HttpHead head;
    head.headers.emplace_back("link", value);
    return next_link(head);
  };
  EXPECT_EQ(next(R"(</v2/a/tags/list?last=b&n=1>; rel="next")"), "/v2/a/tags/list?last=b&n=1");
  EXPECT_EQ(next(R"(</first>; rel="prev", </second>; rel=next)"), "/second");
  EXPECT_EQ(next(R"(</a>; rel="prev")"), "");
  EXPECT_EQ(next("nonsense"), "");
  EXPECT_EQ(next("<broken"), "");
  EXPECT_EQ(next(""), "");
}

TEST(Tags, GoPageByPage) {
  FakeHttpServer server([](const Request& request) -> Reply {
    if (says(request.target, "last=b")) return {.body = R"({"name":"team/app","tags":["c"]})"};
    return {.headers = {{"Link", R"(<list?last=b&n=2>; rel="next")"}},
            .body = R"({"name":"team/app","tags":["a","b"]})"};
  });
  EXPECT_EQ(tags_of(server), (Strings{"a", "b", "c"}));
  EXPECT_EQ(server.requests()[1].target, "/v2/team/app/tags/list?last=b&n=2");
}

TEST(Tags, MayBeNullOrMissing) {
  std::string body = R"({"tags":null})";
  FakeHttpServer server([&](const Request&) { return Reply{.body = body}; });
  EXPECT_EQ(tags_of(server), Strings{});
  body = "{}";
  EXPECT_EQ(tags_of(server), Strings{});
  body = R"({"tags":"no list"})";
  EXPECT_TRUE(says(refusal(server), "tags"));
  body = "<html>";
  EXPECT_NE(refusal(server), "nothing was thrown");
}

TEST(Tags, StayOnTheHost) {
  for (const std::string target :
       {"http://127.0.0.2:9/v2/x", "http://evil.example/x", "http://169.254.169.254/x",
        "file:///etc/passwd", "https://evil.example/x"}) {
    FakeHttpServer server([&](const Request&) {
      return Reply{.headers = {{"Link", "<" + target + ">; rel=\"next\""}},
                   .body = R"({"tags":[]})"};
    });
    EXPECT_NE(refusal(server), "nothing was thrown") << target;
    EXPECT_EQ(server.requests().size(), 1U);
  }
}

TEST(Tags, DoNotGoInCircles) {
  FakeHttpServer server([](const Request& request) {
    return Reply{.headers = {{"Link", "<" + request.target + ">; rel=\"next\""}},
                 .body = R"({"tags":["a"]})"};
  });
  EXPECT_TRUE(says(refusal(server), "does not end"));
  EXPECT_LE(server.requests().size(), 3U);
}

TEST(Tags, HaveALimitPerPage) {
  FakeHttpServer server([](const Request&) {
    return Reply{.body = R"({"tags":[")" + std::string(oci::kDocumentLimit, 'a') + "\"]}"};
  });
  EXPECT_TRUE(says(refusal(server), "at once"));
}

TEST(Catalog, AsksForItsOwnScope) {
  std::string asked;
  FakeHttpServer server([&](const Request& request) -> Reply {
    if (request.target.starts_with("/token")) {
      asked = request.target;
      return {.body = R"({"token":"t"})"};
    }
    if (request.header("authorization") == "Bearer t")
      return {.body = R"({"repositories":["a","b/c"]})"};
    return {.status = 401,
            .headers = {{"WWW-Authenticate",
                         "Bearer realm=\"http://" + request.header("host") + "/token\""}}};
  });
  Strings names;
  RegistryHost(server.host(), quick()).catalog([&](const std::string& one) {
    names.push_back(one);
  });
  EXPECT_EQ(names, (Strings{"a", "b/c"}));
  EXPECT_TRUE(says(asked, "scope=registry%3Acatalog%3A%2A")) << asked;
}

const std::string kSubject = sha256_of("subject").str();
const std::string kEntry =
    R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"a/b","size":2,"digest":")" +
    sha256_of("{}").str() + "\"}";

TEST(Referrers, ComeFromTheInterfaceWhereThereIsOne) {
  FakeHttpServer server([](const Request&) {
    return Reply{.headers = {{"Content-Type", std::string(oci::kOciIndex)}},
                 .body = R"({"schemaVersion":2,"manifests":[)" + kEntry + "]}"};
  });
  EXPECT_EQ(registry_at(server).referrers(kSubject, "").size(), 1U);
  EXPECT_EQ(registry_at(server).referrers(kSubject, "a/b").size(), 1U);
  EXPECT_EQ(registry_at(server).referrers(kSubject, "other").size(), 0U);
  EXPECT_EQ(server.requests()[1].target,
            "/v2/team/app/referrers/" + kSubject + "?artifactType=a%2Fb");
}

TEST(Referrers, ComeFromTheFallbackTagElse) {
  for (const int status : {404, 400, 405, 406, 200}) {
    FakeHttpServer server([&](const Request& request) -> Reply {
      if (says(request.target, "/referrers/"))
        return {.status = status, .headers = {{"Content-Type", "text/plain"}}, .body = "no"};
      return {.headers = {{"Content-Type", std::string(oci::kOciIndex)}},
              .body = R"({"schemaVersion":2,"manifests":[)" + kEntry + "]}"};
    });
    EXPECT_EQ(registry_at(server).referrers(kSubject, "").size(), 1U) << status;
    EXPECT_EQ(server.requests()[1].target, "/v2/team/app/manifests/sha256-" + kSubject.substr(7));
  }
}

TEST(Referrers, AreListedByUsWhereTheRegistryDoesNot) {
  std::string list;
  bool knows = false;
  FakeHttpServer server([&](const Request& request) -> Reply {
    const bool is_list = says(request.target, "/manifests/sha256-");
    if (request.method == "PUT" && is_list) list = request.body;
    if (request.method == "PUT" && knows && !is_list)
      return {.status = 201, .headers = {{"OCI-Subject", kSubject}}};
    if (request.method == "PUT") return {.status = 201};
    if (list.empty()) return {.status = 404};
    return {.headers = {{"Content-Type", std::string(oci::kOciIndex)}}, .body = list};
  });
  const auto signature = [](const std::string& note) {
    return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"a/b",)"
           R"("annotations":{"note":")" +
           note + R"("},"subject":{"mediaType":"x/y","size":7,"digest":")" + kSubject + "\"}}";
  };
  Registry target = registry_at(server);
  target.push_manifest(signature("one"), "application/x", "one");
  target.push_manifest(signature("two"), "application/x", "two");
  target.push_manifest(signature("two"), "application/x", "again");
  const std::vector<oci::Descriptor> entries = oci::read_index(list).manifests;
  ASSERT_EQ(entries.size(), 2U) << list;
  EXPECT_EQ(entries[1].digest, sha256_of(signature("two")).str());
  EXPECT_EQ(entries[1].artifact_type, "a/b");
  EXPECT_EQ(entries[1].annotations.at("note"), "two");
  knows = true;
  const std::size_t before = server.requests().size();
  target.push_manifest(signature("three"), "application/x", "three");
  EXPECT_EQ(server.requests().size(), before + 1);
}

}  // namespace
}  // namespace registry
