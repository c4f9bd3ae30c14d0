// What policies do with the bodies of an exchange: stages, held bodies, other responses in a response's
// place.
#include "exchange_policies.h"

namespace portcullis::proxy {
namespace {

using policy::Context;
using policy::Decision;

class ExchangeStagesTest : public ExchangePolicies {
 protected:
  // A policy that puts a stage behind the response's body.
  void add_response_stage() {
    add(no_decision, [](Context& context) {
      policy::forget_length(context);
      context.response_body.pass_through([&context](std::unique_ptr<http::BodySource> body) {
        return through_letters(context, std::move(body), 2, Case::kUpper);
      });
      return Decision::proceed();
    });
  }
  // A policy that writes down what responses it sees.
  void add_witness() {
    add(no_decision, [this](Context& context) {
      seen += std::to_string(context.response.status) + " ";
      return Decision::proceed();
    });
  }

  void post(std::string_view body, std::string_view rest = "") {
    begin("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size() + rest.size()) +
          "\r\n\r\n" + std::string(body));
  }

  std::string seen;
};

// ---- The request's body.

TEST_F(ExchangeStagesTest, AStageChangesTheRequestPieceByPiece) {
  add_request_letters(1, Case::kUpper);
  build();
  post("abc", "de");
  EXPECT_TRUE(has(backends[0]->received, "content-length: 5\r\n")) << backends[0]->received;
  EXPECT_TRUE(backends[0]->received.ends_with("\r\n\r\nABC"));
  client->send("de");
  settle();
  EXPECT_TRUE(backends[0]->received.ends_with("\r\n\r\nABCDE"));
  answer("");
  run_to_end();
  EXPECT_EQ(after, http::Persistence::kKeepAlive);
}

TEST_F(ExchangeStagesTest, AStageThatChangesTheLengthSendsTheRequestInChunks) {
  add_request_letters(2, Case::kUpper);
  build();
  post("abc");
  EXPECT_FALSE(has(backends[0]->received, "content-length")) << backends[0]->received;
  EXPECT_TRUE(backends[0]->received.ends_with("\r\n\r\n6\r\nAABBCC\r\n0\r\n\r\n")) << backends[0]->received;
  answer("");
  run_to_end();
  EXPECT_EQ(after, http::Persistence::kKeepAlive);
}

TEST_F(ExchangeStagesTest, StagesRunInTheOrderOfTheirPolicies) {
  add_request_letters(2, Case::kUpper);
  add([](Context& context) {
    context.request_body.stages.pass_through_changing([](std::unique_ptr<http::BodySource> body) {
      return std::make_unique<http::TextStage>(std::move(body), "x", http::TextStage::Rest::kFollows);
    });
    return Decision::proceed();
  });
  build();
  post("ab");
  EXPECT_TRUE(has(backends[0]->received, "\r\n\r\n1\r\nx\r\n4\r\nAABB\r\n")) << backends[0]->received;
}

TEST_F(ExchangeStagesTest, AStageRefusesTheRequestInTheMiddle) {
  add_request_letters(1, Case::kUpper);
  build();
  post("abc", "d!");
  client->send("d!");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 422 ")) << client->received;
  EXPECT_TRUE(has(client->received, "forbidden_word"));
  EXPECT_EQ(ended, &kForbiddenWord);
  EXPECT_TRUE(backends[0]->was_closed);
  EXPECT_FALSE(has(backends[0]->received, "!"));
}

TEST_F(ExchangeStagesTest, APolicyHoldsWhatTheStagesBeforeItHaveMade) {
  add_request_letters(2, Case::kUpper);
  std::string held;
  add([&held](Context& context) {
    struct Holds {
      static Task<Decision> hold(Context& of, std::string& into) {
        Task<Decision> holding = policy::hold_body(of, 100);
        Decision decision = co_await holding;
        into = of.request_body.holder->content();
        co_return decision;
      }
    };
    return Decision::suspend(Holds::hold(context, held));
  });
  definition->retries = {.attempts = 1, .backoff = Milliseconds(0)};
  build(2);
  begin("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
  EXPECT_EQ(held, "");
  client->send("cd");
  settle();
  EXPECT_EQ(held, "AABBCCDD");
  const size_t first = backends[0]->received.empty() ? 1 : 0;
  EXPECT_TRUE(backends[first]->received.ends_with("\r\n\r\nAABBCCDD")) << backends[first]->received;
  EXPECT_TRUE(has(backends[first]->received, "content-length: 8\r\n"));
  backends[first]->reset();
  settle(Milliseconds(5));
  settle(Milliseconds(5));
  EXPECT_TRUE(backends[1 - first]->received.ends_with("\r\n\r\nAABBCCDD")) << backends[1 - first]->received;
}

TEST_F(ExchangeStagesTest, AHeldRequestIsRefusedByAStage) {
  add_request_letters(2, Case::kUpper);
  add([](Context& context) { return Decision::suspend(policy::hold_body(context, 100)); });
  build();
  post("a!");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 422 ")) << client->received;
  EXPECT_EQ(ended, &kForbiddenWord);
}

// ---- The response's body.

TEST_F(ExchangeStagesTest, AStageChangesTheResponsePieceByPiece) {
  add_response_stage();
  build();
  get();
  answer("ab", "4");
  EXPECT_TRUE(client->received.ends_with("\r\n\r\n4\r\nAABB\r\n")) << client->received;
  backends[0]->send("cd");
  run_to_end();
  EXPECT_TRUE(client->received.ends_with("4\r\nCCDD\r\n0\r\n\r\n")) << client->received;
  EXPECT_FALSE(has(client->received, "content-length"));
  EXPECT_EQ(after, http::Persistence::kKeepAlive);
  EXPECT_FALSE(backends[0]->was_closed);  // it is in the pool again
}

TEST_F(ExchangeStagesTest, AStageThatFailsAtTheBeginningLeavesRoomForAWholeAnswer) {
  add_response_stage();
  build();
  get();
  answer("!a");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 502 ")) << client->received;
  EXPECT_EQ(ended, &kForbiddenWord);
}

TEST_F(ExchangeStagesTest, AStageThatFailsLaterResetsTheClient) {
  add_response_stage();
  build();
  get();
  answer("ab", "4");
  backends[0]->send("c!");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 200 ")) << client->received;
  EXPECT_EQ(ended, &kForbiddenWord);
  EXPECT_TRUE(client->was_closed);
}

TEST_F(ExchangeStagesTest, AStageChangesAnAnswerOfTheGateway) {
  add_response_stage();
  add([](Context& context) {
    context.response.status = 200;
    return Decision::answer("hello");
  });
  build();
  get();
  run_to_end();
  EXPECT_TRUE(has(client->received, "content-length: 10\r\n")) << client->received;
  EXPECT_TRUE(client->received.ends_with("\r\n\r\nHHEELLLLOO"));
}

TEST_F(ExchangeStagesTest, APolicySeesTheWholeResponse) {
  add_witness();
  add_holder(100, [this](Context& context) {
    seen += std::string(context.response_body.text()) + " ";
    context.response.fields.set("x-size", context.arena.decimal(context.response_body.text().size()));
    return Decision::proceed();
  });
  build();
  get();
  backends[0]->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
  settle();
  EXPECT_EQ(client->received, "");
  EXPECT_EQ(seen, "");
  backends[0]->send("1\r\nc\r\n0\r\n\r\n");
  run_to_end();
  EXPECT_TRUE(has(client->received, "content-length: 3\r\n")) << client->received;
  EXPECT_TRUE(has(client->received, "x-size: 3\r\n"));
  EXPECT_TRUE(client->received.ends_with("\r\n\r\nabc"));
  EXPECT_EQ(seen, "abc 200 ");
  EXPECT_EQ(after, http::Persistence::kKeepAlive);
  EXPECT_FALSE(backends[0]->was_closed);
}

TEST_F(ExchangeStagesTest, APolicyReplacesTheResponse) {
  add_response_stage();
  add_holder(100, [](Context& context) {
    context.response_body.replace(std::string("other"));
    policy::set_length(context, 5);
    return Decision::proceed();
  });
  build();
  get();
  answer("abc");
  run_to_end();
  EXPECT_TRUE(has(client->received, "\r\nOOTTHHEERR\r\n")) << client->received;
  EXPECT_FALSE(backends[0]->was_closed);
}

TEST_F(ExchangeStagesTest, APolicyRefusesTheResponse) {
  add_witness();
  add(no_decision, [](Context&) { return Decision::refuse(kForbiddenWord); });
  add_witness();
  build();
  get();
  backends[0]->send("HTTP/1.1 200 OK\r\nSecret: x\r\nContent-Length: 3\r\n\r\nabc");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 422 ")) << client->received;
  EXPECT_FALSE(has(client->received, "secret"));
  EXPECT_EQ(seen, "200 422 ");
  EXPECT_EQ(ended, &kForbiddenWord);
  EXPECT_EQ(after, http::Persistence::kKeepAlive);
}

TEST_F(ExchangeStagesTest, APolicyAnswersInPlaceOfTheTarget) {
  add_witness();
  add_holder(100, [](Context& context) {
    context.response.status = 203;
    return Decision::answer("mine");
  });
  build();
  get();
  answer("abc");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 203 ")) << client->received;
  EXPECT_TRUE(has(client->received, "content-length: 4\r\n"));
  EXPECT_TRUE(client->received.ends_with("\r\n\r\nmine"));
  EXPECT_EQ(seen, "203 ");
}

TEST_F(ExchangeStagesTest, AResponseThatIsTooLargeToBeHeldIsRefused) {
  add_witness();
  add_holder(2);
  build();
  get();
  answer("abc");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 502 ")) << client->received;
  EXPECT_EQ(ended, &kEnds.response_too_large);
  EXPECT_EQ(seen, "502 ");
}

TEST_F(ExchangeStagesTest, AResponseThatBreaksOffWhileItIsHeldIsRefused) {
  add_holder(100);
  build();
  get();
  answer("abc", "5");
  backends[0]->finish();
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 502 ")) << client->received;
  EXPECT_EQ(status, 502);
}

TEST_F(ExchangeStagesTest, ATargetThatStopsWhileItsResponseIsHeldTimesOut) {
  definition->timeouts.total = Milliseconds(20);
  add_holder(100);
  build();
  get();
  answer("abc", "5");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 504 ")) << client->received;
  EXPECT_EQ(ended, &kEnds.total_timeout);
}

TEST_F(ExchangeStagesTest, TheTargetIsGivenUpWhenTheClientLeavesWhileTheResponseIsHeld) {
  add_holder(100);
  build();
  get();
  answer("abc", "5");
  client->reset();
  run_to_end();
  EXPECT_EQ(ended, &kEnds.client_closed);
  EXPECT_TRUE(backends[0]->was_closed);
}

TEST_F(ExchangeStagesTest, StopsWhileAResponseIsHeld) {
  add_response_stage();
  add_holder(100);
  build();
  get();
  answer("abc", "5");
  end();
  EXPECT_TRUE(backends[0]->was_closed);
}

TEST_F(ExchangeStagesTest, APolicyWaitsBeforeAnAnswerOfTheGateway) {
  add_holder(1'000);
  add(no_decision, [](Context& context) {
    struct Sleeps {
      static Task<Decision> sleep(Context& of) {
        co_await sleep_for(of.loop, Milliseconds(1));
        co_return Decision::proceed();
      }
    };
    return Decision::suspend(Sleeps::sleep(context));
  });
  add([](Context&) { return Decision::refuse(kForbiddenWord); });
  build();
  get();
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 422 ")) << client->received;
  EXPECT_EQ(after, http::Persistence::kKeepAlive);
}

// ---- A body that goes on without its exchange.

TEST_F(ExchangeStagesTest, APolicyReadsTheBodyWhenTheExchangeHasEnded) {
  std::string read;
  add(no_decision, [&read](Context& context) {
    struct Reads {
      static Task<void> read(policy::ResponseBody::Released taken, std::string& into) {
        bool ended = false;
        Task<bool> collecting = http::collect_body(*taken.body, into, http::ReadUntil::kEnd, ended);
        if (!co_await collecting) into += " broken";
      }
    };
    context.errands->run(Reads::read(context.response_body.release(), read));
    static constexpr std::string_view kOther = "other";
    context.response_body.replace(std::make_unique<http::TextBody>(kOther));
    policy::set_length(context, kOther.size());
    return Decision::proceed();
  });
  build();
  get();
  answer("abc", "6");
  run_to_end();
  EXPECT_TRUE(client->received.ends_with("\r\n\r\nother")) << client->received;
  EXPECT_EQ(read, "abc");
  EXPECT_FALSE(backends[0]->was_closed);
  backends[0]->send("def");
  settle();
  EXPECT_EQ(read, "abcdef");
  // The connection is in the pool again.
  is_over = false;
  get();
  EXPECT_TRUE(has(backends[0]->received, "\r\n\r\nGET /a ")) << backends[0]->received;
}

TEST_F(ExchangeStagesTest, ABodyThatGoesOnIsEndedWithItsWorker) {
  add(no_decision, [](Context& context) {
    struct Reads {
      static Task<void> read(policy::ResponseBody::Released taken) {
        Task<bool> discarding = http::discard_body(*taken.body);
        (void)co_await discarding;
      }
    };
    context.errands->run(Reads::read(context.response_body.release()));
    context.response_body.replace(std::make_unique<http::TextBody>(""));
    policy::set_length(context, 0);
    return Decision::proceed();
  });
  build();
  get();
  answer("abc", "6");
  run_to_end();
  end();
  EXPECT_TRUE(backends[0]->was_closed);
}

}  // namespace
}  // namespace portcullis::proxy
