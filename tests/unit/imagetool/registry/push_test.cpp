// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"
#include "imagetool/oci/digest.hpp"
#include "imagetool/registry/registry.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/fake_http_server.hpp"

namespace registry {
namespace {

using Request = FakeHttpServer::Request;
using Reply = FakeHttpServer::Reply;

std::string some_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t at = 0; at < size; ++at)
    bytes[at] = static_cast<char>((at * 31 + at / 251) & 0xFF);
  return bytes;
}

oci::Descriptor descriptor_of(const std::string& content) {
  return {.digest = sha256_of(content).str(), .size = static_cast<std::int64_t>(content.size())};
}

bool says(const std::string& message, const std::string& words) {
  return message.find(words) != std::string::npos;
}

/// A repository that takes uploads as the distribution-spec says, unless `fault` answers first.
struct Repository {
  std::map<std::string, std::string> blobs{}, manifests{};
  std::string upload{};
  int sessions = 0;
  bool mounts = false;
  std::function<std::optional<Reply>(const Request&)> fault{};

  Reply operator()(const Request& request) {
    if (fault)
      if (auto reply = fault(request)) return *reply;
    const std::string& target = request.target;
    if (request.method == "HEAD") return {.status = blobs.contains(last_of(target)) ? 200 : 404};
    if (request.method == "POST") return begin(target);
    if (target.find("/manifests/") != std::string::npos) {
      manifests[last_of(target)] = request.body;
      return {.status = 201, .headers = {{"Docker-Content-Digest", sha256_of(request.body).str()}}};
    }
    if (target.find(session()) == std::string::npos) return {.status = 404};
    if (request.method == "GET") return progress(204);
    if (request.method == "PATCH") {
      const std::string at = request.header("content-range");
      if (at.substr(0, at.find('-')) != std::to_string(upload.size())) return progress(416);
      upload += request.body;
      return progress(202);
    }
    return finish(request);
  }
  Reply begin(const std::string& target) {
    if (mounts && target.find("mount=") != std::string::npos) return {.status = 201};
    ++sessions;
    upload.clear();
    return progress(202);
  }
  Reply finish(const Request& request) {
    upload += request.body;
    const std::string digest = sha256_of(upload).str();
    if (!says(request.target, "digest=sha256%3A" + digest.substr(7))) return {.status = 400};
    blobs[digest] = upload;
    return {.status = 201, .headers = {{"Docker-Content-Digest", digest}}};
  }
  Reply progress(int status) const {
    const std::size_t last = upload.empty() ? 0 : upload.size() - 1;
    return {.status = status,
            .headers = {{"Location", session()}, {"Range", "0-" + std::to_string(last)}}};
  }
  std::string session() const {
    return "/v2/team/app/blobs/uploads/" + std::to_string(sessions) + "?state=s";
  }
  static std::string last_of(const std::string& target) {
    return target.substr(target.rfind('/') + 1);
  }
};

class Push : public testing::Test {
 protected:
  FakeHttpServer server{[this](const Request& request) { return repository(request); }};
  Repository repository;
  Options options = [] {
    Options quick;
    quick.first_wait = std::chrono::milliseconds(4);
    quick.retries = 3;
    return quick;
  }();

