// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/registry.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/registry/base64.hpp"
#include "tests/support/fake_http_server.hpp"

namespace registry {
namespace {

using Request = FakeHttpServer::Request;
using Reply = FakeHttpServer::Reply;
using std::chrono::milliseconds;

const std::string kManifest =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]})";

Reply manifest_reply(const std::string& body = kManifest) {
  return {.headers = {{"Content-Type", std::string(oci::kOciManifest)},
                      {"Docker-Content-Digest", sha256_of(body).str()}},
          .body = body};
}

std::string some_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t at = 0; at < size; ++at)
    bytes[at] = static_cast<char>((at * 31 + at / 251) & 0xFF);
  return bytes;
}

oci::Descriptor descriptor_of(const std::string& content) {
  return {.digest = sha256_of(content).str(), .size = static_cast<std::int64_t>(content.size())};
}

Options quick() {
  Options options;
  options.first_wait = milliseconds(4);
  options.retries = 3;
  return options;
}

Registry registry_at(const FakeHttpServer& server, Options options = quick()) {
  return {ImageReference::parse(server.host() + "/team/app:1"), std::move(options)};
}

std::string fetch(Registry& registry, const oci::Descriptor& blob) {
  std::string received;
  registry.blob(blob, [&](std::span<const std::byte> bytes) {
    received.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  return received;
}

template <typename Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

bool says(const std::string& message, const std::string& words) {
  return message.find(words) != std::string::npos;
}

/// A registry that wants the token "t1" of its own token server at /token.
class TokenRegistry {
 public:
  Reply operator()(const Request& request) {
    if (request.target.starts_with("/token")) return {.headers = {}, .body = token_reply};
    if (request.header("authorization") != "Bearer t1") return challenge(request.header("host"));
    return manifest_reply();
  }
  Reply challenge(const std::string& host) const {
    return {
        .status = 401,
        .headers = {{"WWW-Authenticate",
                     "Basic realm=\"x\", Bearer realm=\"http://" + host +
                         "/token\",service=\"s s\",scope=\"repository:team/app:pull\"" + more}}};
  }
  std::string token_reply = R"({"token":"t1"})";
  std::string more;
};

TEST(Registry, FetchesAManifestByTagAndByDigest) {
  FakeHttpServer server([](const Request&) { return manifest_reply(); });
  Registry registry = registry_at(server);
  const ManifestResponse by_tag = registry.manifest("1");
  EXPECT_EQ(by_tag.body, kManifest);
  EXPECT_EQ(by_tag.media_type, oci::kOciManifest);
  EXPECT_EQ(by_tag.digest, sha256_of(kManifest).str());
  EXPECT_EQ(registry.manifest(by_tag.digest).body, kManifest);
  const std::vector<Request> requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);  // no ping, no probing
  EXPECT_EQ(requests[0].target, "/v2/team/app/manifests/1");
  EXPECT_EQ(requests[1].target, "/v2/team/app/manifests/" + by_tag.digest);
  EXPECT_TRUE(says(requests[0].header("accept"), "manifest.list.v2+json"));
  EXPECT_EQ(requests[0].header("accept-encoding"), "");
}

TEST(Registry, HeadsAManifest) {
  bool tells = true;
  FakeHttpServer server([&](const Request&) { return tells ? manifest_reply() : Reply{}; });
  Registry registry = registry_at(server);
  EXPECT_EQ(registry.head_manifest("1"), sha256_of(kManifest).str());
  EXPECT_EQ(server.requests()[0].method, "HEAD");
  tells = false;
  EXPECT_EQ(registry.head_manifest("1"), std::nullopt);
}

TEST(Registry, RefusesWrongDigests) {
  FakeHttpServer server([](const Request&) {
    Reply reply = manifest_reply();
    reply.headers[1].second = sha256_of("other").str();
    return reply;
  });
  Registry registry = registry_at(server);
  EXPECT_TRUE(says(refusal([&] { registry.manifest("1"); }),
                   "does not match the digest the registry states"));
  const std::string message = refusal([&] { registry.manifest(sha256_of("x").str()); });
  EXPECT_TRUE(says(message, server.host() + "/team/app:1: the content does not match")) << message;
}

TEST(Registry, RefusesHugeManifestsAndOtherKinds) {
  std::string body = std::string(oci::kDocumentLimit + 1, ' ');
  FakeHttpServer server([&](const Request&) {
    return Reply{.headers = {{"Content-Type", "text/html"}}, .body = body};
  });
  Registry registry = registry_at(server);
  EXPECT_TRUE(says(refusal([&] { registry.manifest("1"); }), "larger than"));
  body = "{}";
  EXPECT_TRUE(says(refusal([&] { registry.manifest("1"); }), "unknown type \"text/html\""));
}

TEST(Registry, GetsAnAnonymousTokenOnce) {
  FakeHttpServer server{TokenRegistry()};
  Registry registry = registry_at(server);
  registry.manifest("1");
  registry.manifest("1");
  EXPECT_EQ(server.requests().size(), 4U);  // 401, token, 200, 200
  EXPECT_EQ(server.requests()[1].target,
            "/token?service=s%20s&scope=repository%3Ateam%2Fapp%3Apull");
  EXPECT_EQ(server.requests()[1].header("authorization"), "");
}

TEST(Registry, SendsTheLoginOnlyToTheTokenServer) {
  FakeHttpServer server{TokenRegistry()};
  Options options = quick();
  options.credentials.given = parse_creds("me:pa:ss");
  Registry registry = registry_at(server, options);
  registry.manifest("1");
  const std::vector<Request> requests = server.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].header("authorization"), "");
  EXPECT_TRUE(says(requests[1].target, "account=me"));
  EXPECT_EQ(requests[1].header("authorization"), "Basic " + base64_encode("me:pa:ss"));
  EXPECT_EQ(requests[2].header("authorization"), "Bearer t1");
}

