// SPDX-License-Identifier: Apache-2.0
#include "imagetool/registry/url.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "bundle-spec/error.hpp"
#include "imagetool/registry/authorization.hpp"
#include "imagetool/registry/proxies.hpp"
#include "imagetool/registry/retries.hpp"

namespace registry {
namespace {

using std::chrono::seconds;

TEST(Url, TakesApart) {
  const std::optional<Url> url = Url::parse("HTTPS://Registry.Example/a?b#c");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "registry.example");
  EXPECT_EQ(url->port, "443");
  EXPECT_EQ(url->text.find('#'), std::string::npos);
  EXPECT_EQ(url->resolve("/x")->host, "registry.example");
  EXPECT_EQ(url->resolve("http://other:81/x")->port, "81");
  for (const char* bad : {"", "registry.example", "ftp://a/", "file:///x", "https://",
                          "https://u@a/", "https://u:p@a/"})
    EXPECT_FALSE(Url::parse(bad)) << bad;
}

TEST(Url, ComparesOrigins) {
  const Url url = *Url::parse("https://a.com/x");
  EXPECT_TRUE(url.same_origin(*Url::parse("https://A.com:443/y")));
  EXPECT_FALSE(url.same_origin(*Url::parse("http://a.com:443/y")));
  EXPECT_FALSE(url.same_origin(*Url::parse("https://a.com:444/y")));
  EXPECT_FALSE(url.same_origin(*Url::parse("https://b.a.com/y")));
}

TEST(Url, KnowsLoopbackAndNothingThatBeginsLikeIt) {
  for (const char* host :
       {"localhost", "127.0.0.1", "127.255.0.3", "[::1]", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host : {"localhost.evil.com", "127.0.0.1.evil.com", "127evil.com", "128.0.0.1",
                           "[::2]", "xlocalhost", ""})
    EXPECT_FALSE(is_loopback(host)) << host;
  EXPECT_EQ(host_of("localhost:5000"), "localhost");
  EXPECT_EQ(host_of("[::1]:5000"), "[::1]");
}

TEST(Url, KnowsInternalAddresses) {
  for (const char* host :
       {"localhost",          "x.localhost",       "127.0.0.1",       "10.1.2.3",   "172.16.0.1",
        "172.31.255.255",     "192.168.0.1",       "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1",          "255.255.255.255",   "[::1]",           "[::]",       "[fe80::1]",
        "[fd00::1]",          "[::ffff:10.0.0.1]", "[ff02::1]",       "127.0.0.1.", "168.63.129.16",
        "[64:ff9b::10.0.0.1]"})
    EXPECT_TRUE(is_internal(host)) << host;
  for (const char* host :
       {"1.1.1.1", "172.32.0.1", "100.128.0.1", "[2001:db8::1]", "[::ffff:8.8.8.8]", "example.com"})
    EXPECT_FALSE(is_internal(host)) << host;
}

TEST(Url, KnowsWhatIsLocal) {
  for (const char* host :
       {"localhost", "a.localhost", "127.0.0.1", "0.0.0.0", "169.254.169.254", "[::1]", "[::]",
        "[fe80::1]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:1]", "100.100.100.200", "168.63.129.16",
        "192.0.0.192", "[fd00:ec2::254]", "[64:ff9b::a9fe:a9fe]", "fe80::1%eth0"})
    EXPECT_TRUE(is_local(host)) << host;
  for (const char* host : {"10.0.0.1", "192.168.1.1", "1.1.1.1", "example.com", "[fd00::1]",
                           "[2001:db8::1]", "[::ffff:10.0.0.1]", "224.0.0.1"})
    EXPECT_FALSE(is_local(host)) << host;
}

TEST(Url, ComparesAddresses) {
  EXPECT_TRUE(same_address("[::1]", "0:0:0:0:0:0:0:1"));
  EXPECT_TRUE(same_address("127.0.0.1", "::ffff:127.0.0.1"));
  EXPECT_FALSE(same_address("127.0.0.1", "127.0.0.2"));
  EXPECT_FALSE(same_address("fd00::1", "fd00::2"));
  EXPECT_FALSE(same_address("name.example", "name.example"));
}

TEST(Proxies, AreToldByAddressAndPort) {
  for (const char* const proxy :
       {"http://127.0.0.1:3128", "127.0.0.1:3128", "http://u:p@127.0.0.1:3128/",
        "socks5h://127.0.0.1:3128", "http://proxy.example:3128"})
    EXPECT_TRUE(may_be_proxy(proxy, "127.0.0.1", 3128)) << proxy;
  EXPECT_TRUE(may_be_proxy("http://127.0.0.1", "127.0.0.1", 1080));
  EXPECT_TRUE(may_be_proxy("https://[::1]", "::1", 443));
  EXPECT_FALSE(may_be_proxy("http://127.0.0.1:3128", "127.0.0.1", 80));
  EXPECT_FALSE(may_be_proxy("http://192.0.2.1:3128", "127.0.0.1", 3128));
}

TEST(Proxies, HaveExceptionsAsGoHasThem) {
  const auto exceptions = [](const char* text, const char* port) {
    ::setenv("NO_PROXY", text, 1);
    std::string kept = proxy_exceptions_for(port);
    ::unsetenv("NO_PROXY");
    return kept;
  };
  EXPECT_EQ(exceptions("", "443"), "");
  EXPECT_EQ(exceptions("a.com, .b.com,10.0.0.0/8", "443"), "a.com,.b.com,10.0.0.0/8");
  EXPECT_EQ(exceptions("a.com:5000,b.com:443,[::1]:443,[fd00::1]:80", "443"), "b.com,[::1]");
  EXPECT_EQ(exceptions("fd00::/8,[fd00::1]", "443"), "fd00::/8,[fd00::1]");
  EXPECT_EQ(exceptions("a.com,*", "443"), "*");
}

TEST(Realm, StaysInBounds) {
  const Url secure = *Url::parse("https://registry.example/v2/");
  const Url loopback = *Url::parse("http://127.0.0.1:5000/v2/");
  EXPECT_EQ(checked_realm("https://auth.example/token", secure).host, "auth.example");
  EXPECT_EQ(checked_realm("/token", secure).host, "registry.example");
  EXPECT_EQ(checked_realm("http://127.0.0.1:5000/token", loopback).port, "5000");
  EXPECT_THROW(checked_realm("http://auth.example/token", secure), Error);
  EXPECT_THROW(checked_realm("https://127.0.0.1/token", secure), Error);
  EXPECT_THROW(checked_realm("https://0x7f.1/token", secure), Error);
  EXPECT_THROW(checked_realm("http://127.0.0.1:5001/token", loopback), Error);
}

TEST(RetryAfter, ReadsSecondsAndDates) {
  const auto now =
      std::chrono::system_clock::from_time_t(784111777);  // Sun, 06 Nov 1994 08:49:37 GMT
  EXPECT_EQ(parse_retry_after("120", now), seconds(120));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:07 GMT", now), seconds(30));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), seconds(0));
  EXPECT_GT(*parse_retry_after("99999999999999999999999", now), seconds(100000));
  EXPECT_EQ(parse_retry_after("-1", now), std::nullopt);
  EXPECT_EQ(parse_retry_after("soon", now), std::nullopt);
  EXPECT_EQ(parse_retry_after("", now), std::nullopt);
}

TEST(PercentEncoded, KeepsOnlyTheUnreserved) {
  EXPECT_EQ(percent_encoded("a/b c:~\xC3"), "a%2Fb%20c%3A~%C3");
}

}  // namespace
}  // namespace registry
