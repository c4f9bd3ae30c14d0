// How an exchange gets its response: from a target to the client.

#include <algorithm>
#include <cerrno>

#include "http/grpc.h"
#include "http/h2/request.h"
#include "http/hop_by_hop.h"
#include "proxy/connector.h"
#include "proxy/exchange.h"

namespace portcullis::proxy {

using http::BodyKind;
using http::h1::ParseState;

namespace {

constexpr uint64_t kMaxCopiedResponse = 4096;

// The trailers of gRPC have names of the service's own: its metadata.
bool is_grpc(const http::Fields& fields) {
  return http::grpc_form(fields.value_of("content-type")) != http::GrpcForm::kNone;
}

// How long a target may be silent before the client is watched for leaving: most answer sooner, and cost
// nothing then.
constexpr Milliseconds kUnwatched{100};

// While a target is silent nobody reads from the client. This notices that it has left, and ends the wait.
// One that has only finished sending counts as gone, unless it has sent further requests.
class ClientWatch final : private Watcher {
 public:
  ClientWatch(const Client& client, std::string_view unread, Stream& target)
      : client_(client), target_(target), pipelined_(!unread.empty()) {
    client_.stream.set_idle_watcher(this);
    if (client_.stream.ensure_watched() && client_.stream.hung_up()) on_events(0);
  }
  ~ClientWatch() { client_.stream.set_idle_watcher(nullptr); }

  bool client_gone() const { return gone_; }

 private:
  void on_events(uint32_t) override {
    if (pipelined_ || !client_.stream.deserted()) return;
    gone_ = true;
    target_.cancel();
  }

  const Client& client_;
  Stream& target_;
  bool pipelined_;
  bool gone_ = false;
};

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
  IoResult ready = co_await connection.stream.readable(std::min(patience, kUnwatched));
  if (ready.error == ETIMEDOUT && patience > kUnwatched && context_.awaited) {
    ready = co_await connection.stream.readable(patience - kUnwatched);
  } else if (ready.error == ETIMEDOUT && patience > kUnwatched) {
    const ClientWatch watch(client_, unread(), connection.stream);
    ready = co_await connection.stream.readable(patience - kUnwatched);
    if (watch.client_gone()) co_return TryOutcome::kClientGone;
  }
  if (ready.error == ETIMEDOUT) co_return TryOutcome::kTimedOut;
  if (!ready.ok()) co_return fail(name_of_broken_stream(ready.error));
  co_return TryOutcome::kAnswered;
}

// One head, which is then in response_ and `head_size` bytes of `input` no more.
Task<Exchange::TryOutcome> Exchange::read_http1_head(upstream::Connection& connection, InputBuffer& input,
                                                     size_t& head_size) {
  const bool received_any = static_cast<bool>(input.block);
  http::h1::ResponseParser parser(http::h1::kResponseLimits);
  for (;;) {
    const ParseState state = parser.parse(input.content(), request_.method, response_);
    if (state == ParseState::kDone) break;
    if (state == ParseState::kFailed) co_return fail("upstream_malformed");
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
          : fail(name_of_broken_stream(got.error));
    }
    input.end += got.bytes;
  }
  head_size = parser.head_size();
  input.begin += head_size;
  http::remove_connection_options(response_.fields);
  co_return TryOutcome::kAnswered;
}

Task<Exchange::TryOutcome> Exchange::read_http2_head(upstream::Connection& connection) {
  http::h2::Channel& channel = *connection.channel;
  while (!channel.has_head()) {
    if (channel.is_broken() || channel.at_end()) {
      // One that was refused has not been looked at: whatever it asks for can be asked again.
      const bool here = request_.body.kind == BodyKind::kNone || held_body_.held();
      const bool again = channel.was_refused() ? here : may_repeat();
      co_return connection.reused() && again ? TryOutcome::kStaleConnection : fail("upstream_reset");
    }
    const Milliseconds patience = patience_for_head(connection.target().upstream());
    const TryOutcome waited = co_await wait_for_target(connection, patience);
    if (waited != TryOutcome::kAnswered) co_return waited;
  }
  const std::unique_ptr<http::h2::Head> head = channel.take_head();
  co_return http::h2::read_response(*head, request_.method, response_) ? TryOutcome::kAnswered
                                                                       : fail("upstream_malformed");
}