TEST(Registry, PostsAnIdentityToken) {
  TokenRegistry behaviour;
  behaviour.token_reply = R"({"access_token":"t1","expires_in":300})";
  FakeHttpServer server(behaviour);
  Options options = quick();
  options.credentials.given = Login{.identity_token = "secret/1"};
  Registry registry = registry_at(server, options);
  registry.manifest("1");
  const Request token = server.requests()[1];
  EXPECT_EQ(token.method, "POST");
  EXPECT_TRUE(says(token.body,
                   "grant_type=refresh_token&service=s%20s&client_id=toyimg&scope=repository%3A"));
  EXPECT_TRUE(says(token.body, "refresh_token=secret%2F1"));
  EXPECT_EQ(token.header("authorization"), "");
}

TEST(Registry, AnswersBasicOnlyWithALogin) {
  FakeHttpServer server([](const Request& request) {
    if (request.header("authorization") == "Basic " + base64_encode("u:p")) return manifest_reply();
    return Reply{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"here\""}}};
  });
  Registry anonymous = registry_at(server);
  EXPECT_TRUE(says(refusal([&] { anonymous.manifest("1"); }), "give --creds or log in"));
  Options options = quick();
  options.credentials.given = parse_creds("u:p");
  Registry known = registry_at(server, options);
  EXPECT_EQ(known.manifest("1").body, kManifest);
  options.credentials.given = parse_creds("u:wrong");
  Registry wrong = registry_at(server, options);
  EXPECT_TRUE(says(refusal([&] { wrong.manifest("1"); }), "refuses the login"));
}

TEST(Registry, PassesOverABearerChallengeThatLeadsNowhere) {
  FakeHttpServer server([](const Request& request) {
    if (request.header("authorization") == "Basic " + base64_encode("u:p")) return manifest_reply();
    return Reply{.status = 401,
                 .headers = {{"WWW-Authenticate", "Bearer service=\"x\", Basic realm=\"y\""}}};
  });
  Options options = quick();
  options.credentials.given = parse_creds("u:p");
  Registry registry = registry_at(server, options);
  EXPECT_EQ(registry.manifest("1").body, kManifest);
}