  Registry registry() { return {ImageReference::parse(server.host() + "/team/app:1"), options}; }
  Pushed push(const std::string& content, const std::optional<std::string>& from = {}) {
    Registry target = registry();
    return target.push_blob(descriptor_of(content), [&] { return source_of(content, 1000); }, from);
  }
  std::string refusal(const std::string& content) {
    try {
      push(content);
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing was thrown";
  }
  std::string methods() {
    std::string all;
    for (const Request& request : server.requests()) all += request.method + " ";
    return all;
  }
};

TEST_F(Push, SendsABlobInOneRequest) {
  const std::string content = some_bytes(300'000);
  EXPECT_EQ(push(content), Pushed::kSent);
  EXPECT_EQ(methods(), "HEAD POST PUT ");
  EXPECT_EQ(repository.blobs[sha256_of(content).str()], content);
  EXPECT_EQ(server.requests()[2].header("content-type"), "application/octet-stream");
  EXPECT_EQ(server.requests()[2].header("content-length"), "300000");
  EXPECT_EQ(server.requests()[2].header("expect"), "");
}

TEST_F(Push, SendsAnEmptyBlob) {
  EXPECT_EQ(push(""), Pushed::kSent);
  EXPECT_TRUE(repository.blobs.contains(sha256_of("").str()));
}

TEST_F(Push, LooksFirst) {
  const std::string content = some_bytes(10);
  repository.blobs[sha256_of(content).str()] = content;
  EXPECT_EQ(push(content), Pushed::kPresent);
  EXPECT_EQ(methods(), "HEAD ");
  EXPECT_TRUE(registry().has_blob(descriptor_of(content)));
  EXPECT_FALSE(registry().has_blob(descriptor_of("other")));
}

TEST_F(Push, TakesARedirectedLookForYes) {
  repository.fault = [](const Request& request) -> std::optional<Reply> {
    if (request.method != "HEAD") return std::nullopt;
    return Reply{.status = 307, .headers = {{"Location", "https://storage.invalid/x"}}};
  };
  EXPECT_EQ(push("x"), Pushed::kPresent);
}

TEST_F(Push, SendsWhenItMayNotLook) {
  repository.fault = [](const Request& request) -> std::optional<Reply> {
    if (request.method != "HEAD") return std::nullopt;
    return Reply{.status = 403};
  };
  EXPECT_EQ(push("x"), Pushed::kSent);
}

TEST_F(Push, Mounts) {
  repository.mounts = true;
  EXPECT_EQ(push("x", "other/place"), Pushed::kMounted);
  EXPECT_EQ(server.requests()[1].target, "/v2/team/app/blobs/uploads/?mount=sha256%3A" +
                                             sha256_of("x").hex + "&from=other%2Fplace");
}

TEST_F(Push, UsesTheUploadOfARefusedMount) {
  EXPECT_EQ(push("x", "other/place"), Pushed::kSent);
  EXPECT_EQ(methods(), "HEAD POST PUT ");
}

TEST_F(Push, BeginsAgainAfterAMountThatFails) {
  for (const int status : {400, 401, 403, 404, 405, 500}) {
    repository.blobs.clear();
    repository.fault = [&](const Request& request) -> std::optional<Reply> {
      if (request.target.find("mount=") == std::string::npos) return std::nullopt;
      return Reply{.status = status};
    };
    EXPECT_EQ(push("x", "other/place"), Pushed::kSent) << status;
    EXPECT_TRUE(repository.blobs.contains(sha256_of("x").str()));
  }
}

TEST_F(Push, SendsChunks) {
  options.chunk_size = 100'000;
  const std::string content = some_bytes(250'000);
  push(content);
  EXPECT_EQ(methods(), "HEAD POST PATCH PATCH PATCH PUT ");
  EXPECT_EQ(server.requests()[3].header("content-range"), "100000-199999");
  EXPECT_EQ(repository.blobs[sha256_of(content).str()], content);
}

TEST_F(Push, KeepsToTheSmallestChunkOfTheRegistry) {
  options.chunk_size = 10;
  repository.fault = [&](const Request& request) -> std::optional<Reply> {
    if (request.method != "POST") return std::nullopt;
    Reply reply = repository.begin(request.target);
    reply.headers.emplace_back("OCI-Chunk-Min-Length", "200");
    return reply;
  };
  push(some_bytes(500));
  EXPECT_EQ(methods(), "HEAD POST PATCH PATCH PATCH PUT ");
}

TEST_F(Push, GoesOnWhereAChunkWasTakenInPart) {
  options.chunk_size = 1000;
  const std::string content = some_bytes(2500);
  bool once = true;
  repository.fault = [&](const Request& request) -> std::optional<Reply> {
    if (request.method != "PATCH" || !std::exchange(once, false)) return std::nullopt;
    repository.upload = request.body.substr(0, 600);
    return repository.progress(202);
  };
  push(content);
  EXPECT_EQ(repository.blobs[sha256_of(content).str()], content);
  EXPECT_EQ(server.requests()[3].header("content-range"), "600-1599");
}

TEST_F(Push, ResumesADroppedUpload) {
  const std::string content = some_bytes(5000);
  bool once = true;
  repository.fault = [&](const Request& request) -> std::optional<Reply> {
    if (request.method != "PUT" || !std::exchange(once, false)) return std::nullopt;
    repository.upload = request.body.substr(0, 3000);
    return Reply{.drop = true};
  };
  push(content);
  EXPECT_EQ(methods(), "HEAD POST PUT GET PATCH PUT ");
  EXPECT_EQ(server.requests()[4].header("content-range"), "3000-4999");
  EXPECT_EQ(repository.blobs[sha256_of(content).str()], content);
  EXPECT_EQ(repository.sessions, 1);
}

TEST_F(Push, AsksWhereItStandsAfter416) {
  options.chunk_size = 1000;
  const std::string content = some_bytes(3000);
  bool once = true;
  repository.fault = [&](const Request& request) -> std::optional<Reply> {
    if (request.method != "PATCH" || !std::exchange(once, false)) return std::nullopt;
    repository.upload = request.body.substr(0, 400);
    return repository.progress(416);
  };
  push(content);
  EXPECT_EQ(repository.blobs[sha256_of(content).str()], content);
}

TEST_F(Push, BeginsAgainWhenTheSessionIsLost) {
  const std::string content = some_bytes(3000);
  bool once = true;
  repository.fault = [&](const Request& request) -> std::optional<Reply> {
    if (request.method != "PUT" || !std::exchange(once, false)) return std::nullopt;
    ++repository.sessions;
    return Reply{.status = 404};
  };
  push(content);
  EXPECT_EQ(methods(), "HEAD POST PUT GET HEAD POST PUT ");
  EXPECT_EQ(repository.blobs[sha256_of(content).str()], content);
}

TEST_F(Push, SeesThatALostAnswerMeantYes) {
  bool once = true;
  repository.fault = [&](const Request& request) -> std::optional<Reply> {
    if (request.method != "PUT" || !std::exchange(once, false)) return std::nullopt;
    repository.finish(request);
    ++repository.sessions;
    return Reply{.drop = true};
  };
  push("content");
  EXPECT_EQ(methods(), "HEAD POST PUT GET HEAD ");
}

TEST_F(Push, RetriesWhatIsTemporary) {
  int failures = 2;
  repository.fault = [&](const Request& request) -> std::optional<Reply> {
    if (request.method == "HEAD" || failures-- <= 0) return std::nullopt;
    return Reply{.status = 503};
  };
  EXPECT_EQ(push("x"), Pushed::kSent);
}

TEST_F(Push, GivesUpAndSaysSo) {
  repository.fault = [&](const Request& request) -> std::optional<Reply> {
    if (request.method != "PUT") return std::nullopt;
    return Reply{.status = 413, .body = R"({"errors":[{"code":"SIZE_INVALID","message":"big"}]})"};
  };
  const std::string message = refusal("content");
  EXPECT_TRUE(says(message, "push blob sha256:")) << message;
  EXPECT_TRUE(says(message, "--chunk-size")) << message;
  EXPECT_EQ(methods(), "HEAD POST PUT DELETE ");  // the registry need not keep it
}

TEST_F(Push, DoesNotFollowUploadsToForeignPlaces) {
  for (const std::string place : {"http://169.254.169.254/latest", "http://127.0.0.2:1/x",
                                  "http://10.0.0.1/x", "file:///etc", "gopher://x/", ""}) {
    repository.fault = [&](const Request& request) -> std::optional<Reply> {
      if (request.method != "POST") return std::nullopt;
      return Reply{.status = 202, .headers = {{"Location", place}}};
    };
    const std::string message = refusal("content");
    EXPECT_TRUE(says(message, "sends us on to")) << place << ": " << message;
  }
}

TEST_F(Push, FollowsARedirectedPut) {
  const std::string content = some_bytes(100'000);
  repository.fault = [&](const Request& request) -> std::optional<Reply> {
    if (request.method != "PUT" || says(request.target, "moved")) return std::nullopt;
    return Reply{.status = 307, .headers = {{"Location", request.target + "&moved"}}};
  };
  push(content);
  EXPECT_EQ(repository.blobs[sha256_of(content).str()], content);
}

TEST_F(Push, ThrowsWhatTheSourceThrows) {
  const auto broken = [] {
    return [](std::span<std::byte>) -> std::size_t { throw Error("the disk is gone"); };
  };
  Registry target = registry();
  EXPECT_THROW(target.push_blob(descriptor_of("content"), broken), Error);
  const auto short_one = [] { return source_of("cont"); };
  EXPECT_THROW(target.push_blob(descriptor_of("content"), short_one), Error);
}

TEST_F(Push, NoticesThatSomethingElseArrived) {
  repository.fault = [&](const Request& request) -> std::optional<Reply> {
    if (request.method != "PUT") return std::nullopt;
    return Reply{.status = 201, .headers = {{"Docker-Content-Digest", sha256_of("other").str()}}};
  };
  EXPECT_TRUE(says(refusal("content"), "received something else"));
  EXPECT_THROW(registry().push_manifest("{}", "application/json", "1"), Error);
}

TEST_F(Push, ForgivesAnotherAlgorithm) {
  repository.fault = [&](const Request& request) -> std::optional<Reply> {
    if (request.method != "PUT") return std::nullopt;
    return Reply{.status = 201,
                 .headers = {{"Docker-Content-Digest", "sha512:" + std::string(128, 'a')}}};
  };
  EXPECT_EQ(push("content"), Pushed::kSent);
}

TEST_F(Push, PutsManifests) {
  Registry target = registry();
  const std::string body = R"({"schemaVersion":2})";
  const std::string digest = sha256_of(body).str();
  EXPECT_EQ(target.push_manifest(body, "application/x", "1"), digest);
  EXPECT_EQ(target.push_manifest(body, "application/x", digest), digest);
  EXPECT_EQ(repository.manifests["1"], body);
  EXPECT_EQ(repository.manifests[digest], body);
  EXPECT_EQ(server.requests()[0].header("content-type"), "application/x");
  EXPECT_THROW(target.push_manifest(body + " ", "application/x", digest), Error);
}

TEST_F(Push, WaitsForARegistryThatLagsBehind) {
  int unknown = 1;
  repository.fault = [&](const Request&) -> std::optional<Reply> {
    if (unknown-- <= 0) return std::nullopt;
    return Reply{.status = 404, .body = R"({"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]})"};
  };
  Registry target = registry();
  EXPECT_NO_THROW(target.push_manifest("{}", "application/x", "1"));
  unknown = 100;
  EXPECT_THROW(target.push_manifest("{}", "application/x", "1"), Error);
  EXPECT_EQ(server.requests().size(), 2U + 4U);
}

/// The token has to allow what is done: pull,push, and pull of what is mounted.
TEST_F(Push, AsksForATokenThatMayPushAndMount) {
  repository.mounts = true;
  std::string granted;
  repository.fault = [&](const Request& request) -> std::optional<Reply> {
    if (request.target.starts_with("/token")) {
      granted = request.target;
      return Reply{.body = R"({"token":"t)" + std::to_string(request.target.size()) + R"("})"};
    }
    const bool mounts = request.target.find("mount=") != std::string::npos;
    const std::string mine = "Bearer t" + std::to_string(granted.size());
    if (!granted.empty() && request.header("authorization") == mine &&
        (!mounts || says(granted, "other%2Fplace%3Apull")))
      return std::nullopt;
    return Reply{
        .status = 401,
        .headers = {{"WWW-Authenticate", "Bearer realm=\"http://" + request.header("host") +
                                             "/token\",error=\"insufficient_scope\""}}};
  };
  EXPECT_EQ(push("x", "other/place"), Pushed::kMounted);
  EXPECT_TRUE(says(granted, "scope=repository%3Ateam%2Fapp%3Apull%2Cpush")) << granted;
}

}  // namespace
}  // namespace registry
