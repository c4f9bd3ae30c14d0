#include <gtest/gtest.h>

#include <string>

#include "http/h1/chunked_decoder.h"
#include "http/h1/head_parser.h"

namespace portcullis::http::h1 {
namespace {

ParseError error_of(const std::string& text, HeadLimits limits = {}) {
  RequestParser parser(limits);
  RequestHead head;
  const ParseState state = parser.parse(text, head);
  return state == ParseState::kFailed ? parser.error() : ParseError::kNone;
}

std::string with(const std::string& fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

TEST(RequestParser, ReadsAHeadInAnyPiecesToTheSameResult) {
  const std::string text =
      "POST /a/b?c=d HTTP/1.1\r\nHost: example.com:80\r\nContent-Length: 5\r\nX-Y:  z \r\n\r\nhello";
  for (size_t step = 1; step <= text.size(); ++step) {
    RequestParser parser(HeadLimits{});
    RequestHead head;
    std::string buffer;  // reallocates as it grows, so the views must be adjusted
    ParseState state = ParseState::kNeedMore;
    for (size_t at = 0; state == ParseState::kNeedMore && at < text.size(); at += step) {
      std::string larger = buffer + text.substr(at, step);
      buffer.swap(larger);
      state = parser.parse(buffer, head);
      larger.assign(larger.size(), '#');
    }
    ASSERT_EQ(state, ParseState::kDone) << step;
    EXPECT_EQ(head.method, "POST");
    EXPECT_EQ(head.path, "/a/b");
    EXPECT_EQ(head.query, "c=d");
    EXPECT_EQ(head.authority, "example.com:80");
    EXPECT_EQ(head.body.length, 5u);
    EXPECT_EQ(head.fields.value_of("x-y"), "z");
    EXPECT_EQ(parser.head_size(), text.size() - 5);
  }
}

TEST(RequestParser, KeepsAnEmptyAbsolutePathWhenTheBufferMoves) {
  for (const std::string target : {"http://a", "http://a?q"}) {
    const std::string text = "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
    RequestParser parser(HeadLimits{});
    RequestHead head;
    std::string first = text.substr(0, text.size() - 4);
    ASSERT_EQ(parser.parse(first, head), ParseState::kNeedMore);
    first.assign(first.size(), '#');
    ASSERT_EQ(parser.parse(text, head), ParseState::kDone);
    EXPECT_EQ(head.path, "/");
    EXPECT_EQ(head.query, target == "http://a" ? "" : "q");
  }
}

struct Refusal {
  std::string text;
  ParseError expected;
};

class RequestRefusal : public ::testing::TestWithParam<Refusal> {};

TEST_P(RequestRefusal, IsNamed) {
  EXPECT_EQ(error_of(GetParam().text), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Hostile, RequestRefusal,
    ::testing::Values(
        Refusal{"GET / HTTP/1.1\nHost: a\n\n", ParseError::kBareLineFeed},
        Refusal{with("X: a\rb\r\n"), ParseError::kBareCarriageReturn},
        Refusal{with(std::string("X: a\0b\r\n", 8)), ParseError::kBadFieldValue},
        Refusal{with("X : a\r\n"), ParseError::kBadFieldName},
        Refusal{with(": a\r\n"), ParseError::kBadFieldName},
        Refusal{with("X: a\r\n folded\r\n"), ParseError::kObsoleteFolding},
        Refusal{with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), ParseError::kConflictingLength},
        Refusal{with("Content-Length: 1\r\nContent-Length: 2\r\n"), ParseError::kConflictingLength},
        Refusal{with("Content-Length: 1, 1\r\n"), ParseError::kBadContentLength},
        Refusal{with("Content-Length: +1\r\n"), ParseError::kBadContentLength},
        Refusal{with("Content-Length: 0x1\r\n"), ParseError::kBadContentLength},
        Refusal{with("Content-Length: 99999999999999999999\r\n"), ParseError::kBadContentLength},
        Refusal{with("Content-Length: \r\n"), ParseError::kBadContentLength},
        Refusal{with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
                ParseError::kBadTransferEncoding},
        Refusal{with("Transfer-Encoding: xchunked\r\n"), ParseError::kBadTransferEncoding},
        Refusal{with("Transfer-Encoding: chunked, identity\r\n"), ParseError::kBadTransferEncoding},
        Refusal{with("Transfer-Encoding: gzip, chunked\r\n"), ParseError::kUnsupportedTransferEncoding},
        Refusal{"GET / HTTP/1.1\r\n\r\n", ParseError::kMissingHost},
        Refusal{with("Host: b\r\n"), ParseError::kDuplicateHost},
        Refusal{"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", ParseError::kBadHost},
        Refusal{"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", ParseError::kBadHost},
        Refusal{"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", ParseError::kHostDisagrees},
        Refusal{"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", ParseError::kBadTarget},
        Refusal{"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", ParseError::kBadVersion},
        Refusal{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", ParseError::kUnsupportedVersion},
        Refusal{"GET / http/1.1\r\nHost: a\r\n\r\n", ParseError::kBadVersion},
        Refusal{"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", ParseError::kBadTarget},
        Refusal{"GET http HTTP/1.1\r\nHost: a\r\n\r\n", ParseError::kBadTarget},
        Refusal{"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", ParseError::kBadTarget},
        Refusal{"GET a HTTP/1.1\r\nHost: a\r\n\r\n", ParseError::kBadTarget},
        Refusal{"GET * HTTP/1.1\r\nHost: a\r\n\r\n", ParseError::kBadTarget},
        Refusal{"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", ParseError::kBadTarget},
        Refusal{"G\tT / HTTP/1.1\r\nHost: a\r\n\r\n", ParseError::kBadMethod},
        Refusal{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", ParseError::kBadTransferEncoding}));

TEST(RequestParser, TakesWhatClientsDoNotEncodeUnlessItIsStrict) {
  for (const char c : {'"', '<', '>', '\\', '^', '`', '{', '|', '}', '\x80', '\xff'}) {
    const std::string text = std::string("GET /a?") + c + " HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_EQ(error_of(text), ParseError::kNone) << c;
    EXPECT_EQ(error_of(text, {.strict_targets = true}), ParseError::kBadTarget) << c;
  }
  for (const char c : {'\x01', '\t', '\x7f', '#'})
    EXPECT_EQ(error_of(std::string("GET /a?") + c + " HTTP/1.1\r\nHost: a\r\n\r\n"), ParseError::kBadTarget);
}

TEST(RequestParser, RefusesABareReturnAsSoonAsItIsSeen) {
  for (const std::string text : {"GET / HTTP/1.1\rX", "GET /\r/", "GET / HTTP/1.1\r\nA: b\rc",
                                 "GET / HTTP/1.1\r\n\rX", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"}) {
    EXPECT_EQ(error_of(text), ParseError::kBareCarriageReturn) << text;
    // Byte by byte: a CR is not refused before the next byte, which may be an LF, has arrived.
    RequestParser parser(HeadLimits{});
    RequestHead head;
    size_t size = 0;
    while (parser.parse(std::string_view(text).substr(0, size), head) == ParseState::kNeedMore &&
           size < text.size())
      ++size;
    EXPECT_EQ(parser.error(), ParseError::kBareCarriageReturn) << text;
  }
}

TEST(RequestParser, KeepsItsLimits) {
  HeadLimits limits{.head_size = 256, .field_count = 3, .target_length = 32};
  EXPECT_EQ(error_of("GET /" + std::string(40, 'a') + " HTTP/1.1\r\n", limits), ParseError::kTargetTooLong);
  EXPECT_EQ(error_of("GET /" + std::string(400, 'a'), limits), ParseError::kHeadTooLarge);
  EXPECT_EQ(error_of(with("A: b\r\nC: d\r\nE: f\r\n"), limits), ParseError::kTooManyFields);
  EXPECT_EQ(error_of(with("A: " + std::string(300, 'a') + "\r\n"), limits), ParseError::kHeadTooLarge);
}

TEST(ResponseParser, KnowsWhenABodyFollows) {
  const auto kind_of = [](const std::string& text, const char* method) {
    ResponseParser parser(HeadLimits{});
    ResponseHead head;
    EXPECT_EQ(parser.parse(text, method, head), ParseState::kDone) << text;
    return head.body.kind;
  };
  EXPECT_EQ(kind_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "GET"), BodyKind::kLength);
  EXPECT_EQ(kind_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "HEAD"), BodyKind::kNone);
  EXPECT_EQ(kind_of("HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", "GET"), BodyKind::kNone);
  EXPECT_EQ(kind_of("HTTP/1.1 204\r\n\r\n", "GET"), BodyKind::kNone);
  EXPECT_EQ(kind_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "GET"), BodyKind::kChunked);
  EXPECT_EQ(kind_of("HTTP/1.0 200 OK\r\n\r\n", "GET"), BodyKind::kUntilClose);
}

TEST(ResponseParser, ReadsLenientlyWhereItIsTold) {
  const auto error_of_response = [](const std::string& text, bool lenient) {
    ResponseParser parser({.lenient = lenient});
    ResponseHead head;
    (void)parser.parse(text, "GET", head);
    return parser.error();
  };
  const std::pair<std::string, ParseError> odd[] = {
      {"HTTP/1.1 600 A\r\n\r\n", ParseError::kUnknownStatus},
      {"HTTP/1.1 999 A\r\n\r\n", ParseError::kUnknownStatus},
      {"HTTP/1.1 200 OK\nA: b\n\n", ParseError::kBareLineFeed},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
       ParseError::kRepeatedChunked},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", ParseError::kRepeatedChunked}};
  for (const auto& [text, error] : odd) {
    EXPECT_EQ(error_of_response(text, false), error) << text;
    EXPECT_EQ(error_of_response(text, true), ParseError::kNone) << text;
  }
  for (const std::string text :
       {"HTTP/1.1 099 A\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: , chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"})
    EXPECT_NE(error_of_response(text, true), ParseError::kNone) << text;
}

std::string decode(std::string_view input, size_t step, bool& failed, bool& done, ChunkRules rules = {}) {
  ChunkedDecoder decoder(rules);
  std::string out;
  failed = done = false;
  for (size_t at = 0; at < input.size() && !failed && !done; at += step) {
    std::string_view piece = input.substr(at, step);
    for (;;) {
      std::string_view data;
      const auto result = decoder.next(piece, data);
      if (result == ChunkedDecoder::Result::kData) {
        out += data;
        continue;
      }
      failed = result == ChunkedDecoder::Result::kFailed;
      done = result == ChunkedDecoder::Result::kDone;
      break;
    }
  }
  return out;
}

TEST(ChunkedDecoder, DecodesInAnyPieces) {
  const std::string text = "5;a=b;c=\"d;\"\r\nhello\r\n006\r\n world\r\n0\r\nX-Trailer: yes\r\n\r\n";
  for (size_t step = 1; step <= text.size(); ++step) {
    bool failed, done;
    EXPECT_EQ(decode(text, step, failed, done), "hello world");
    EXPECT_TRUE(done);
  }
}

TEST(ChunkedDecoder, TakesBlanksBehindASizeWhereItIsTold) {
  const std::string text = "5 \r\nhello\r\n6\t ;a=b\r\n world\r\n0 \r\n\r\n";
  for (size_t step = 1; step <= text.size(); ++step) {
    bool failed, done;
    EXPECT_EQ(decode(text, step, failed, done, {.lenient = true}), "hello world");
    EXPECT_TRUE(done);
    decode(text, step, failed, done);
    EXPECT_TRUE(failed);
  }
  bool failed, done;
  decode("5 5\r\nhello", 1, failed, done, {.lenient = true});
  EXPECT_TRUE(failed);
}

TEST(ChunkedDecoder, BoundsItsTrailers) {
  bool failed, done;
  const std::string text = "0\r\nA: " + std::string(1'000, 'a') + "\r\n\r\n";
  decode(text, 100, failed, done, {.trailer_size = 2'000});
  EXPECT_TRUE(done);
  decode(text, 100, failed, done, {.trailer_size = 500});
  EXPECT_TRUE(failed);
}

TEST(ChunkedDecoder, RefusesWhatSmugglersSend) {
  for (const char* text : {"\r\n", "g\r\n", "-1\r\n", "0x5\r\n", " 5\r\n", "5 \r\n", "5\nhello",
                           "5\r\nhelloX\r\n", "5\r\nhello\n", "5\rX", "1000000000000000\r\n",
                           "0\r\nbad name: x\r\n\r\n", "0\r\n folded\r\n\r\n", "5;a\nb\r\nhello\r\n"}) {
    bool failed, done;
    decode(text, 100, failed, done);
    EXPECT_TRUE(failed) << text;
  }
}

}  // namespace
}  // namespace portcullis::http::h1