TEST(Registry, AsksOnceMoreForAMissingScope) {
  std::string scope = R"(,error="insufficient_scope",scope="repository:base/app:pull")";
  bool is_enough = true;
  FakeHttpServer server([&](const Request& request) {
    const std::string host = request.header("host");
    if (request.target.starts_with("/token"))
      return Reply{.body = says(request.target, "base") ? R"({"token":"wide"})"
                                                        : R"({"token":"narrow"})"};
    const std::string token = request.header("authorization");
    if (token == "Bearer wide" && is_enough) return manifest_reply();
    return Reply{.status = 401,
                 .headers = {{"WWW-Authenticate", "Bearer realm=\"http://" + host + "/token\"" +
                                                      (token.empty() ? "" : scope)}}};
  });
  Registry registry = registry_at(server);
  EXPECT_EQ(registry.manifest("1").body, kManifest);
  EXPECT_EQ(server.count("/token"), 2U);
  EXPECT_TRUE(says(server.requests()[3].target,
                   "scope=repository%3Abase%2Fapp%3Apull&scope=repository%3Ateam"));
  is_enough = false;
  Registry forever = registry_at(server);
  EXPECT_TRUE(says(refusal([&] { forever.manifest("1"); }), "401"));
  EXPECT_EQ(server.count("/token"), 4U);
}

TEST(Registry, PingsWhenTheChallengeIsMissing) {
  TokenRegistry behaviour;
  FakeHttpServer server([&](const Request& request) {
    Reply reply = behaviour(request);
    if (reply.status == 401 && request.target != "/v2/") reply.headers.clear();
    return reply;
  });
  Registry registry = registry_at(server);
  EXPECT_EQ(registry.manifest("1").body, kManifest);
  EXPECT_EQ(server.count("/v2/"), 3U);
}

TEST(Registry, TellsWhenTheTokenServerRefuses) {
  TokenRegistry behaviour;
  int status = 401;
  FakeHttpServer server([&](const Request& request) {
    return request.target.starts_with("/token")
               ? Reply{.status = status, .body = behaviour.token_reply}
               : behaviour(request);
  });
  Options options = quick();
  options.credentials.given = parse_creds("u:p");
  Registry registry = registry_at(server, options);
  const std::string message = refusal([&] { registry.manifest("1"); });
  EXPECT_TRUE(says(message, "refuses the login (401)")) << message;
  status = 200;
  for (const char* reply : {"{}", "", "[]", R"({"token":"a\r\nX-Evil: 1"})"}) {
    behaviour.token_reply = reply;
    EXPECT_TRUE(says(refusal([&] { registry.manifest("1"); }), "token server")) << reply;
  }
  behaviour.token_reply = "{\"token\":\"" + std::string(std::size_t{2} << 20, 'x') + "\"}";
  EXPECT_TRUE(says(refusal([&] { registry.manifest("1"); }), "more than"));
}

TEST(Registry, GoesToNoInternalTokenServer) {
  FakeHttpServer other([](const Request&) { return Reply{.body = R"({"token":"t1"})"}; });
  std::string realm;
  FakeHttpServer server([&](const Request&) {
    return Reply{.status = 401,
                 .headers = {{"WWW-Authenticate", "Bearer realm=\"" + realm + "\""}}};
  });
  Options options = quick();
  options.credentials.given = parse_creds("u:p");
  for (const std::string& one :
       {"http://" + other.host() + "/token", std::string("http://169.254.169.254/latest"),
        std::string("http://10.0.0.1/"), std::string("http://[::1]:1/"),
        std::string("http://2130706433/"), std::string("file:///etc/passwd"),
        std::string("http://u:p@registry.example/"), std::string("gopher://a/")}) {
    realm = one;
    Registry registry = registry_at(server, options);
    EXPECT_TRUE(says(refusal([&] { registry.manifest("1"); }), "token server")) << one;
  }
  EXPECT_TRUE(other.requests().empty());
}

