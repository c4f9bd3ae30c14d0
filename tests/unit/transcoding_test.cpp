#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <string>
#include <vector>

#include "../support/run_task.h"
#include "../support/shelf_api.h"
#include "base/arena.h"
#include "http/grpc.h"
#include "policy/grpc_transcoding/conversion.h"
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
  EXPECT_EQ(tree.find("PUT", "/a/b"), 4u);  // the literal path has no PUT
  EXPECT_EQ(tree.find("GET", "/a/b:go"), 5u);
  EXPECT_EQ(tree.find("GET", "/a/b/d"), 3u);
  EXPECT_EQ(tree.find("GET", "/a/b:no"), 1u);  // a colon begins a verb only if the verb is known
  EXPECT_EQ(tree.find("PATCH", "/any"), 8u);
  EXPECT_FALSE(tree.find("PUT", "/b"));
}

// A number in protobuf's wire format.
std::string varint(uint64_t number) {
  std::string out;
  for (; number > 0x7f; number >>= 7) out += static_cast<char>(number | 0x80);
  return out + static_cast<char>(number);
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
  const auto messages = build_request(*api, *binding, call, {});
  return messages ? *messages : "error: " + messages.error().message;
}

TEST(BuildRequest, PutsEachPartInItsField) {
  using namespace std::string_literals;
  EXPECT_EQ(built("GET", {.path = "/v1/shelves/1", .query = "bookCount=7&tags=a&tags=b&open=true"}),
            "\0\0\0\0\x15\x20\x07\x0a\x09shelves/1\x28\x01\x3a\x01"
            "a\x3a\x01"
            "b"s);
  // The body is applied first, so that values from the path take precedence.
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

TEST(BuildRequest, EndsWhenItsMessagesAreTooLargeOrNotWanted) {
  const auto api = shelves();
  const std::string path = "/shelf.Shelves/Import";
  const HttpBinding& binding = *api->find("POST", path);
  const HttpCall call{.path = path, .body = R"([{"name": "x"}, {"name": "y"}])"};
  const auto with_most = [&](size_t max) { return build_request(*api, binding, call, {.max = max}); };
  EXPECT_TRUE(with_most(11));  // 8 bytes of the first, and 3 behind the prefix of the second
  EXPECT_FALSE(with_most(10));
  EXPECT_FALSE(with_most(2));
  std::stop_source stop;
  EXPECT_TRUE(build_request(*api, binding, call, {}, stop.get_token()));
  stop.request_stop();
  EXPECT_FALSE(build_request(*api, binding, call, {}, stop.get_token()));
}

using Step = BodyConverter::Step;

// The conversion of a method's response.
struct Conversion {
  explicit Conversion(const char* method, JsonForm form = {{}, StreamForm::kArray, 10'000}, size_t room = 64)
      : pool(1, room),
        api(shelves()),
        converter(JsonPrinter(api, *api->find("POST", method), form), head, arena, loop, pool) {
    head.status = 200;
    head.fields.add("content-type", "application/grpc");
    EXPECT_NE(converter.begin(), JsonResponse::Way::kPass);
  }
  // The final result of `step`.
  Step settle(Step step) {
    return step == Step::kLater ? tests::run_to_end(loop, converter.proceed(out)) : step;
  }
  Step take(std::string_view data) { return settle(converter.convert(data, out)); }
  Step end(std::string_view trailers = "grpc-status: 0\r\n") {
    return settle(converter.finish(trailers, out));
  }

  EventLoop loop;
  SidePool pool;
  std::shared_ptr<const ServiceApi> api;
  http::ResponseHead head;
  Arena arena;
  JsonResponse converter;
  std::string out;
};

// The conversion of `body`, received in two parts.
std::string answered(const char* method, StreamForm form, const std::string& body, size_t cut,
                     std::string_view trailers, uint16_t& status) {
  Conversion conversion(method, {{}, form, 1000});
  const bool good = conversion.take(body.substr(0, cut)) == Step::kDone &&
                    conversion.take(body.substr(cut)) == Step::kDone &&
                    conversion.end(trailers) == Step::kDone;
  status = conversion.head.status;
  return good ? conversion.out : "failed";
}

std::string framed(const std::string& message) {
  return http::grpc_prefix(0, message.size()) + message;
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
              "failed");  // three answers where one is expected
  }
  uint16_t status = 0;
  EXPECT_EQ(answered("/shelf.Shelves/Import", StreamForm::kArray, one, 2,
                     "x: y\r\nGrpc-Status: 5\r\ngrpc-message: a%20%C3%A9\r\n", status),
            "{\"code\":5,\"message\":\"a \xC3\xA9\"}");
  EXPECT_EQ(status, 404);
  EXPECT_EQ(answered("/shelf.Shelves/Import", StreamForm::kArray, "", 0, "grpc-status: 0\r\n", status),
            R"({"code":13,"message":"the service sent no message"})");
  EXPECT_EQ(status, 500);
  for (const std::string& bad :
       {http::grpc_prefix(1, 3) + "\x0a\x01x", http::grpc_prefix(0, 1001), one.substr(0, 6)}) {
    EXPECT_EQ(answered("/shelf.Shelves/Import", StreamForm::kArray, bad, 3, "grpc-status: 0\r\n", status),
              "failed");
  }
}

TEST(JsonResponse, MakesOnlyWhatIsSmallOnTheWorker) {
  const std::string large(kMaxConvertedHere, 'x');
  const std::string body = framed("\x0a\x80\x08" + large);  // its name has 1,024 bytes
  const std::string json = "{\"name\":\"" + large + "\"}";
  Conversion unary("/shelf.Shelves/Import");
  EXPECT_EQ(unary.converter.convert(body.substr(0, 1'000), unary.out), Step::kDone);
  EXPECT_EQ(unary.converter.convert(body.substr(1'000), unary.out), Step::kLater);
  EXPECT_EQ(unary.out, "");
  EXPECT_EQ(unary.settle(Step::kLater), Step::kDone);
  EXPECT_EQ(unary.end(), Step::kDone);
  EXPECT_EQ(unary.out, json);

  // The received part of the next message waits for the rest.
  Conversion stream("/shelf.Shelves/Watch");
  const std::string small = framed("\x0a\x01y");
  EXPECT_EQ(stream.take(small + body + small.substr(0, 6)), Step::kDone);
  EXPECT_EQ(stream.converter.convert(small.substr(6), stream.out), Step::kDone);
  EXPECT_EQ(stream.end(), Step::kDone);
  EXPECT_EQ(stream.out, "[{\"name\":\"y\"}," + json + ",{\"name\":\"y\"}]");

  Conversion failed("/shelf.Shelves/Import");
  EXPECT_EQ(failed.converter.finish("grpc-status: 5\r\ngrpc-message: x" + large + "\r\n", failed.out),
            Step::kLater);
  EXPECT_EQ(failed.settle(Step::kLater), Step::kDone);
  EXPECT_EQ(failed.out, R"({"code":5,"message":"x)" + large + "\"}");
  EXPECT_EQ(failed.head.status, 404);
}

TEST(JsonResponse, FindsNoRoomInAFullPoolUnlessItHasBegun) {
  const std::string body = framed("\x0a\x80\x08" + std::string(kMaxConvertedHere, 'x'));
  constexpr size_t kNoRoom = 0;
  Conversion refused("/shelf.Shelves/Watch", {{}, StreamForm::kArray, 10'000}, kNoRoom);
  EXPECT_EQ(refused.take(body), Step::kOverloaded);
  EXPECT_EQ(refused.converter.failure().name, "transcoding_overloaded");
  Conversion begun("/shelf.Shelves/Watch", {{}, StreamForm::kArray, 10'000}, kNoRoom);
  EXPECT_EQ(begun.take(framed("")), Step::kDone);
  EXPECT_EQ(begun.take(body), Step::kDone);
}

TEST(JsonResponse, IsGivenUp) {
  const std::string body = framed("\x0a\x80\x08" + std::string(kMaxConvertedHere, 'x'));
  Conversion early("/shelf.Shelves/Watch");
  early.converter.give_up();
  EXPECT_EQ(early.take(body), Step::kGivenUp);

  Conversion waiting("/shelf.Shelves/Watch");
  std::promise<void> busy;
  waiting.pool.submit([until = busy.get_future().share()] { until.wait(); });
  waiting.loop.post([&waiting] { waiting.converter.give_up(); });
  EXPECT_EQ(waiting.take(body), Step::kGivenUp);
  EXPECT_EQ(waiting.out, "");
  busy.set_value();
}

TEST(JsonResponse, IsNotMuchLargerThanAMessageMayBe) {
  std::string shelves_in_it;
  for (int i = 0; i < 450; ++i) shelves_in_it += std::string("\x1a\0", 2);
  JsonForm form{{}, StreamForm::kArray, 1'000};
  Conversion plain("/shelf.Shelves/Import", form);
  EXPECT_EQ(plain.take(framed(shelves_in_it)), Step::kDone);
  form.print.always_print_primitive_fields = true;
  Conversion with_unset("/shelf.Shelves/Import", form);
  EXPECT_EQ(with_unset.take(framed(shelves_in_it)), Step::kFailed);
  EXPECT_EQ(with_unset.converter.failure().name, "response_too_large");
}

TEST(JsonResponse, HasABoundedNumberOfPartsWhereUnsetFieldsArePrinted) {
  JsonForm form{{}, StreamForm::kArray, 64 * 1024};
  form.print.always_print_primitive_fields = true;
  const auto outcome = [&](size_t numbers) {
    Conversion one("/shelf.Shelves/Import", form);
    return one.take(framed("\x4a" + varint(numbers) + std::string(numbers, '\1')));
  };
  EXPECT_EQ(outcome(10'000), Step::kDone);
  EXPECT_EQ(outcome(20'000), Step::kFailed);
}

TEST(JsonResponse, RefusesMessagesThatAreCutOffOrBroken) {
  using namespace std::string_literals;
  const auto outcome = [](const std::string& message) {
    Conversion one("/shelf.Shelves/Import");
    return one.take(framed(message));
  };
  for (const std::string& good : {""s, "\x4a\x02\x01\x02"s, "\x4a\x00"s, "\x48\x01"s, "\x52\x04\0\0\0\0"s,
                                  "\x12\x02\x0a\x00"s, "\x7a\x01x"s, "\x25\0\0\0\0"s})
    EXPECT_EQ(outcome(good), Step::kDone) << testing::PrintToString(good);
  for (const std::string& bad : {
           "\x4a\x05\x01"s,                       // a truncated packed field
           "\x4a\x01\x80"s,                       // a truncated number in a packed field
           "\x4a\x0b" + std::string(11, '\xff'),  // a number with too many bytes
           "\x52\x03\0\0\0"s,                     // fewer bytes than a float
           "\x12\x04\x4a\x05\x01\x01"s,           // a truncated packed field in an inner message
           "\x0a\x05x"s,
           "\x0a"s,
           "\x80"s,
           "\x02\x00"s,
           "\x41\0"s,
           "\x45\0"s,
           "\x0b\x0c"s,
       })
    EXPECT_EQ(outcome(bad), Step::kFailed) << testing::PrintToString(bad);
  std::string deep;
  for (int i = 0; i < 120; ++i) deep = "\x12" + varint(deep.size()) + deep;
  EXPECT_EQ(outcome(deep), Step::kFailed);
}

TEST(GrpcWebText, IsPiecesOfBase64) {
  EXPECT_EQ(grpc_web::decode_grpc_web_text("YQ==YmM=ZGVm"), "abcdef");
  EXPECT_EQ(grpc_web::decode_grpc_web_text(""), "");
  for (const char* bad : {"YQ", "YQ=", "=", "YQ=====", "Y Q==", "YQ==Y"})
    EXPECT_FALSE(grpc_web::decode_grpc_web_text(bad)) << bad;
}

}  // namespace
}  // namespace portcullis::policy::grpc_transcoding
