// How an exchange gets its response: from a target to the client.

#include <algorithm>
#include <cerrno>

#include "http/grpc.h"
#include "http/h2/request.h"
#include "http/hop_by_hop.h"
#include "proxy/connector.h"
#include "proxy/exchange.h"
#include "proxy/parse_reason.h"

namespace portcullis::proxy {

using http::BodyKind;
using http::h1::ParseError;
using http::h1::ParseState;

namespace {

constexpr uint64_t kMaxCopiedResponse = 4096;

// The trailers of gRPC have names of the service's own: its metadata.
bool is_grpc(const http::Fields& fields) {
  return http::grpc_form(fields.value_of("content-type")) != http::GrpcForm::kNone;
}

// How long a target may be silent before a client is watched that has never been waited for: most targets
// answer sooner, and cost nothing then.
constexpr Milliseconds kUnwatched{100};

}  // namespace

// What is left of the time for the response's head. While the request is still being sent, the response may
// take as long as that does.
Milliseconds Exchange::patience_for_head(const upstream::UpstreamDefinition& upstream) const {
  if (!upload_done_) return std::min(upstream.response_timeout + settings_.body_timeout, time_left());
  return std::min(time_until(request_sent_ + upstream.response_timeout, worker_.loop()), time_left());
}

// For a response's head and the beginning of its body: as much as the client's connection may hold. Of a
// stream that is one of many, no more than can leave at once, and what most heads need.
Block Exchange::block_for_response() const {
  size_t size = settings_.send_buffer;
  if (client_.channel != nullptr)
    size = std::clamp(client_.channel->room(), std::min(size, Block::kMedium), size);
  return Block::take(size);
}

// Until there is something to be read from the target; kAnswered when there is.
Task<Exchange::TryOutcome> Exchange::wait_for_target(upstream::Connection& connection,
                                                     Milliseconds patience) {
  const bool watched = client_.stream.watched();
  IoResult ready = co_await connection.stream.readable(watched ? patience : std::min(patience, kUnwatched));
  if (ready.error == ETIMEDOUT && !watched && patience > kUnwatched) {
    client_watch_.arrange();
    ready = co_await connection.stream.readable(patience - kUnwatched);
  }
  if (client_watch_.gone()) co_return TryOutcome::kClientGone;
  if (ready.error == ETIMEDOUT) co_return TryOutcome::kTimedOut;
  if (!ready.ok()) co_return fail(reason_of_broken_stream(ready.error));
  co_return TryOutcome::kAnswered;
}

// One head, which is then in response_ and `head_size` bytes of `input` no more.
Task<Exchange::TryOutcome> Exchange::read_http1_head(upstream::Connection& connection, InputBuffer& input,
                                                     size_t& head_size) {
  const bool received_any = static_cast<bool>(input.block);
  http::h1::ResponseParser parser(connection.target().upstream().response_limits);
  for (;;) {
    const ParseState state = parser.parse(input.content(), request_.method, response_);
    if (state == ParseState::kDone) break;
    if (state == ParseState::kFailed) co_return fail(reason_of_bad_response(parser.error()));
    const Milliseconds patience = patience_for_head(connection.target().upstream());
    if (!input.block) {
      // A waiting exchange holds no buffer, so it can afford a large one once something has come.
      const TryOutcome waited = co_await wait_for_target(connection, patience);
      if (waited != TryOutcome::kAnswered) co_return waited;
      input.block = block_for_response();
    }
    const std::span<char> room = input.room();
    const IoResult got = co_await connection.stream.read(room.data(), room.size(), patience);
    if (got.error == ETIMEDOUT) co_return TryOutcome::kTimedOut;
    if (!got.ok() || got.bytes == 0) {
      co_return !received_any && input.empty() && connection.reused() && may_repeat()
          ? TryOutcome::kStaleConnection
          : fail(reason_of_broken_stream(got.error));
    }
    input.end += got.bytes;
  }
  head_size = parser.head_size();
  input.begin += head_size;
  http::remove_connection_options(response_.fields);
  co_return TryOutcome::kAnswered;
}

// The target has not looked at the request: by REFUSED_STREAM, or a GOAWAY that does not include it. Whatever
// was asked for can then be asked again (RFC 9113 section 8.7), on another connection.
Exchange::TryOutcome Exchange::ask_elsewhere() {
  constexpr unsigned kMaxRefusals = 4;
  const bool body_is_here =
      request_.body.kind == BodyKind::kNone || held_body_.held() || may_send_body_again();
  if (!body_is_here || ++refusals_ > kMaxRefusals) return fail(kEnds.upstream_refused);
  return TryOutcome::kStaleConnection;
}

// The whole body is in the memory that it was received in.
bool Exchange::may_send_body_again() const {
  const BodySource& body = *sending_;
  if (!body.complete || body.reads > (body.received.empty() ? 1u : 0u)) return false;
  return body.reads == 0 || body.more.end >= body.bytes;
}

Task<Exchange::TryOutcome> Exchange::read_http2_head(upstream::Connection& connection) {
  http::h2::Channel& channel = *connection.channel;
  while (!channel.has_head()) {
    if (channel.is_broken() || channel.at_end()) {
      if (channel.was_malformed()) co_return fail(kEnds.upstream_malformed);
      if (channel.was_refused()) co_return ask_elsewhere();
      co_return connection.reused() && may_repeat() ? TryOutcome::kStaleConnection
                                                    : fail(kEnds.upstream_reset);
    }
    const Milliseconds patience = patience_for_head(connection.target().upstream());
    const TryOutcome waited = co_await wait_for_target(connection, patience);
    if (waited != TryOutcome::kAnswered) co_return waited;
  }
  const std::unique_ptr<http::h2::Head> head = channel.take_head();
  const ParseError error = http::h2::read_response(*head, connection.target().upstream().response_limits,
                                                   request_.method, response_);
  co_return error == ParseError::kNone ? TryOutcome::kAnswered : fail(reason_of_bad_response(error));
}

Task<Exchange::TryOutcome> Exchange::read_response_head(upstream::Connection& connection, InputBuffer& input,
                                                        size_t& head_size) {
  return connection.channel != nullptr ? read_http2_head(connection)
                                       : read_http1_head(connection, input, head_size);
}

// Why a response's body has broken off.
const EndReason& Exchange::reason_of_broken_body(const RelayResult& sent, const BodySource& source) const {
  switch (sent.outcome) {
    case RelayOutcome::kOverloaded:
    case RelayOutcome::kSourceMalformed:
      if (source.malformed != http::h1::ParseError::kNone) return reason_of_bad_response(source.malformed);
      return source.converter != nullptr ? source.converter->failure() : kEnds.upstream_malformed;
    case RelayOutcome::kCancelled:
      // The rest of the request has failed, without which the target cannot go on.
      if (upload_result_.outcome == RelayOutcome::kSourceTooLarge) return kEnds.body_too_large;
      if (upload_result_.outcome == RelayOutcome::kSourceMalformed) return kEnds.bad_chunk;
      return upload_result_.error == ETIMEDOUT ? kEnds.body_timeout : kEnds.client_closed;
    default:
      if (sent.error == ETIMEDOUT) return kEnds.upstream_timeout;
      if (source.channel != nullptr && source.channel->trailers_too_large())
        return kEnds.upstream_trailers_too_large;
      return source.channel != nullptr && source.channel->was_malformed() ? kEnds.upstream_malformed
                                                                          : kEnds.upstream_closed;
  }
}

// Says how the response's body has ended. When it has broken off the client must not take it for a whole one:
// a reset says so even for HTTP/1.0.
void Exchange::conclude(const RelayResult& sent, const BodySource& source) {
  response_bytes_ = source.bytes;
  if (sent.outcome == RelayOutcome::kComplete) return;
  if (client_watch_.gone()) {
    ended_ = &kEnds.client_closed;
  } else if (sent.outcome == RelayOutcome::kSinkFailed) {
    ended_ = sent.error == ETIMEDOUT ? &kEnds.send_timeout : &kEnds.client_closed;
  } else {
    ended_ = &reason_of_broken_body(sent, source);
    client_.stream.reset_on_close();
  }
  leave_client();
}

// A response with this status has no content (RFC 9110 section 15.3.6), whatever the target sends.
void Exchange::drop_content() {
  if (response_.body.kind != BodyKind::kNone) response_.keep_alive = false;  // what it sends is not read
  response_.body = {};
  response_.fields.remove(http::FieldId::kContentLength);
  response_.fields.add("content-length", "0", http::FieldId::kContentLength);
}

// The response's body has failed before anything of it was sent: the client gets a whole answer of another
// kind.
Exchange::TryOutcome Exchange::take_back_response(const RelayResult& sent, const BodySource& source) {
  const EndReason& why = reason_of_broken_body(sent, source);
  answered_ = marked_ = context_.from_target = false;
  taken_back_ = true;
  response_ = {};
  context_.encoder.reset();
  chain_.reset();
  converted_.clear();
  if (sent.error == ETIMEDOUT) return TryOutcome::kTimedOut;
  if (sent.outcome == RelayOutcome::kOverloaded) {
    failure_ = &why;
    return TryOutcome::kNotConverted;
  }
  return fail(&why == &kEnds.upstream_closed ? kEnds.upstream_closed_early : why);
}

// A stream of HTTP/2 is closed when the exchange has gone: its head is to be told of until then.
void Exchange::leave_client() {
  close_client_ = true;
  if (client_.channel == nullptr) client_.stream.close();
}

// The response's fields lie in what came first until begin_http2_response() has copied those that are logged.
// Where that does not happen, because the wait for the body or for room ends early, they are copied when this
// ends, which is before `source` does.
class Exchange::LoggedFields {
 public:
  LoggedFields(Exchange& exchange, const BodySource& source) : exchange_(exchange), source_(source) {}
  LoggedFields(const LoggedFields&) = delete;
  LoggedFields& operator=(const LoggedFields&) = delete;
  ~LoggedFields() {
    if (exchange_.client_.channel != nullptr && source_.first.block) exchange_.keep_logged_fields();
  }