TEST(Registry, SharesOneTokenAmongThreads) {
  const std::string content = some_bytes(100'000);
  TokenRegistry behaviour;
  FakeHttpServer server([&](const Request& request) {
    Reply reply = behaviour(request);
    if (reply.status == 200 && !request.target.starts_with("/token")) reply = {.body = content};
    return reply;
  });
  Registry registry = registry_at(server);
  std::atomic<int> good = 0;
  std::vector<std::jthread> threads;
  for (int count = 0; count < 6; ++count)
    threads.emplace_back(
        [&] { good += fetch(registry, descriptor_of(content)) == content ? 1 : 0; });
  threads.clear();
  EXPECT_EQ(good, 6);
  EXPECT_EQ(server.count("/token"), 1U);
}

TEST(Registry, FollowsRedirectsWithoutTheLogin) {
  const std::string content = some_bytes(5000);
  FakeHttpServer storage([&](const Request&) { return Reply{.body = content}; });
  TokenRegistry behaviour;
  FakeHttpServer server([&](const Request& request) {
    if (request.target == "/elsewhere")
      return Reply{.status = 302,
                   .headers = {{"Location", "http://" + storage.host() + "/b?sig=1"}}};
    Reply reply = behaviour(request);
    if (reply.status == 200 && !request.target.starts_with("/token"))
      reply = {.status = 307, .headers = {{"Location", "/elsewhere"}}};
    return reply;
  });
  Registry registry = registry_at(server);
  EXPECT_EQ(fetch(registry, descriptor_of(content)), content);
  ASSERT_EQ(storage.requests().size(), 1U);
  EXPECT_EQ(storage.requests()[0].target, "/b?sig=1");
  EXPECT_EQ(storage.requests()[0].header("authorization"), "");
  EXPECT_EQ(server.requests().back().header("authorization"), "Bearer t1");
}

TEST(Registry, AnswersNoChallengeOfAnotherHost) {
  FakeHttpServer storage([](const Request&) {
    return Reply{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"give\""}}};
  });
  FakeHttpServer server([&](const Request&) {
    return Reply{.status = 302, .headers = {{"Location", "http://" + storage.host() + "/x"}}};
  });
  Options options = quick();
  options.credentials.given = parse_creds("u:p");
  Registry registry = registry_at(server, options);
  EXPECT_TRUE(says(refusal([&] { fetch(registry, descriptor_of("abc")); }), "401"));
  ASSERT_EQ(storage.requests().size(), 1U);
  EXPECT_EQ(storage.requests()[0].header("authorization"), "");
}

TEST(Registry, StopsAtBadRedirects) {
  std::string location = "/again";
  FakeHttpServer server(
      [&](const Request&) { return Reply{.status = 302, .headers = {{"Location", location}}}; });
  Registry registry = registry_at(server);
  EXPECT_TRUE(says(refusal([&] { registry.manifest("1"); }), "redirects more than 10 times"));
  EXPECT_EQ(server.requests().size(), 11U);
  for (const char* bad : {"file:///etc/passwd", "gopher://x/", "", "ftp://x/y", "http://u:p@x/"}) {
    location = bad;
    EXPECT_TRUE(says(refusal([&] { registry.manifest("1"); }), "redirects to nowhere")) << bad;
  }
}

TEST(Registry, IsNotRedirectedToTheLocalNetwork) {
  std::string location;
  FakeHttpServer server(
      [&](const Request&) { return Reply{.status = 302, .headers = {{"Location", location}}}; });
  for (const char* bad : {"http://169.254.169.254/latest/meta-data", "http://[fe80::1]/",
                          "http://[::ffff:169.254.169.254]/", "http://0.0.0.0:1/"}) {
    location = bad;
    Registry registry = registry_at(server);
    EXPECT_TRUE(says(refusal([&] { registry.manifest("1"); }), "its own network")) << bad;
  }
}

TEST(Registry, RetriesWhatPasses) {
  std::atomic<int> failures = 2;
  int status = 503;
  FakeHttpServer server(
      [&](const Request&) { return failures-- > 0 ? Reply{.status = status} : manifest_reply(); });
  Registry registry = registry_at(server);
  EXPECT_EQ(registry.manifest("1").body, kManifest);
  EXPECT_EQ(server.requests().size(), 3U);
  failures = 100;
  EXPECT_TRUE(says(refusal([&] { registry.manifest("1"); }), "is failing (503)"));
  EXPECT_EQ(server.requests().size(), 7U);
  status = 403;
  EXPECT_TRUE(says(refusal([&] { registry.manifest("1"); }), "denies access (403)"));
  EXPECT_EQ(server.requests().size(), 8U);
}

