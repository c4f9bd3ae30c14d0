#include "telemetry/log_format.h"

#include <gtest/gtest.h>

#include <string>

namespace portcullis::telemetry {
namespace {

class LogLine : public testing::Test {
 protected:
  LogLine() {
    entry_.request_id = "id-1";
    entry_.client = entry_.peer = "192.0.2.1";
    entry_.method = "GET";
    entry_.host = "a.test";
    entry_.path = entry_.canonical_path = "/a";
    entry_.request_fields = &fields_;
    entry_.ended = &kEnds.complete;
    entry_.status = 200;
  }

  std::string written(const LogFormat::Settings& settings) const {
    TextWriter line;
    LogFormat(settings).write(entry_, line);
    return std::string(line.text());
  }
  // The same, from the field `key` on.
  std::string from(const std::string& key, const LogFormat::Settings& settings) const {
    const std::string line = written(settings);
    return line.substr(std::min(line.find("\"" + key + "\":"), line.size()));
  }

  http::Fields fields_;
  AccessEntry entry_;
};

TEST_F(LogLine, HasEachFieldOnceInOrder) {
  EXPECT_EQ(
      from("request_id", {}),
      R"("request_id":"id-1","client":"192.0.2.1","method":"GET","host":"a.test","path":"/a","revision":0,"route":"",)"
      R"("upstream":"","branch":"","target":"","status":200,"ended":"complete","tries":0,"request_bytes":0,)"
      R"("response_bytes":0,"total_us":0})");
  EXPECT_EQ(written({}).substr(0, 9), R"({"time":")");
}

TEST_F(LogLine, EscapesWhatAClientHasWritten) {
  entry_.path = "/\"a\\\n\x7F\xC3\xA4\xFF";
  EXPECT_NE(written({}).find("\"path\":\"/\\\"a\\\\\\u000a\\u007f\xC3\xA4\xEF\xBF\xBD\""), std::string::npos)
      << written({});
  EXPECT_EQ(written({.format = "{request.raw_path} {request.host}"}),
            "/\\x22a\\x5c\\x0a\\x7f\xC3\xA4\xFF a.test");
}

TEST_F(LogLine, RedactsSecretParametersInEachSpelling) {
  entry_.query = "a=1&Token=x&api%5Fkey=y&my-password-2=z&b=%22&mine=q&token";
  const std::string redacted =
      "a=1&Token=[redacted]&api%5Fkey=[redacted]&my-password-2=[redacted]&b=%22&mine=[redacted]&token=["
      "redacted]";
  EXPECT_NE(written({.query = true, .redact = {"MINE"}}).find("\"query\":\"" + redacted + "\""),
            std::string::npos)
      << written({.query = true, .redact = {"MINE"}});
  EXPECT_EQ(written({.format = "{request.query}", .redact = {"MINE"}}), redacted);
}

TEST_F(LogLine, HasTheFieldsThatAreThereAndRedactsSecretOnes) {
  fields_.add("Accept", "a\"b");
  fields_.add("accept", "c");
  fields_.add("cookie", "secret");
  EXPECT_EQ(from("request_headers", {.request_headers = {"missing", "accept", "absent", "Cookie"}}),
            R"("request_headers":{"accept":"a\"b, c","Cookie":"[redacted]"}})");
  EXPECT_EQ(from("request_headers", {.request_headers = {"missing"}}), R"("request_headers":{}})");
  EXPECT_EQ(written({.format = "{request.header.accept}|{request.header.missing}|{request.header.cookie}"}),
            "a\\x22b, c|-|[redacted]");
}

TEST_F(LogLine, IsAsLongAsTheRequestMakesIt) {
  const std::string path(100'000, 'p');
  entry_.path = path;
  EXPECT_NE(written({}).find("\"path\":\"" + path + "\""), std::string::npos);
  EXPECT_EQ(written({.format = "{request.raw_path}"}), path);
}

}  // namespace
}  // namespace portcullis::telemetry
