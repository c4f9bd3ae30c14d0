// What is recorded of requests, and what is not.
#include "rehearsal_world.h"

namespace portcullis {
namespace {

using Texts = std::vector<std::string>;

class RecorderTest : public RehearsalWorld {
 protected:
  bool is_recorded(std::string_view text) const { return has(recorded_bytes(), text); }
};

TEST_F(RecorderTest, ARequestIsRecordedByItsCanonicalHead) {
  serve(route("all", "path_prefix: /"));
  ask("/a/../orders/7?x=1", "X-Other: y\r\n");
  EXPECT_EQ(recorded_texts(), (Texts{"GET /orders/7?x=1\nhost: shop.example"}));
}

TEST_F(RecorderTest, OnlyFieldsThatTheConfigurationReadsAreRecorded) {
  serve(route("beta", "path_prefix: /, headers: {x-beta: \"1\"}") +
        route("all", "path_prefix: /", "acl: {rules: [{deny: request.header.x-tenant = acme}]}"));
  ask("/", "X-Beta: 2\r\nx-tenant: globex\r\nX-Unread: private\r\n");
  EXPECT_EQ(recorded_texts(), (Texts{"GET /\nhost: shop.example\nx-beta: 2\nx-tenant: globex"}));
  EXPECT_FALSE(is_recorded("private"));
}

TEST_F(RecorderTest, APolicyCanDeclareFieldsThatItReadsByItself) {
  serve(route("all", "path_prefix: /", "cors: {origins: [\"https://a.example\"]}"));
  ask("/", "Origin: https://a.example\r\n");
  EXPECT_EQ(recorded_texts(), (Texts{"GET /\nhost: shop.example\norigin: https://a.example"}));
}

TEST_F(RecorderTest, CredentialsAreReplacedByTheConsumer) {
  serve(route("all", "path_prefix: /", "key_auth: {query: k}"));
  ask("/header", "X-API-Key: " + std::string(kKey) + "\r\n");
  ask("/query?k=" + std::string(kKey) + "&x=1");
  ask("/wrong?k=wrong-key");
  EXPECT_EQ(recorded_texts(), (Texts{"GET /header\nhost: shop.example\nconsumer: shop",
                                     "GET /query?k=withheld&x=1\nhost: shop.example\nconsumer: shop",
                                     "GET /wrong?k=withheld\nhost: shop.example"}));
  EXPECT_FALSE(is_recorded(kKey));
  EXPECT_FALSE(is_recorded("wrong-key"));
}

TEST_F(RecorderTest, NothingThatTheAccessLogRedactsIsInTheRing) {
  const std::string condition =
      "request.header.authorization = SECRET-1 or request.header.x-session-token = SECRET-2 or "
      "request.header.x-plain = SECRET-3 or cookie.sid = SECRET-4 or query.plain = SECRET-5 or "
      "query.my_token = SECRET-6";
  serve(route("all", "path_prefix: /", "acl: {rules: [{deny: '" + condition + "'}]}"),
        "access_log: {path: /dev/null, redact: [x-plain, plain]}\n");
  ask("/?plain=SECRET-5&p%6Cain=SECRET-7&my_token=SECRET-6&x=kept",
      "Authorization: Basic SECRET-1\r\nX-Session-Token: SECRET-2\r\nX-Plain: SECRET-3\r\n"
      "Cookie: sid=SECRET-4; other=SECRET-8\r\n");
  EXPECT_TRUE(is_recorded("x=kept"));
  EXPECT_FALSE(is_recorded("SECRET")) << recorded_texts().at(0);
}

TEST_F(RecorderTest, OnlyTheClaimsThatSomethingReadsAreRecorded) {
  serve(route("all", "path_prefix: /", std::string(kJwt) + ", require: {scope: orders:read}}"));
  ask("/", "Authorization: Bearer " + std::string(kToken) + "\r\n");
  EXPECT_TRUE(is_recorded("orders:read"));
  EXPECT_TRUE(is_recorded("auth0|42"));     // the claim by which the consumer is found
  EXPECT_FALSE(is_recorded("4102444800"));  // exp
  EXPECT_FALSE(is_recorded("eyJ"));
}

TEST_F(RecorderTest, AReloadChangesTheRecordedFieldsOfLaterRequests) {
  serve(route("all", "path_prefix: /"));
  ask("/1", "X-Beta: 1\r\n");
  serve(route("beta", "path_prefix: /, headers: {x-beta: \"1\"}") + route("all", "path_prefix: /"));
  ask("/2", "X-Beta: 1\r\n");
  EXPECT_EQ(recorded_texts(), (Texts{"GET /1\nhost: shop.example", "GET /2\nhost: shop.example\nx-beta: 1"}));
}

TEST_F(RecorderTest, TheRingIsBoundedByTheNumberOfRequests) {
  serve(route("all", "path_prefix: /"), "recorder: {requests: 3}\n");
  for (int i = 0; i < 10; ++i) ask("/" + std::to_string(i));
  EXPECT_EQ(recorded_texts(), (Texts{"GET /7\nhost: shop.example", "GET /8\nhost: shop.example",
                                     "GET /9\nhost: shop.example"}));
}

TEST_F(RecorderTest, TheRingIsBoundedByItsMemoryUnderLongHeads) {
  serve(route("all", "path_prefix: /"), "recorder: {memory: 64KiB}\n");
  for (int i = 0; i < 100; ++i) ask("/" + std::string(6000, 'a') + std::to_string(i));
  EXPECT_LE(recorded_bytes().size(), size_t{64} * 1024);
  EXPECT_GE(recorded_texts().size(), 6u);
  EXPECT_TRUE(has(recorded_texts().back(), "a99"));
}

TEST_F(RecorderTest, NothingIsRecordedWhenItIsOff) {
  serve(route("all", "path_prefix: /"), "recorder: {enabled: false}\n");
  EXPECT_EQ(present->recorder.enabled, false);
  EXPECT_EQ(current()->snapshot->recording->bounds().requests, 0u);
}

TEST_F(RecorderTest, RequestsOfHttp2AreRecordedToo) {
  serve(route("all", "path_prefix: /", "key_auth: {}"));
  connect_http2();
  http2_client->send_head({{":method", "GET"},
                           {":scheme", "http"},
                           {":authority", "shop.example"},
                           {":path", "/h2"},
                           {"x-api-key", kKey}},
                          true);
  settle();
  run_to_end();
  end();
  EXPECT_EQ(recorded_texts(), (Texts{"GET /h2\nhost: shop.example\nconsumer: shop"}));
  EXPECT_FALSE(is_recorded(kKey));
}

}  // namespace
}  // namespace portcullis
