// SPDX-License-Identifier: Apache-2.0
#include "imagetool/image_reference.hpp"

#include <gtest/gtest.h>

#include "bundle-spec/error.hpp"

namespace {

const std::string kHex(64, 'a');
const std::string kDigest = "sha256:" + kHex;

struct Case {
  std::string text, canonical, familiar;
};

TEST(ImageReference, NormalisesAsDockerDoes) {
  const Case cases[] = {
      {"alpine", "docker.io/library/alpine:latest", "alpine:latest"},
      {"alpine:3.20", "docker.io/library/alpine:3.20", "alpine:3.20"},
      {"docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest"},
      {"index.docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest"},
      {"docker.io/library/alpine", "docker.io/library/alpine:latest", "alpine:latest"},
      {"bitnami/redis", "docker.io/bitnami/redis:latest", "bitnami/redis:latest"},
      {"localhost", "docker.io/library/localhost:latest", "localhost:latest"},
      {"localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"},
      {"example.com", "docker.io/library/example.com:latest", "example.com:latest"},
      {"localhost/app", "localhost/app:latest", "localhost/app:latest"},
      {"localhost:5000/a/b:1", "localhost:5000/a/b:1", "localhost:5000/a/b:1"},
      {"Foo/bar", "Foo/bar:latest", "Foo/bar:latest"},
      {"[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"},
      {"[::1]/app", "[::1]/app:latest", "[::1]/app:latest"},
      {"127.0.0.1:5000/app", "127.0.0.1:5000/app:latest", "127.0.0.1:5000/app:latest"},
      {"a--b/c__d/e.f_g", "docker.io/a--b/c__d/e.f_g:latest", "a--b/c__d/e.f_g:latest"},
      {"alpine@" + kDigest, "docker.io/library/alpine@" + kDigest, "alpine@" + kDigest},
      {"alpine:3@" + kDigest, "docker.io/library/alpine:3@" + kDigest, "alpine:3@" + kDigest},
      {"app:" + kHex, "docker.io/library/app:" + kHex, "app:" + kHex},
      {kHex + ":1", "docker.io/library/" + kHex + ":1", "library/" + kHex + ":1"},
      {"docker.io/example.com/app", "docker.io/example.com/app:latest",
       "docker.io/example.com/app:latest"},
      {"docker.io/localhost/app", "docker.io/localhost/app:latest",
       "docker.io/localhost/app:latest"},
      {"library/library/app", "docker.io/library/library/app:latest", "library/library/app:latest"},
  };
  for (const Case& one : cases) {
    const ImageReference reference = ImageReference::parse(one.text);
    EXPECT_EQ(reference.canonical(), one.canonical) << one.text;
    EXPECT_EQ(reference.familiar(), one.familiar) << one.text;
    EXPECT_EQ(ImageReference::parse(reference.canonical()), reference) << one.text;
    EXPECT_EQ(ImageReference::parse(reference.familiar()), reference) << one.text;
  }
}

TEST(ImageReference, PullsByDigestWhenThereIsOne) {
  EXPECT_EQ(ImageReference::parse("alpine:3@" + kDigest).manifest_reference(), kDigest);
  EXPECT_EQ(ImageReference::parse("alpine").manifest_reference(), "latest");
  EXPECT_EQ(ImageReference::parse_exact("alpine").tag, std::nullopt);
  EXPECT_EQ(ImageReference::parse_exact("alpine").canonical(), "docker.io/library/alpine");
}

TEST(ImageReference, RefusesInOneSentence) {
  const std::string refused[] = {"",
                                 kHex,
                                 "Alpine",
                                 "docker.io/Alpine",
                                 "foo/Bar",
                                 "-a/b",
                                 "a/-b",
                                 "a..b",
                                 "a___b",
                                 "a._b",
                                 "a/",
                                 "/a",
                                 "a//b",
                                 "a.com:x/b",
                                 "a.com:/b",
                                 "[::1/b",
                                 "[]/b",
                                 "a:",
                                 "a:.b",
                                 "a:-b",
                                 "a:b c",
                                 "a b",
                                 "a@",
                                 "a@sha256",
                                 "a@sha256:abc",
                                 "a@md5:d41d8cd98f00b204e9800998ecf8427e",
                                 "a@sha256:../../x",
                                 "a@sha256:" + std::string(64, 'A'),
                                 "a:" + std::string(129, 't'),
                                 "é",
                                 "a\nb",
                                 ":tag",
                                 "@" + kDigest,
                                 "a.com/" + std::string(250, 'x'),
                                 "https://a.com/b",
                                 "a:b:c",
                                 "a-.com/x"};
  for (const std::string& text : refused) {
    try {
      const ImageReference reference = ImageReference::parse(text);
      ADD_FAILURE() << "\"" << text << "\" gave " << reference.canonical();
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).rfind("image reference \"", 0), 0U) << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
}

TEST(ImageReference, TakesNamesOf255Characters) {
  const std::string longest = "a.com/" + std::string(249, 'x');
  EXPECT_EQ(ImageReference::parse(longest).name(), longest);
  EXPECT_THROW(ImageReference::parse(longest + "x"), Error);
}

}  // namespace
