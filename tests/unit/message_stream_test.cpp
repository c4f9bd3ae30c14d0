// What message streams promise, for each version of HTTP: a client's stream and a server's, joined in memory.
#include "http/message_stream.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "body_pieces.h"
#include "http/message_body.h"
#include "http/read_body.h"
#include "http/read_head.h"
#include "http/relay.h"
#include "http/text_body.h"
#include "joined_streams.h"

namespace portcullis::http {
namespace {

template <typename Version>
class MessageStreamTest : public ::testing::Test {
 protected:
  MessageStreamTest() {
    asked.method = "GET";
    will_answer(200, "OK");
  }
  void will_answer(uint16_t status, std::string_view reason) {
    answer = {};
    answer.status = status;
    answer.reason = reason;
  }
  // Starts `task`, and lets everything happen until `done`.
  void run(Task<void> task, const std::function<bool()>& done) {
    tasks_.spawn(std::move(task));
    for (int i = 0; i < 200 && !done(); ++i) {
      joined.carry();
      loop.run_once(Milliseconds(1));
    }
    EXPECT_TRUE(done());
  }
  // The request whose head is `asked`, with `body`, is sent whole, and its head is read by the server.
  void ask(std::string_view body = {}) {
    const auto fields = [this](HeadWriter& out) {
      out.write(lines);
      if (asked.body.has_length()) out.field("content-length", std::to_string(asked.body.length));
    };
    const RequestToSend request{
        .head = asked, .scheme = "http", .authority = "api.example", .path = "/a", .fields = fields};
    bool sent = false, read = false;
    struct Both {
      static Task<void> send(ClientStream& to, const RequestToSend& request, std::string_view body,
                             bool& sent) {
        Task<IoResult> sending = to.send_whole(request, body, Milliseconds(10'000));
        const IoResult result = co_await sending;
        EXPECT_TRUE(result.ok());
        sent = true;
      }
      static Task<void> receive(ServerStream& from, RequestHead& head, Arena& arena, HeadState& state,
                                bool& read) {
        Task<HeadState> reading = from.read_head(head, arena);
        state = co_await reading;
        read = true;
      }
    };
    run(Both::send(joined.client(), request, body, sent), [&] { return sent && joined.server() != nullptr; });
    run(Both::receive(*joined.server(), head, arena, head_state, read), [&] { return read; });
  }
  ResponseToSend response(FunctionRef<void(HeadWriter&)> fields, BodyKind body = BodyKind::kLength) const {
    return {.head = answer, .body = body, .fields = fields};
  }
  void respond(std::string_view body) {
    bool sent = false;
    const auto fields = [&](HeadWriter& out) {
      out.write(lines);
      out.field("content-length", std::to_string(body.size()));
    };
    const ResponseToSend told = response(fields);
    struct Send {
      static Task<void> whole(ServerStream& to, const ResponseToSend& told, std::string_view body,
                              bool& sent) {
        Task<IoResult> sending = to.send_whole(told, body);
        (void)co_await sending;
        sent = true;
      }
    };
    run(Send::whole(*joined.server(), told, body, sent), [&] { return sent; });
  }
  // The next head that the client gets.
  HeadState next_head() {
    HeadState state = HeadState::kIncomplete;
    for (int i = 0; i < 200 && state == HeadState::kIncomplete; ++i) {
      joined.carry();
      loop.run_once(Milliseconds(1));
      joined.client().receive(Block::kMedium);
      state = joined.client().next_head("GET", got);
    }
    return state;
  }
  // The body that comes behind a head.
  std::string read_body(MessageStream& from, const BodyFraming& framing, std::string_view received,
                        std::string* trailers = nullptr) {
    const FieldNames passed({"x-sum"});
    MessageBody body(from, received,
                     {.framing = framing, .timeout = Milliseconds(10'000), .trailers = {.listed = &passed}});
    std::string out;
    bool ended = false, is_read = false;
    struct Read {
      static Task<void> whole(MessageBody& body, std::string& out, bool& ended, std::string* trailers,
                              bool& is_read) {
        Task<bool> reading = collect_body(body, out, ReadUntil::kEnd, ended, trailers);
        is_read = co_await reading;
      }
    };
    run(Read::whole(body, out, ended, trailers, is_read), [&] { return is_read; });
    EXPECT_TRUE(ended);
    return out;
  }
  // Begins to send `source` as the body of a message whose head has begun.
  void send_body(BodySource& source, MessageStream& to) {
    struct Send {
      static Task<void> all(BodySource& source, MessageStream& to) {
        Task<RelayResult> relaying = relay_body(source, to, Milliseconds(10'000));
        const RelayResult sent = co_await relaying;
        EXPECT_TRUE(sent.ok());
      }
    };
    tasks_.spawn(Send::all(source, to));
  }

  EventLoop loop;
  Version joined{loop};
  Arena arena;
  RequestHead asked;
  std::string lines = "x-one: 1\r\n";
  RequestHead head;
  HeadState head_state = HeadState::kIncomplete;
  ResponseHead answer;
  ResponseHead got;

 private:
  TaskGroup tasks_;
};

using Versions = ::testing::Types<JoinedByHttp1, JoinedByHttp2>;
TYPED_TEST_SUITE(MessageStreamTest, Versions);

TYPED_TEST(MessageStreamTest, ARequestArrivesAsItWasSent) {
  this->asked.has_query = true;
  this->asked.query = "q=1";
  this->ask();
  EXPECT_EQ(this->head_state, HeadState::kComplete);
  EXPECT_EQ(this->head.method, "GET");
  EXPECT_EQ(this->head.path, "/a");
  EXPECT_EQ(this->head.query, "q=1");
  EXPECT_EQ(this->head.authority, "api.example");
  EXPECT_EQ(this->head.fields.value_of("x-one"), "1");
  EXPECT_EQ(this->head.body.kind, BodyKind::kNone);
}

TYPED_TEST(MessageStreamTest, ARequestBodyArrivesWhole) {
  this->asked.method = "POST";
  this->asked.body = {BodyKind::kLength, 10};
  this->ask("1234567890");
  ASSERT_TRUE(this->head.body.has_length());
  EXPECT_EQ(this->head.body.length, 10u);
  ServerStream& server = *this->joined.server();
  EXPECT_EQ(this->read_body(server, this->head.body, server.received()), "1234567890");
}

TYPED_TEST(MessageStreamTest, AWholeResponseArrives) {
  this->ask();
  this->respond("hello");
  ASSERT_EQ(this->next_head(), HeadState::kComplete);
  EXPECT_EQ(this->got.status, 200);
  EXPECT_EQ(this->got.fields.value_of("x-one"), "1");
  ASSERT_TRUE(this->got.body.has_length());
  EXPECT_EQ(this->read_body(this->joined.client(), this->got.body, this->joined.client().received()),
            "hello");
}

TYPED_TEST(MessageStreamTest, InterimResponsesComeBeforeTheFinalOne) {
  this->ask();
  bool sent = false;
  const auto fields = [](HeadWriter& out) { out.field("link", "</a>"); };
  this->will_answer(103, "Early Hints");
  const ResponseToSend hints = this->response(fields, BodyKind::kNone);
  struct Send {
    static Task<void> interim(ServerStream& to, const ResponseToSend& hints, bool& sent) {
      Task<IoResult> sending = to.send_interim(hints);
      (void)co_await sending;
      Task<IoResult> telling = to.send_continue();
      (void)co_await telling;
      sent = true;
    }
  };
  this->run(Send::interim(*this->joined.server(), hints, sent), [&] { return sent; });
  ASSERT_EQ(this->next_head(), HeadState::kComplete);
  EXPECT_EQ(this->got.status, 103);
  EXPECT_EQ(this->got.fields.value_of("link"), "</a>");
  ASSERT_EQ(this->next_head(), HeadState::kComplete);
  EXPECT_EQ(this->got.status, 100);
  this->will_answer(204, "No Content");
  this->respond("");
  ASSERT_EQ(this->next_head(), HeadState::kComplete);
  EXPECT_EQ(this->got.status, 204);
}

TYPED_TEST(MessageStreamTest, TheHeadOfTheFinalResponseIsWaitedFor) {
  this->ask();
  HeadState state = HeadState::kIncomplete;
  struct Read {
    static Task<void> head(ClientStream& from, Clock::time_point deadline, ResponseHead& out,
                           HeadState& state) {
      Task<HeadState> reading = read_final_head(from, "GET", deadline, out);
      state = co_await reading;
    }
    static Task<void> answer(ServerStream& to, const ResponseToSend& told) {
      Task<IoResult> telling = to.send_continue();
      (void)co_await telling;
      Task<IoResult> sending = to.send_whole(told, {});
      (void)co_await sending;
    }
  };
  ClientStream& client = this->joined.client();
  this->run(Read::head(client, Clock::now(), this->got, state),
            [&] { return state != HeadState::kIncomplete; });
  EXPECT_EQ(state, HeadState::kTimedOut);
  state = HeadState::kIncomplete;
  TaskGroup answering;
  this->will_answer(204, "No Content");
  const auto no_fields = [](HeadWriter&) {};
  const ResponseToSend told = this->response(no_fields, BodyKind::kNone);
  answering.spawn(Read::answer(*this->joined.server(), told));
  this->run(Read::head(client, Clock::time_point::max(), this->got, state),
            [&] { return state != HeadState::kIncomplete; });
  EXPECT_EQ(state, HeadState::kComplete);
  EXPECT_EQ(this->got.status, 204);
}

TYPED_TEST(MessageStreamTest, ABodyOfUnknownLengthArrivesWithItsTrailers) {
  this->ask();
  const auto fields = [](HeadWriter& out) { out.field("x-two", "2"); };
  const ResponseToSend told = this->response(fields, BodyKind::kChunked);
  ServerStream& server = *this->joined.server();
  server.begin(told);
  Pieces body(this->loop, {"abc", "defgh"});
  this->send_body(body, server);
  ASSERT_EQ(this->next_head(), HeadState::kComplete);
  EXPECT_FALSE(this->got.body.has_length());
  std::string trailers;
  ClientStream& client = this->joined.client();
  EXPECT_EQ(this->read_body(client, this->got.body, client.received(), &trailers), "abcdefgh");
  EXPECT_EQ(trailers, "x-sum: 1\r\n");
}

TYPED_TEST(MessageStreamTest, ALargeBodyArrivesWhole) {
  this->ask();
  const std::string large(300'000, 'x');
  const auto fields = [&](HeadWriter& out) { out.field("content-length", "300000"); };
  const ResponseToSend told = this->response(fields);
  ServerStream& server = *this->joined.server();
  server.begin(told);
  // HTTP/2 sends only what the peer's window takes: the client reads meanwhile.
  TextBody body(large);
  this->send_body(body, server);
  ASSERT_EQ(this->next_head(), HeadState::kComplete);
  EXPECT_EQ(this->read_body(this->joined.client(), this->got.body, this->joined.client().received()), large);
}

TYPED_TEST(MessageStreamTest, AMalformedHeadIsToldWithItsReason) {
  this->lines = "host: another.example\r\n";
  this->ask();
  EXPECT_EQ(this->head_state, HeadState::kMalformed);
  EXPECT_NE(this->joined.server()->head_error(), h1::ParseError::kNone);
}

TYPED_TEST(MessageStreamTest, AnUpgradeToAWebSocketIsUnderstoodByBothSides) {
  this->asked.wants_upgrade = true;
  this->asked.fields.add("upgrade", "websocket", FieldId::kUpgrade);
  this->asked.fields.add("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
  this->lines = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  this->ask();
  ASSERT_EQ(this->head_state, HeadState::kComplete);
  EXPECT_EQ(this->head.method, "GET");
  EXPECT_TRUE(this->head.wants_upgrade);
  EXPECT_EQ(this->head.fields.value_of("upgrade"), "websocket");
  EXPECT_FALSE(this->head.fields.value_of("sec-websocket-key").empty());
  this->will_answer(101, "Switching Protocols");
  this->answer.fields.add("upgrade", "websocket", FieldId::kUpgrade);
  this->joined.server()->translate_upgrade(this->answer);
  bool sent = false;
  const auto fields = [](HeadWriter&) {};
  const ResponseToSend told = this->response(fields, BodyKind::kNone);
  struct Send {
    static Task<void> interim(ServerStream& to, const ResponseToSend& told, bool& sent) {
      Task<IoResult> sending = to.send_interim(told);
      (void)co_await sending;
      sent = true;
    }
  };
  this->run(Send::interim(*this->joined.server(), told, sent), [&] { return sent; });
  ASSERT_EQ(this->next_head(), HeadState::kComplete);
  EXPECT_EQ(this->got.status, 101);
}

}  // namespace
}  // namespace portcullis::http