Task<Exchange::TryOutcome> Exchange::read_response_head(upstream::Connection& connection, InputBuffer& input,
                                                        size_t& head_size) {
  return connection.channel != nullptr ? read_http2_head(connection)
                                       : read_http1_head(connection, input, head_size);
}

// Says how the response's body has ended. When it has broken off the client must not take it for a whole one:
// a reset says so even for HTTP/1.0.
void Exchange::conclude(const RelayResult& sent, const BodySource& source) {
  response_bytes_ = source.bytes;
  if (sent.outcome == RelayOutcome::kComplete) return;
  if (sent.outcome == RelayOutcome::kSinkFailed) {
    ended_ = sent.error == ETIMEDOUT ? "send_timeout" : "client_closed";
  } else {
    ended_ = sent.error == ETIMEDOUT ? "upstream_timeout" : "upstream_closed";
    if (sent.outcome == RelayOutcome::kSourceMalformed)
      ended_ = source.converter != nullptr ? source.converter->failure() : "upstream_malformed";
    client_.stream.reset_on_close();
  }
  leave_client();
}

// A stream of HTTP/2 is closed when the exchange has gone: its head is to be told of until then.
void Exchange::leave_client() {
  close_client_ = true;
  if (client_.channel == nullptr) client_.stream.close();
}

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
      try_latency_ = worker_.loop().now() - try_started_;
      connection->target().note_latency(try_latency_);
      if (wants_another(whole)) co_return TryOutcome::kBadAnswer;
      keep_with(upstream, connection->target());
    }
    if (response_.status >= 200) {
      if (worker_.logging()) response_received_ = Clock::now();
      break;
    }
    if (response_.status == 101) {
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
      .channel = connection->channel};
  if (context_.converter) {
    Task<TryOutcome> converting = convert_response(source);
    const TryOutcome converted = co_await converting;
    if (converted != TryOutcome::kAnswered) co_return converted;
  }
  context_.from_target = true;
  stored_keep_alive_ = response_.keep_alive;  // a stored response takes the head's place
  const BodyKind received_kind = source.framing.kind;
  finish_policies();
  if (context_.serving || context_.storing) {
    if (context_.storing) {
      store_response(std::move(connection), source, std::move(input));
    } else if (received_kind == BodyKind::kNone && source.received.empty() && stored_keep_alive_) {
      upstream::Target& target = connection->target();
      target.give_back(std::move(connection));
    }
    upload.clear();
    ended_ = "complete";
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
  if (context_.encoder) add_converter(source, *context_.encoder, chain_, converted_);
  BodyKind kind = response_.body.kind;
  if (response_.body.has_length()) {
    kind = BodyKind::kLength;
  } else if (kind != BodyKind::kNone) {
    kind = request_.version == http::Version::kHttp10 ? BodyKind::kUntilClose : BodyKind::kChunked;
  }
  if (kind == BodyKind::kUntilClose || !upload_done_ || client_.connection.closing()) close_client_ = true;
  HeadWriter head(input.begin + kMaxCopiedResponse + 512);
  if (client_.channel == nullptr) {
    write_response_head(head, kind);
  } else {
    Task<bool> sending =
        send_http2_head(kind, kind == BodyKind::kNone ? EndOfMessage::kHere : EndOfMessage::kLater);
    if (!co_await sending) co_return TryOutcome::kClientGone;
  }
  keep_logged_fields();
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
    if (client_.channel != nullptr) kind = BodyKind::kStream;
    source.more = std::move(input);  // which goes once the client has taken it
    sent = co_await relay_message(
        head.text(), source,
        {client_.stream, kind, settings_.send_timeout, client_.channel, settings_.send_buffer});
  }
  ended_ = "complete";
  conclude(sent, source);
  if (sent.outcome != RelayOutcome::kComplete) co_return TryOutcome::kAnswered;
  const bool reusable = response_.keep_alive && source.rest.empty() && upload_done_ && body.complete;
  upload.clear();
  if (reusable) {
    upstream::Target& target = connection->target();
    target.give_back(std::move(connection));
  }
  co_return TryOutcome::kAnswered;
}

}  // namespace portcullis::proxy