TEST(Registry, HonoursRetryAfter) {
  std::atomic<int> failures = 1;
  std::string after = "1";
  FakeHttpServer server([&](const Request&) {
    return failures-- > 0 ? Reply{.status = 429, .headers = {{"Retry-After", after}}}
                          : manifest_reply();
  });
  Registry registry = registry_at(server);
  const auto before = std::chrono::steady_clock::now();
  registry.manifest("1");
  EXPECT_GE(std::chrono::steady_clock::now() - before, milliseconds(1000));
  failures = 1;
  after = "7200";
  const std::string message = refusal([&] { registry.manifest("1"); });
  EXPECT_TRUE(says(message, "request limit for us (429); it asks to wait 7200 seconds")) << message;
  FakeHttpServer hub([](const Request&) {
    return Reply{.status = 429,
                 .headers = {{"Retry-After", "7200"}, {"RateLimit-Limit", "100;w=21600"}}};
  });
  Registry limited = registry_at(hub);
  EXPECT_TRUE(says(refusal([&] { limited.manifest("1"); }),
                   "(429): it allows 100 in 21600 seconds; it asks to wait 7200 seconds"));
}

TEST(Registry, StopsWaitingWhenTold) {
  std::stop_source stop;
  FakeHttpServer server(
      [&](const Request&) { return Reply{.status = 429, .headers = {{"Retry-After", "50"}}}; });
  Options options = quick();
  options.stop = stop.get_token();
  Registry registry = registry_at(server, options);
  std::jthread stopper([&] {
    while (server.requests().empty()) std::this_thread::yield();
    stop.request_stop();
  });
  EXPECT_TRUE(says(refusal([&] { registry.manifest("1"); }), "stopped"));
}

TEST(Registry, NamesTheImageThatIsNotThere) {
  FakeHttpServer server([](const Request&) {
    return Reply{
        .status = 404,
        .body =
            R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest \u001b[31munknown"}]})"};
  });
  Registry registry = registry_at(server);
  EXPECT_THROW(registry.manifest("1"), NotFound);
  EXPECT_EQ(refusal([&] { registry.manifest("1"); }),
            server.host() + "/team/app:1: not found in the registry " + server.host() +
                ": MANIFEST_UNKNOWN, manifest ?[31munknown");
}

TEST(Registry, SaysWhatCannotBeReached) {
  std::string host;
  {
    host = FakeHttpServer([](const Request&) { return Reply{}; }).host();
  }
  Registry registry(ImageReference::parse(host + "/a"), quick());
  const std::string message = refusal([&] { registry.manifest("latest"); });
  EXPECT_TRUE(says(message, host + "/a:latest: cannot reach the registry " + host)) << message;
}

TEST(RegistryBlob, StreamsAnySize) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{3'000'000}}) {
    const std::string content = some_bytes(size);
    FakeHttpServer server([&](const Request&) { return Reply{.body = content}; });
    Registry registry = registry_at(server);
    EXPECT_TRUE(fetch(registry, descriptor_of(content)) == content) << size;
    EXPECT_EQ(server.requests()[0].target, "/v2/team/app/blobs/" + descriptor_of(content).digest);
  }
}