 private:
  Exchange& exchange_;
  const BodySource& source_;
};

Task<Exchange::TryOutcome> Exchange::receive_response(std::unique_ptr<upstream::Connection>& connection,
                                                      BodySource& body, TaskGroup& upload) {
  upstream::Upstream& whole = this->upstream();
  const upstream::UpstreamDefinition& upstream = whole.definition();
  InputBuffer input;
  // Once for each interim response, then the final one.
  for (bool hedged = may_hedge(upstream);; hedged = false) {
    response_ = {};
    size_t head_size = 0;
    Task<TryOutcome> reading = hedged ? read_first_head(connection, input, head_size, body, upload)
                                      : read_response_head(*connection, input, head_size);
    const TryOutcome read = co_await reading;
    if (read != TryOutcome::kAnswered) co_return read;
    if (extended_connect_ && response_.status / 100 == 2) translate_tunnel();
    if (response_.status >= 200 || response_.status == 101) {
      received_status_ = response_.status;
      // The round may have begun before the try.
      try_latency_ = std::max(worker_.loop().now() - try_started_, Clock::duration::zero());
      end_wait();
      connection->target().note_latency(try_latency_);
      if (wants_another(whole)) co_return TryOutcome::kBadAnswer;
      keep_with(upstream, connection->target());
    }
    if (response_.status >= 200) {
      if (worker_.measures()) response_received_ = Clock::now();
      if (response_.status == 205) drop_content();
      break;
    }
    if (response_.status == 101) {
      client_watch_.end();  // both sides are read from now on
      Task<TryOutcome> tunnel = open_tunnel(*connection, body, upload, input.content(), head_size);
      co_return co_await tunnel;
    }
    request_sent_ = worker_.loop().now();
    if (request_.version != http::Version::kHttp10 && !co_await send_interim_head(head_size))
      co_return TryOutcome::kClientGone;
  }

  BodySource source{
      .stream = connection->stream,
      .framing = response_.body,
      .received = input.content(),
      .timeout = upstream.response_timeout,
      .trailers = {.listed = &settings_.response_trailers, .metadata = is_grpc(response_.fields)},
      .chunks = {.lenient = upstream.response_limits.lenient,
                 .trailer_size = upstream.response_limits.head_size},
      .watch = &client_watch_,
      .channel = connection->channel};
  if (context_.converter) {
    Task<TryOutcome> converting = convert_response(source);
    const TryOutcome converted = co_await converting;
    if (converted != TryOutcome::kAnswered) co_return converted;
  }
  if (client_watch_.gone()) co_return TryOutcome::kClientGone;
  context_.from_target = true;
  stored_keep_alive_ = response_.keep_alive;  // a stored response takes the head's place
  const BodyKind received_kind = source.framing.kind;
  finish_policies();
  if (context_.serving || context_.storing) {
    client_watch_.end();  // the response is stored also when its client has left
    if (context_.storing) {
      store_response(std::move(connection), source, std::move(input));
    } else if (received_kind == BodyKind::kNone && source.received.empty() && stored_keep_alive_) {
      upstream::Target& target = connection->target();
      target.give_back(std::move(connection));
    }
    upload.clear();
    ended_ = &kEnds.complete;
    if (context_.serving) {  // else it is an errand
      Task<void> sending = send_stored();
      co_await sending;
    }
    co_return TryOutcome::kAnswered;
  }
  if (is_errand_) {
    Task<void> leaving = leave_response(std::move(connection), source);
    co_await leaving;
    co_return TryOutcome::kAnswered;
  }
  if (context_.awaited) {
    // Nothing is stored, so it is for this client alone after all.
    context_.awaited = false;
    watch_client(connection, body);
  }
  if (context_.encoder) {
    Task<void> adding = add_converter(source, *context_.encoder, chain_, converted_);
    co_await adding;
  }
  BodyKind kind = response_.body.kind;
  if (response_.body.has_length()) {
    kind = BodyKind::kLength;
  } else if (kind != BodyKind::kNone) {
    kind = request_.version == http::Version::kHttp10 ? BodyKind::kUntilClose : BodyKind::kChunked;
  }
  if (kind == BodyKind::kUntilClose || !upload_done_ || client_.connection.closing()) close_client_ = true;
  HeadWriter head(input.begin + kMaxCopiedResponse + 512);
  const bool has_body = source.framing.kind != BodyKind::kNone;
  if (client_.channel == nullptr) {
    write_response_head(head, kind);
  } else if (!has_body) {
    Task<bool> sending = send_http2_head(kind, EndOfMessage::kHere);
    if (!co_await sending) co_return TryOutcome::kClientGone;
  }
  // A head of HTTP/2 that a body follows leaves with the body's first bytes, which may show that there is
  // none.
  if (client_.channel == nullptr || !has_body) keep_logged_fields();
  if (client_.channel == nullptr && source.framing.kind == BodyKind::kLength && source.converter == nullptr &&
      source.framing.length <= kMaxCopiedResponse && source.framing.length <= source.received.size()) {
    // A small body that is here whole: copying it behind the head costs less than a gathered write.
    head.write(source.received.substr(0, source.framing.length));
    source.received.remove_prefix(source.framing.length);
    source.bytes = source.framing.length;
    source.framing = {};
  }
  answered_ = true;
  RelayResult sent;
  if (source.framing.kind == BodyKind::kNone) {
    source.rest = source.received;
    iovec piece = head.piece();
    IoResult written;
    if (client_.channel == nullptr)
      written = co_await client_.stream.write(std::span(&piece, 1), settings_.send_timeout);
    if (!written.ok()) sent = {RelayOutcome::kSinkFailed, written.error};
  } else {
    BodySink sink{client_.stream, kind, settings_.send_timeout, client_.channel, settings_.send_buffer};
    if (client_.channel != nullptr) {
      sink.kind = BodyKind::kStream;
      sink.begin = [this, kind] { return begin_http2_response(kind); };
    }
    source.first = std::move(input);
    const LoggedFields logged(*this, source);
    sent = co_await relay_message(head.text(), source, std::move(sink));
  }
  if (sent.untouched) co_return take_back_response(sent, source);
  ended_ = &kEnds.complete;
  conclude(sent, source);
  if (sent.outcome != RelayOutcome::kComplete) co_return TryOutcome::kAnswered;
  const bool reusable = response_.keep_alive && source.rest.empty() && upload_done_ && body.complete &&
                        !client_watch_.gone();  // else it has been cancelled
  upload.clear();
  if (reusable) {
    upstream::Target& target = connection->target();
    target.give_back(std::move(connection));
  }
  co_return TryOutcome::kAnswered;
}

}  // namespace portcullis::proxy
