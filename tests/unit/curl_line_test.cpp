#include <gtest/gtest.h>

#include "control/explain.h"

namespace portcullis::control {
namespace {

Question read(std::string_view line) {
  auto question = read_curl_line(line);
  EXPECT_TRUE(question) << (question ? "" : question.error().message);
  return question ? *question : Question{};
}

bool has(const Question& question, const std::string& header) {
  return std::find(question.headers.begin(), question.headers.end(), header) != question.headers.end();
}

std::string refusal(std::string_view line) {
  const auto question = read_curl_line(line);
  return question ? "" : question.error().message;
}

TEST(CurlLine, SaysMethodAndUrl) {
  EXPECT_EQ(read("curl http://a/b").method, "GET");
  EXPECT_EQ(read("curl http://a/b").url, "http://a/b");
  EXPECT_EQ(read("curl a/b").url, "http://a/b");
  EXPECT_EQ(read("curl /b").url, "/b");
  EXPECT_EQ(read("curl --url http://a/b").url, "http://a/b");
  EXPECT_EQ(read("curl -X DELETE http://a").method, "DELETE");
  EXPECT_EQ(read("curl -XPUT http://a").method, "PUT");
  EXPECT_EQ(read("curl -sSfLXPATCH http://a").method, "PATCH");
  EXPECT_EQ(read("curl -I http://a").method, "HEAD");
  EXPECT_EQ(read("curl -d x=1 http://a").method, "POST");
  EXPECT_EQ(read("curl -X PUT -d x=1 http://a").method, "PUT");
  EXPECT_EQ(read("curl -G -d x=1 -d y=2 http://a/b").url, "http://a/b?x=1&y=2");
  EXPECT_EQ(read("curl -G -d x=1 http://a/b").method, "GET");
}

TEST(CurlLine, SaysWhatCurlWouldSend) {
  const Question plain = read("curl http://a");
  EXPECT_TRUE(has(plain, "accept: */*"));
  EXPECT_TRUE(has(read("curl -H 'Accept: text/html' http://a"), "Accept: text/html"));
  EXPECT_FALSE(has(read("curl -H 'Accept: text/html' http://a"), "accept: */*"));
  EXPECT_FALSE(has(read("curl -H 'Accept:' http://a"), "accept: */*"));
  EXPECT_TRUE(has(read("curl -H 'X-Empty;' http://a"), "X-Empty:"));
  EXPECT_TRUE(has(read("curl -u me:secret http://a"), "authorization: Basic bWU6c2VjcmV0"));
  EXPECT_TRUE(has(read("curl --oauth2-bearer t http://a"), "authorization: Bearer t"));
  EXPECT_TRUE(has(read("curl -b 'a=1; b=2' http://a"), "cookie: a=1; b=2"));
  EXPECT_TRUE(has(read("curl -d a=1 http://a"), "content-type: application/x-www-form-urlencoded"));
  EXPECT_TRUE(has(read("curl --json '{}' http://a"), "content-type: application/json"));
  EXPECT_TRUE(has(read("curl --compressed http://a"), "accept-encoding: deflate, gzip, br, zstd"));
}

TEST(CurlLine, SaysTheBody) {
  EXPECT_EQ(read("curl -d x=1 -d y=2 http://a").body, "x=1&y=2");
  EXPECT_EQ(read("curl --json '{}' http://a").body, "{}");
  EXPECT_EQ(read("curl --data-urlencode 'x=a b' http://a").body, "x=a%20b");
  EXPECT_EQ(read("curl --data-raw @x http://a").body, "@x");
  EXPECT_EQ(read("curl -G -d x=1 http://a").body, "");
  EXPECT_TRUE(read("curl -d x=1 http://a").assumed.empty());
  const Question from_file = read("curl -d @/etc/passwd http://a");
  EXPECT_EQ(from_file.body, "");
  EXPECT_EQ(from_file.assumed.size(), 1u);
}

TEST(CurlLine, SplitsWordsAsAShellDoes) {
  EXPECT_EQ(read("curl \\\n  'http://a/b c' \\\r\n -s").url, "http://a/b c");
  EXPECT_EQ(read(R"(curl "http://a/\"q\"\\x")").url, R"(http://a/"q"\x)");
  EXPECT_EQ(read(R"(curl $'http://a/\'q\'\x41\u0042')").url, "http://a/'q'AB");
  EXPECT_EQ(read("curl http://a/'b'\"c\"d").url, "http://a/bcd");
  EXPECT_EQ(read("curl http://a | jq .").url, "http://a");
  EXPECT_EQ(read("curl http://a > file").url, "http://a");
  EXPECT_TRUE(has(read("curl -H '' -H 'a: b' http://a"), "a: b"));
}

TEST(CurlLine, NamesWhatIsNotUnderstood) {
  EXPECT_EQ(refusal("curl 'http://a"), "a quote is not closed");
  EXPECT_EQ(refusal("wget http://a"), "the line does not begin with `curl`");
  EXPECT_EQ(refusal(""), "the line does not begin with `curl`");
  EXPECT_EQ(refusal("curl -s"), "the line has no URL");
  EXPECT_EQ(refusal("curl --no-such http://a"),
            "`--no-such` is not supported: remove this option of curl from the line");
  EXPECT_EQ(refusal("curl -sqZ http://a"), "`-q` is not supported: remove this option of curl from the line");
  EXPECT_EQ(refusal("curl http://a -H"), "`-H` lacks its value");
  EXPECT_EQ(refusal("curl $'http://a\\"), "a quote is not closed");
}

}  // namespace
}  // namespace portcullis::control
