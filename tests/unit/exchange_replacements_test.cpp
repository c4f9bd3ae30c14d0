// Policies that put another response, or another body, in place of the one that comes.
#include "exchange_policies.h"

namespace portcullis::proxy {
namespace {

using policy::Context;
using policy::Decision;

constexpr telemetry::EndReason kOwnResponse{"own_response", 0, "A policy has sent a response of its own."};

// A stage that says when it is destroyed.
class Witnessed final : public http::BodyStage {
 public:
  Witnessed(std::unique_ptr<http::BodySource> from, bool& is_there)
      : BodyStage(std::move(from)), is_there_(is_there) {
    is_there_ = true;
  }
  ~Witnessed() override { is_there_ = false; }

 private:
  bool& is_there_;
};

Task<void> drop(policy::ResponseBody::Released taken) {
  Task<bool> discarding = http::discard_body(*taken.body);
  (void)co_await discarding;
}

class ExchangeReplacementsTest : public ExchangePolicies {
 protected:
  // The target answers with a body, and the client gets a response without one.
  void expect_empty_response() {
    build();
    get();
    answer("abc");
    run_to_end();
    EXPECT_TRUE(client->received.starts_with("HTTP/1.1 200 ")) << client->received;
    EXPECT_TRUE(has(client->received, "content-length: 0\r\n")) << client->received;
  }
};

Decision serve_other(Context& context) {
  static constexpr std::string_view kOther = "other";
  context.response.status = 203;
  context.response_body.replace(std::make_unique<http::TextBody>(kOther));
  policy::set_length(context, kOther.size());
  return Decision::answer(kOwnResponse);
}

TEST_F(ExchangeReplacementsTest, APolicyServesABodyInPlaceOfATargets) {
  add_witness();
  add(no_decision, serve_other);
  build();
  get();
  answer("abc");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 203 ")) << client->received;
  EXPECT_TRUE(client->received.ends_with("\r\n\r\nother")) << client->received;
  EXPECT_EQ(seen, "gateway 203 ");
  EXPECT_EQ(ended, &kOwnResponse);
}

TEST_F(ExchangeReplacementsTest, APolicyServesABodyInPlaceOfAnAnswer) {
  add(no_decision, serve_other);
  add([](Context&) { return Decision::refuse(kForbiddenWord); });
  build();
  get();
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 203 ")) << client->received;
  EXPECT_TRUE(client->received.ends_with("\r\n\r\nother")) << client->received;
  EXPECT_EQ(after, http::Persistence::kKeepAlive);
}

TEST_F(ExchangeReplacementsTest, AClientIsToldThatTheRestOfItsRequestIsNotRead) {
  add(no_decision, [](Context& context) {
    (void)serve_other(context);
    return Decision::proceed();
  });
  build();
  post("abc", "de");
  answer("");
  run_to_end();
  EXPECT_TRUE(has(client->received, "connection: close\r\n")) << client->received;
  EXPECT_EQ(after, http::Persistence::kClose);
}

TEST_F(ExchangeReplacementsTest, TheStagesOfABodyThatWasReplacedAreGoneBeforeTheOtherBodyIsSent) {
  bool is_there = false;
  add(no_decision, [](Context& context) {
    context.response_body.replace(std::make_unique<PendingBody>(context.loop));
    return Decision::proceed();
  });
  add(no_decision, [&is_there](Context& context) {
    context.response_body.pass_through([&is_there](std::unique_ptr<http::BodySource> body) {
      return std::make_unique<Witnessed>(std::move(body), is_there);
    });
    return Decision::proceed();
  });
  build();
  get();
  answer("abc");
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 200 ")) << client->received;
  EXPECT_FALSE(is_there);
  end();
}

Decision release_body(Context& context) {
  context.errands->run(drop(context.response_body.release()));
  return Decision::proceed();
}

TEST_F(ExchangeReplacementsTest, AResponseWithoutTheBodyThatWasReleasedIsSent) {
  add(no_decision, release_body);
  expect_empty_response();
}

TEST_F(ExchangeReplacementsTest, AResponseWithoutTheBodyThatWasHeldAndReleasedIsSent) {
  add_holder(100, release_body);
  expect_empty_response();
  EXPECT_TRUE(client->received.ends_with("\r\n\r\n")) << client->received;
  EXPECT_FALSE(backends[0]->was_closed);
}

TEST_F(ExchangeReplacementsTest, ABodyThatIsInPlaceOfAReleasedOneBreaksOff) {
  add_holder(100);
  add(no_decision, [](Context& context) {
    (void)release_body(context);
    auto body = std::make_unique<PendingBody>(context.loop);
    body->cancel();
    context.response_body.replace(std::move(body));
    return Decision::proceed();
  });
  build();
  get();
  answer("abc");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 502 ")) << client->received;
}

TEST_F(ExchangeReplacementsTest, ABodyWhoseBeginningIsHeldKeepsItsTrailers) {
  settings.response_trailers = http::FieldNames({"x-sum"});
  add(no_decision, [](Context& context) {
    struct Begins {
      static Task<Decision> hold(Context& of) {
        bool ended = false;
        Task<bool> holding = of.response_body.hold_beginning(ended);
        co_return co_await holding ? Decision::proceed() : Decision::broken();
      }
    };
    return Decision::suspend(Begins::hold(context));
  });
  build();
  begin("GET /a HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n");
  backends[0]->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 7\r\n\r\n");
  run_to_end();
  EXPECT_TRUE(client->received.ends_with("2\r\nab\r\n0\r\nX-Sum: 7\r\n\r\n")) << client->received;
}

}  // namespace
}  // namespace portcullis::proxy
