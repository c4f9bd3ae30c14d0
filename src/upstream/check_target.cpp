#include <re2/re2.h>

#include <algorithm>
#include <cstring>

#include "http/h1/chunked_decoder.h"
#include "http/h1/head_parser.h"
#include "http/method.h"
#include "upstream/check_http2.h"
#include "upstream/health_checks.h"
#include "upstream/target.h"

namespace portcullis::upstream {
namespace {

constexpr size_t kMaxAnswer = 64 * 1024;  // of head and body; the rest is ignored

// A connection, the data received on it, and the deadline for the whole check.
struct Call {
  Stream stream;
  Clock::time_point deadline;
  std::string received{};
  bool ended = false;

  Milliseconds left() { return time_until(deadline, stream.loop()); }
};

std::string words(const IoResult& result) {
  if (result.error == ETIMEDOUT) return "no answer in time";
  return result.error == 0 ? "it closed the connection" : std::strerror(result.error);
}

// Appends the next received bytes. Returns the reason on failure, otherwise "".
Task<std::string> receive(Call& call) {
  char buffer[4096];
  const IoResult got = co_await call.stream.read(buffer, sizeof buffer, call.left());
  if (!got.ok()) co_return words(got);
  call.ended = got.bytes == 0;
  call.received.append(buffer, got.bytes);
  co_return "";
}

Task<std::string> send(Call& call, std::string text) {
  iovec piece{text.data(), text.size()};
  const IoResult sent = co_await call.stream.write(std::span(&piece, 1), call.left());
  co_return sent.ok() ? "" : words(sent);
}

Task<std::string> open(Call& call, const UpstreamDefinition& upstream, SocketAddress address,
                       const std::string& name) {
  const IoResult connected = co_await call.stream.connect(address, call.left());
  if (!connected.ok())
    co_return connected.error == ETIMEDOUT ? "no connection in time" : std::strerror(connected.error);
  if (!upstream.tls) co_return "";
  auto made = upstream.tls->make_session(upstream.server_name.empty() ? name : upstream.server_name, nullptr,
                                         nullptr);
  if (!made) co_return "out of memory";
  tls::Session& session = *made;
  call.stream.set_codec(std::move(made));
  const tls::HandshakeResult shaken = co_await session.handshake(call.stream, nullptr, call.left());
  co_return shaken.ok ? "" : "TLS: " + (shaken.timed_out ? std::string("no answer in time") : shaken.failure);
}

// The body received so far; nothing while a part of it is still missing.
std::optional<std::string> body_of(const http::ResponseHead& head, std::string_view rest, bool ended,
                                   bool lenient) {
  const bool enough = ended || rest.size() >= kMaxAnswer;
  switch (head.body.kind) {
    case http::BodyKind::kNone: return "";
    case http::BodyKind::kLength:
      if (rest.size() < head.body.length && !enough) return std::nullopt;
      return std::string(rest.substr(0, head.body.length));
    case http::BodyKind::kStream:
    case http::BodyKind::kUntilClose:
      if (!enough) return std::nullopt;
      return std::string(rest);
    case http::BodyKind::kChunked: {
      http::h1::ChunkedDecoder decoder({.lenient = lenient});
      std::string out;
      for (;;) {
        std::string_view data;
        const auto result = decoder.next(rest, data);
        if (result == http::h1::ChunkedDecoder::Result::kData) {
          out += data;
          continue;
        }
        if (result == http::h1::ChunkedDecoder::Result::kNeedMore && !enough) return std::nullopt;
        return out;
      }
    }
  }
  return "";
}

std::string judge(const HealthCheck& check, uint16_t status, const std::string& body) {
  const bool expected = std::any_of(check.statuses.begin(), check.statuses.end(), [&](const auto& range) {
    return status >= range.first && status <= range.second;
  });
  if (!expected) return "it answered " + std::to_string(status);
  if (!check.body.empty() && !re2::RE2::PartialMatch(body, check.body))
    return "the body of its answer does not match `body`";
  return "";
}

Task<std::string> ask(Call& call, const UpstreamDefinition& upstream, const std::string& host) {
  const HealthCheck& check = upstream.check;
  const bool lenient = upstream.response_limits.lenient;
  const std::string length = http::expects_content(check.method) ? "content-length: 0\r\n" : "";
  Task<std::string> sent = send(call, check.method + " " + check.path + " HTTP/1.1\r\nhost: " + host +
                                          "\r\nuser-agent: portcullis-health-check\r\naccept: */*\r\n" +
                                          length + "connection: close\r\n\r\n");
  std::string why = co_await sent;
  if (!why.empty()) co_return why;
  for (;;) {
    http::ResponseHead head;
    http::h1::ResponseParser parser({.head_size = kMaxAnswer,
                                     .field_count = http::Fields::kCapacity,
                                     .target_length = 0,
                                     .lenient = lenient});
    const http::h1::ParseState state = parser.parse(call.received, check.method, head);
    if (state == http::h1::ParseState::kFailed) co_return "its answer is not HTTP";
    if (state == http::h1::ParseState::kDone) {
      const std::string_view rest = std::string_view(call.received).substr(parser.head_size());
      if (head.status < 200) {
        call.received.erase(0, parser.head_size());
        continue;
      }
      if (const auto body = body_of(head, rest, call.ended, lenient))
        co_return judge(check, head.status, *body);
    }
    if (call.ended) co_return "it closed the connection";
    Task<std::string> received = receive(call);
    why = co_await received;
    if (!why.empty()) co_return why;
  }
}

}  // namespace

Task<std::string> check_target(EventLoop& loop, const UpstreamDefinition& upstream,
                               const SocketAddress& address, const std::string& name) {
  const HealthCheck& check = upstream.check;
  SocketAddress place = address;
  if (check.port != 0) place.set_port(check.port);
  Call call{Stream(loop), Clock::now() + check.timeout};
  Task<std::string> opened = open(call, upstream, place, name);
  std::string why = co_await opened;
  if (!why.empty() || check.kind == HealthCheck::Kind::kTcp) co_return why;
  std::string host = check.host;
  if (host.empty()) host = place.is_unix() ? "localhost" : place.to_string();
  if (!speaks_http2(upstream, call.stream)) {
    if (check.kind == HealthCheck::Kind::kGrpc) co_return "it does not speak HTTP/2";
    Task<std::string> asked = ask(call, upstream, host);
    co_return co_await asked;
  }
  Http2Answer answer;
  Task<std::string> asked =
      ask_http2(call.stream, check, upstream.tls ? "https" : "http", host, call.deadline, answer);
  why = co_await asked;
  if (!why.empty()) co_return why;
  co_return check.kind == HealthCheck::Kind::kGrpc ? judge_grpc(answer)
                                                   : judge(check, answer.status, answer.body);
}

}  // namespace portcullis::upstream
