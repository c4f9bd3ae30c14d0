#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "../support/shelf_api.h"
#include "base/arena.h"
#include "http/grpc.h"
#include "policy/grpc_transcoding/json_response.h"
#include "policy/grpc_transcoding/path_template.h"
#include "policy/grpc_transcoding/request_builder.h"
#include "policy/grpc_transcoding/service_api.h"
#include "policy/grpc_web/grpc_web.h"

namespace portcullis::policy::grpc_transcoding {
namespace {

std::vector<std::string> values(const std::string& text, const std::string& path) {
  const auto parsed = PathTemplate::parse(text);
  EXPECT_TRUE(parsed) << text;
  PathTree tree;
  EXPECT_TRUE(tree.add(*parsed, "GET", 7));
  if (tree.find("GET", path) != std::optional<size_t>(7)) return {"no match"};
  return parsed->values_in(path);
}

using Strings = std::vector<std::string>;

TEST(PathTemplate, VariablesHaveWhatTheyMatch) {
  EXPECT_EQ(values("/v1/{name}", "/v1/a%2Fb%20c"), (Strings{"a/b c"}));
  EXPECT_EQ(values("/v1/{name=shelves/*}/x/{y}", "/v1/shelves/a%2Fb%20c/x/z"),
            (Strings{"shelves/a%2Fb c", "z"}));
  EXPECT_EQ(values("/v1/{name=**}", "/v1/a/b/c"), (Strings{"a/b/c"}));
  EXPECT_EQ(values("/v1/{name=files/**}:copy", "/v1/files/a:b/c:copy"), (Strings{"files/a:b/c"}));
  EXPECT_EQ(values("/v1/{name=**}", "/v1"), (Strings{""}));
  EXPECT_EQ(values("/v1/{a.b}:go", "/v1/x:go"), (Strings{"x"}));
  EXPECT_EQ(values("/v1/*/{b}", "/v1/x/%zz%4"), (Strings{"%zz%4"}));
}

TEST(PathTemplate, OthersDoNotMatch) {
  const Strings no{"no match"};
  EXPECT_EQ(values("/v1/{name}", "/v1/a/b"), no);
  EXPECT_EQ(values("/v1/{name}", "/v1/"), no);
  EXPECT_EQ(values("/v1/{name}:go", "/v1/x"), no);
  EXPECT_EQ(values("/v1/{name=shelves/*}", "/v1/shelf/1"), no);
  EXPECT_EQ(values("/v1", "/v1/"), no);
  EXPECT_EQ(values("/v1/{name=**}", "/v1" + std::string(200, '/')), no);
}

TEST(PathTemplate, MistakesAreRefused) {
  for (const char* text : {"", "v1", "/", "/v1/", "//a", "/{", "/{}", "/{a", "/{a=}", "/{a=b/{c}}", "/**/a",
                           "/a:", "/a}", "/a*", "/a:b:c", "/{a}b", "/a=b", "/***"}) {
    EXPECT_FALSE(PathTemplate::parse(text)) << text;
  }
  EXPECT_FALSE(PathTemplate::parse("/a" + std::string(200, '*')));
}

TEST(PathTree, WordsWinOverStarsAndTheSameIsRefused) {
  PathTree tree;
  const auto add = [&](const char* text, size_t value, const char* method = "GET") {
    return tree.add(*PathTemplate::parse(text), method, value);
  };
  EXPECT_TRUE(add("/a/{x}", 1));
  EXPECT_TRUE(add("/a/b", 2));
  EXPECT_TRUE(add("/{all=**}", 3));
  EXPECT_TRUE(add("/a/{x}", 4, "PUT"));
  EXPECT_TRUE(add("/a/{x}:go", 5));
  EXPECT_TRUE(add("/a/b/c", 6));
  EXPECT_FALSE(add("/a/{other}", 7));
  EXPECT_TRUE(add("/any", 8, "*"));
  EXPECT_EQ(tree.find("GET", "/a/b"), 2u);
  EXPECT_EQ(tree.find("GET", "/a/x"), 1u);
  EXPECT_EQ(tree.find("PUT", "/a/b"), 4u);  // the word has none for PUT
  EXPECT_EQ(tree.find("GET", "/a/b:go"), 5u);
  EXPECT_EQ(tree.find("GET", "/a/b/d"), 3u);
  EXPECT_EQ(tree.find("GET", "/a/b:no"), 1u);  // a colon is no verb where none is known
  EXPECT_EQ(tree.find("PATCH", "/any"), 8u);
  EXPECT_FALSE(tree.find("PUT", "/b"));
}

std::shared_ptr<const ServiceApi> shelves() {
  std::vector<ServiceApi::Problem> problems;
  auto api = ServiceApi::read(tests::shelf_descriptors(), {}, problems);
  EXPECT_TRUE(problems.empty());
  return api;
}

std::string built(const char* method, HttpCall call) {
  const auto api = shelves();
  const HttpBinding* binding = api->find(method, call.path);
  if (binding == nullptr) return "no binding";
  const auto messages = build_request(*api, *binding, call, false);
  return messages ? *messages : "error: " + messages.error().message;
}

TEST(BuildRequest, PutsEachPartInItsField) {
  using namespace std::string_literals;
  EXPECT_EQ(built("GET", {.path = "/v1/shelves/1", .query = "bookCount=7&tags=a&tags=b&open=true"}),
            "\0\0\0\0\x15\x20\x07\x0a\x09shelves/1\x28\x01\x3a\x01"
            "a\x3a\x01"
            "b"s);
  // The body comes first, so that the path has the last word.
  EXPECT_EQ(built("PUT", {.path = "/v1/shelves/1", .body = R"({"name": "x"})"}),
            "\0\0\0\0\x10\x12\x03\x0a\x01x\x0a\x09shelves/1"s);
  EXPECT_EQ(built("POST", {.path = "/shelf.Shelves/Import", .body = R"([{"name": "x"}, {}])"}),
            "\0\0\0\0\3\x0a\1x\0\0\0\0\0"s);
}

TEST(BuildRequest, NobodyReachesAnotherField) {
  const auto refused = [](const std::string& told) { return told.starts_with("error: "); };
  EXPECT_TRUE(refused(built("PUT", {.path = "/v1/shelves/1", .body = R"({}, "open": true)"})));
  EXPECT_TRUE(refused(built("PUT", {.path = "/v1/shelves/1", .body = R"({}})"})));
  EXPECT_TRUE(refused(built("GET", {.path = "/v1/shelves/1", .query = "one.nothing=1"})));
  EXPECT_TRUE(refused(built("GET", {.path = "/v1/shelves/1", .query = "one=1"})));
  EXPECT_TRUE(refused(built("GET", {.path = "/v1/shelves/1", .query = "many.name=1"})));
  std::string deep = "one";
  for (int i = 0; i < 40; ++i) deep += ".one";
  EXPECT_TRUE(refused(built("GET", {.path = "/v1/shelves/1", .query = deep + ".name=1"})));
}

// What becomes of `body`, received in two parts.
std::string answered(const char* method, StreamForm form, const std::string& body, size_t cut,
                     std::string_view trailers, uint16_t& status) {
  const auto api = shelves();
  const JsonForm how{{}, form, 1000};
  http::ResponseHead head;
  head.status = 200;
  head.fields.add("content-type", "application/grpc");
  Arena arena;
  JsonResponse converter(api, *api->find("POST", method), how, head, arena);
  EXPECT_NE(converter.begin(head), ResponseConverter::Way::kPass);
  std::string out;
  const bool good = converter.convert(body.substr(0, cut), out) && converter.convert(body.substr(cut), out) &&
                    converter.finish(trailers, out);
  status = head.status;
  return good ? out : "failed";
}

TEST(JsonResponse, IsTheSameHoweverTheBodyIsCut) {
  const std::string one = http::grpc_prefix(0, 3) + "\x0a\x01x";
  const std::string body = one + http::grpc_prefix(0, 0) + one;
  for (size_t cut = 0; cut <= body.size(); ++cut) {
    uint16_t status = 0;
    const auto told = [&](StreamForm form, std::string_view trailers = "grpc-status: 0\r\n") {
      return answered("/shelf.Shelves/Watch", form, body, cut, trailers, status);
    };
    EXPECT_EQ(told(StreamForm::kArray), R"([{"name":"x"},{},{"name":"x"}])");
    EXPECT_EQ(told(StreamForm::kLines), "{\"name\":\"x\"}\n{}\n{\"name\":\"x\"}\n");
    EXPECT_EQ(told(StreamForm::kArray, "grpc-status: 3\r\n"), "failed");
    EXPECT_EQ(told(StreamForm::kArray, ""), "failed");
    EXPECT_EQ(answered("/shelf.Shelves/Import", StreamForm::kArray, body, cut, "grpc-status: 0\r\n", status),
              "failed");  // three answers where there is one
  }
  uint16_t status = 0;
  EXPECT_EQ(answered("/shelf.Shelves/Import", StreamForm::kArray, one, 2,
                     "x: y\r\nGrpc-Status: 5\r\ngrpc-message: a%20%C3%A9\r\n", status),
            "{\"code\":5,\"message\":\"a \xC3\xA9\"}");
  EXPECT_EQ(status, 404);
  EXPECT_EQ(answered("/shelf.Shelves/Import", StreamForm::kArray, "", 0, "grpc-status: 0\r\n", status),
            R"({"code":13,"message":"the service has sent no message"})");
  EXPECT_EQ(status, 500);
  for (const std::string& bad :
       {http::grpc_prefix(1, 3) + "\x0a\x01x", http::grpc_prefix(0, 1001), one.substr(0, 6)}) {
    EXPECT_EQ(answered("/shelf.Shelves/Import", StreamForm::kArray, bad, 3, "grpc-status: 0\r\n", status),
              "failed");
  }
}

TEST(GrpcWebText, IsPiecesOfBase64) {
  EXPECT_EQ(grpc_web::decode_grpc_web_text("YQ==YmM=ZGVm"), "abcdef");
  EXPECT_EQ(grpc_web::decode_grpc_web_text(""), "");
  for (const char* bad : {"YQ", "YQ=", "=", "YQ=====", "Y Q==", "YQ==Y"})
    EXPECT_FALSE(grpc_web::decode_grpc_web_text(bad)) << bad;
}

}  // namespace
}  // namespace portcullis::policy::grpc_transcoding