TEST(RegistryBlob, ResumesWhereItWas) {
  const std::string content = some_bytes(300'000);
  bool has_ranges = true;
  FakeHttpServer server([&](const Request& request) {
    const std::string range = request.header("range");
    if (range.empty() || !has_ranges) {
      const std::size_t cut = range.empty() ? 100'000 : std::string::npos;
      return Reply{.body = content, .cut_after = cut};
    }
    const std::size_t start = std::stoul(range.substr(6));
    return Reply{.status = 206,
                 .headers = {{"Content-Range", sentence("bytes ", start, "-", content.size() - 1,
                                                        "/", content.size())}},
                 .body = content.substr(start),
                 .cut_after = start < 200'000 ? 100'000 : std::string::npos};
  });
  Registry registry = registry_at(server);
  EXPECT_TRUE(fetch(registry, descriptor_of(content)) == content);
  EXPECT_EQ(server.requests()[1].header("range"), "bytes=100000-");
  has_ranges = false;
  EXPECT_TRUE(fetch(registry, descriptor_of(content)) == content);
}

TEST(RegistryBlob, AsksTheRegistryAgainWhenASignedAddressHasExpired) {
  const std::string content = some_bytes(5000);
  std::atomic<int> signatures = 0;
  FakeHttpServer storage([&](const Request& request) {
    if (request.target != "/signed?n=" + std::to_string(signatures)) return Reply{.status = 403};
    if (request.header("range").empty()) return Reply{.body = content, .cut_after = 2000};
    return Reply{.status = 206,
                 .headers = {{"Content-Range", "bytes 2000-4999/5000"}},
                 .body = content.substr(2000)};
  });
  FakeHttpServer server([&](const Request&) {
    return Reply{.status = 307,
                 .headers = {{"Location", "http://" + storage.host() +
                                              "/signed?n=" + std::to_string(++signatures)}}};
  });
  Registry registry = registry_at(server);
  EXPECT_EQ(fetch(registry, descriptor_of(content)), content);
  EXPECT_EQ(server.requests().size(), 2U);
  ASSERT_EQ(storage.requests().size(), 2U);
  EXPECT_EQ(storage.requests()[1].header("range"), "bytes=2000-");
}

TEST(RegistryBlob, ResumesWhenTheLengthIsNotTold) {
  const std::string content = some_bytes(10'000);
  FakeHttpServer server([&](const Request& request) {
    const bool first = request.header("range").empty();
    return Reply{.status = first ? 200 : 206,
                 .headers = {{first ? "X-None" : "Content-Range", "bytes 4000-9999/10000"}},
                 .body = first ? content.substr(0, 4000) : content.substr(4000),
                 .omit_length = true};
  });
  Registry registry = registry_at(server);
  EXPECT_TRUE(fetch(registry, descriptor_of(content)) == content);
}

TEST(RegistryBlob, GivesUpOnAConnectionThatAlwaysBreaks) {
  const std::string content = some_bytes(1000);
  FakeHttpServer server([&](const Request&) { return Reply{.body = content, .cut_after = 10}; });
  Registry registry = registry_at(server);
  const std::string message = refusal([&] { fetch(registry, descriptor_of(content)); });
  EXPECT_TRUE(says(message, ": blob sha256:")) << message;
  EXPECT_TRUE(says(message, "ends after 10 of 1000 bytes")) << message;
  EXPECT_EQ(server.requests().size(), 4U);
}

TEST(RegistryBlob, RefusesAnotherSize) {
  const std::string content = some_bytes(1000);
  bool tells = true;
  std::string sent = content + "x";
  FakeHttpServer server([&](const Request&) { return Reply{.body = sent, .omit_length = !tells}; });
  Registry registry = registry_at(server);
  EXPECT_TRUE(says(refusal([&] { fetch(registry, descriptor_of(content)); }),
                   "is 1001 bytes long, not 1000"));
  tells = false;
  EXPECT_TRUE(says(refusal([&] { fetch(registry, descriptor_of(content)); }),
                   "longer than the 1000 bytes"));
  tells = true;
  sent = content.substr(1);
  EXPECT_TRUE(says(refusal([&] { fetch(registry, descriptor_of(content)); }),
                   "is 999 bytes long, not 1000"));
}

TEST(RegistryBlob, RefusesOddAnswersToARange) {
  const std::string content = some_bytes(1000);
  std::string range = "bytes 0-989/1000";
  FakeHttpServer server([&](const Request& request) {
    if (request.header("range").empty()) return Reply{.body = content, .cut_after = 10};
    return Reply{.status = 206, .headers = {{"Content-Range", range}}, .body = content.substr(10)};
  });
  Registry registry = registry_at(server);
  for (const char* bad :
       {"bytes 0-989/1000", "bytes 10-999/2000", "10-999", "", "bytes 10-5/1000", "bytes x-y/z"}) {
    range = bad;
    EXPECT_TRUE(says(refusal([&] { fetch(registry, descriptor_of(content)); }), "blob sha256:"))
        << bad;
  }
}

TEST(RegistryBlob, RefusesContentInAnEncoding) {
  FakeHttpServer server([](const Request&) {
    return Reply{.headers = {{"Content-Encoding", "gzip"}}, .body = "abc"};
  });
  Registry registry = registry_at(server);
  EXPECT_TRUE(says(refusal([&] { fetch(registry, descriptor_of("abc")); }), "encoded"));
}

TEST(RegistryBlob, PassesOnWhatTheSinkThrows) {
  FakeHttpServer server([](const Request&) { return Reply{.body = "abc"}; });
  Registry registry = registry_at(server);
  EXPECT_TRUE(says(refusal([&] {
                     registry.blob(descriptor_of("abc"),
                                   [](std::span<const std::byte>) { throw Error("disk full"); });
                   }),
                   "disk full"));
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(RegistryBlob, ChecksTheDigestOfSmallOnes) {
  std::string content = "{\"a\":1}";
  FakeHttpServer server([&](const Request&) { return Reply{.body = content}; });
  Registry registry = registry_at(server);
  EXPECT_EQ(registry.small_blob(descriptor_of(content)), content);
  const oci::Descriptor wanted = descriptor_of(content);
  content = "{\"a\":2}";
  EXPECT_TRUE(says(refusal([&] { registry.small_blob(wanted); }),
                   "does not match the digest in the manifest"));
}

TEST(RegistryBlob, TakesForeignLayersFromTheirUrlsWithoutLogin) {
  FakeHttpServer foreign([](const Request& request) {
    if (request.target == "/layer") return Reply{.body = "abc"};
    return Reply{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"give\""}}};
  });
  int status = 404;
  FakeHttpServer server([&](const Request&) { return Reply{.status = status}; });
  Options options = quick();
  options.credentials.given = parse_creds("u:p");
  Registry registry = registry_at(server, options);
  oci::Descriptor blob = descriptor_of("abc");
  blob.urls = {"http://" + foreign.host() + "/closed", "http://" + foreign.host() + "/layer"};
  EXPECT_EQ(fetch(registry, blob), "abc");
  status = 403;
  EXPECT_EQ(fetch(registry, blob), "abc");
  ASSERT_EQ(foreign.requests().size(), 4U);
  for (const Request& request : foreign.requests()) EXPECT_EQ(request.header("authorization"), "");
}

TEST(RegistryMirror, ComesBeforeTheRegistryItself) {
  FakeHttpServer mirror([](const Request&) { return manifest_reply(); });
  Options options = quick();
  options.conf.add("[[registry]]\nprefix = \"docker.io\"\n[[registry.mirror]]\nlocation = \"" +
                       mirror.host() + "/hub\"\n",
                   "test.conf");
  options.credentials.given = parse_creds("u:p");
  Registry registry(ImageReference::parse("alpine"), options);
  EXPECT_EQ(registry.manifest("latest").body, kManifest);
  EXPECT_EQ(mirror.requests()[0].target, "/v2/hub/library/alpine/manifests/latest");
}

TEST(RegistryMirror, IsPassedOverWhenItFails) {
  FakeHttpServer empty([](const Request&) { return Reply{.status = 404}; });
  FakeHttpServer digests([](const Request&) { return manifest_reply(); });
  FakeHttpServer server([](const Request&) { return manifest_reply(); });
  Options options = quick();
  options.conf.add(
      "[[registry]]\nlocation = \"" + server.host() + "\"\n[[registry.mirror]]\nlocation = \"" +
          empty.host() +
          "\"\n[[registry.mirror]]\npull-from-mirror = \"digest-only\"\nlocation = \"" +
          digests.host() + "\"\n",
      "test.conf");
  Registry registry = registry_at(server, options);
  const ManifestResponse manifest = registry.manifest("1");
  registry.manifest(manifest.digest);
  EXPECT_EQ(empty.requests().size(), 1U);
  EXPECT_EQ(server.requests().size(), 1U);
  EXPECT_EQ(digests.requests().size(), 1U);
}

TEST(RegistryMirror, NeverSeesTheLoginGivenForTheRegistry) {
  FakeHttpServer mirror([](const Request& request) {
    if (request.header("authorization").empty())
      return Reply{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"give\""}}};
    return manifest_reply();
  });
  FakeHttpServer server([](const Request&) { return manifest_reply(); });
  Options options = quick();
  options.conf.add("[[registry]]\nlocation = \"" + server.host() +
                       "\"\n[[registry.mirror]]\nlocation = \"" + mirror.host() + "\"\n",
                   "test.conf");
  options.credentials.given = parse_creds("u:p");
  Registry registry = registry_at(server, options);
  registry.manifest("1");
  for (const Request& request : mirror.requests()) EXPECT_EQ(request.header("authorization"), "");
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(RegistryMirror, ABlockedRegistryIsNotAsked) {
  Options options = quick();
  options.conf.add("[[registry]]\nprefix = \"docker.io\"\nblocked = true\n", "test.conf");
  EXPECT_TRUE(says(refusal([&] { Registry(ImageReference::parse("alpine"), options); }),
                   "blocks docker.io"));
}

}  // namespace
}  // namespace registry
