#include "proxy/exchange.h"

#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "http/path.h"

namespace portcullis::proxy {

using http::BodyKind;
using http::FieldId;
using http::h1::ParseState;

namespace {

constexpr uint64_t kMostCopied = 4096;

}  // namespace

Exchange::Exchange(ClientConnection& client)
    : client_(client),
      worker_(client.worker()),
      snapshot_(worker_.current()),
      settings_(snapshot_->snapshot->listeners[client.listener]),
      context_{worker_.loop(), arena_, request_, response_} {
  context_.body_limit = settings_.body_size;
}

Exchange::~Exchange() {
  if (head_size_ == 0 && refusal_ == 0) return;  // no request: the client left before it had said one
  const std::vector<telemetry::RouteMetrics*>& shards =
      route_ != nullptr ? route_->metrics : snapshot_->snapshot->unmatched;
  telemetry::RouteMetrics& metrics = *shards[worker_.index()];
  metrics.responses[answered_ ? response_.status / 100u : 0].add();
  const Clock::time_point ended_at = Clock::now();
  metrics.note_duration(std::chrono::duration_cast<std::chrono::microseconds>(ended_at - started_));
  metrics.request_body_bytes.add(request_bytes_);
  metrics.response_body_bytes.add(response_bytes_);
  if (worker_.logging()) log(ended_at);
}

void Exchange::log(Clock::time_point ended_at) const {
  const auto since_start = [this](Clock::time_point moment) {
    if (moment == Clock::time_point{}) return std::chrono::microseconds(-1);
    return std::chrono::duration_cast<std::chrono::microseconds>(moment - started_);
  };
  telemetry::AccessEntry entry;
  entry.request_id = request_id_;
  entry.client = client_.peer_text();
  if (head_size_ != 0) {  // else the views are of a head that was never whole
    entry.method = request_.method;
    entry.host = host_;
    entry.path = request_.path;
  }
  if (route_ != nullptr) {
    entry.route = route_->name;
    if (route_->upstream) entry.upstream = snapshot_->upstreams[*route_->upstream]->definition().name;
  }
  if (target_ != nullptr) entry.target = target_->definition().name;
  entry.status = answered_ ? response_.status : uint16_t{0};
  entry.ended = ended_;
  entry.request_bytes = request_bytes_;
  entry.response_bytes = response_bytes_;
  entry.tries = tries_;
  entry.request_head = since_start(head_received_);
  entry.response_head = since_start(response_received_);
  entry.total = since_start(ended_at);
  worker_.log(entry);
}

Task<Persistence> Exchange::run() {
  started_ = Clock::now();
  const bool complete = co_await read_head();
  if (!complete) {
    if (refusal_ != 0) co_await refuse(refusal_, refusal_detail_);
    co_return Persistence::kClose;
  }
  choose_request_id();
  if (!prepare()) {
    co_await refuse(refusal_, refusal_detail_);
    co_return persistence_after_answer();
  }
  if (!route_->policies.empty() && co_await consult_policies()) co_return persistence_after_answer();
  if (!route_->upstream) {
    co_await refuse(500, "no_upstream");
    co_return persistence_after_answer();
  }
  co_return co_await forward();
}

// A body that nobody has read leaves the connection at an unknown place.
Persistence Exchange::persistence_after_answer() {
  if (!request_.keep_alive || close_client_ || request_.body.kind != BodyKind::kNone)
    return Persistence::kClose;
  client_.input.begin += head_size_;
  return Persistence::kKeepAlive;
}

// The request side of the chain. True when a policy has answered.
Task<bool> Exchange::consult_policies() {
  context_.client_address = client_.peer_text();
  context_.host = host_;
  context_.path = path_;
  context_.route = route_->name;
  context_.request_id = request_id_;
  for (const policy::PolicyPointer& one : route_->policies) {
    ++policies_run_;
    policy::Decision decision = one->on_request(context_);
    while (decision.kind == policy::Decision::Kind::kSuspend) {
      Task<policy::Decision> later = std::move(decision.later);
      decision = co_await later;
    }
    if (decision.kind == policy::Decision::Kind::kContinue) continue;
    if (decision.kind == policy::Decision::Kind::kAnswer) {
      ended_ = "answered_by_policy";
      co_await answer(decision.text);
    } else {
      co_await refuse(decision.status, decision.text);
    }
    co_return true;
  }
  co_return false;
}

// The response side, in reverse, for the policies that saw the request.
void Exchange::finish_policies() {
  while (policies_run_ > 0) route_->policies[--policies_run_]->on_response(context_);
}

// Reads until the head is complete. On false there is a refusal to send, or nobody to send it to.
Task<bool> Exchange::read_head() {
  http::h1::RequestParser parser(settings_.head_limits);
  InputBuffer& input = client_.input;
  // RFC 9112 section 2.2: tolerate an empty line before the request line.
  while (input.content().starts_with("\r\n")) input.begin += 2;
  const auto deadline = worker_.loop().now() + settings_.head_timeout;
  for (;;) {
    const ParseState state = parser.parse(input.content(), request_);
    if (state == ParseState::kDone) break;
    if (state == ParseState::kFailed) {
      refusal_ = http::h1::status_for(parser.error());
      refusal_detail_ = http::h1::to_string(parser.error());
      co_return false;
    }
    if (input.end == input.block.capacity()) {
      // No room: move to a larger block. The parser follows.
      Block larger = Block::take(input.block.capacity() * 2);
      std::memcpy(larger.data(), input.block.data() + input.begin, input.end - input.begin);
      input.end -= input.begin;
      input.begin = 0;
      input.block = std::move(larger);
    }
    const auto left = std::chrono::ceil<Milliseconds>(deadline - worker_.loop().now());
    const IoResult got = co_await client_.stream.read(
        input.block.data() + input.end, input.block.capacity() - input.end, std::max(left, Milliseconds(0)));
    if (got.error == ETIMEDOUT) {
      refusal_ = 408;
      refusal_detail_ = "head_timeout";
    }
    if (!got.ok() || got.bytes == 0) co_return false;
    input.end += got.bytes;
  }
  head_size_ = parser.head_size();
  if (worker_.logging()) head_received_ = Clock::now();
  co_return true;
}

void Exchange::choose_request_id() {
  const http::Field* given = request_.fields.find(FieldId::kXRequestId);
  if (given != nullptr && !given->value.empty() && given->value.size() <= 128) {
    request_id_ = given->value;
    return;
  }
  char* text = arena_.allocate(32, 1);
  static constexpr char kHex[] = "0123456789abcdef";
  for (int word = 0; word < 2; ++word) {
    uint64_t bits = worker_.random();
    for (int i = 0; i < 16; ++i, bits >>= 4) text[word * 16 + i] = kHex[bits & 15];
  }
  request_id_ = {text, 32};
}

// Canonical path, host, limits and route. On false the refusal is set.
bool Exchange::prepare() {
  const auto refusal = [this](uint16_t status, std::string_view detail) {
    refusal_ = status;
    refusal_detail_ = detail;
    return false;
  };
  if (request_.body.kind == BodyKind::kLength && settings_.body_size != 0 &&
      request_.body.length > settings_.body_size) {
    return refusal(413, "body_too_large");
  }
  const auto path = http::canonical_path(request_.path, arena_);
  if (!path) {
    close_client_ = true;
    return refusal(400, "ambiguous_path");
  }
  path_ = *path;

  std::string_view host = request_.authority;
  if (const size_t colon = host.rfind(':'); colon != std::string_view::npos && host.back() != ']') {
    host = host.substr(0, colon);
  }
  char* lower = arena_.allocate(host.size(), 1);
  for (size_t i = 0; i < host.size(); ++i) lower[i] = ascii_lower(host[i]);
  host_ = {lower, host.size()};

  const Snapshot& snapshot = *snapshot_->snapshot;
  routing::MatchResult match = snapshot.table.match(host_, path_, request_.method);
  if (match.outcome == routing::MatchOutcome::kMethodNotAllowed && request_.method == "OPTIONS") {
    // A CORS preflight asks on behalf of another method; the route of that method may answer it.
    const std::string_view wanted = request_.fields.value_of("access-control-request-method");
    const routing::MatchResult other = snapshot.table.match(host_, path_, wanted);
    if (!wanted.empty() && other.outcome == routing::MatchOutcome::kMatched &&
        snapshot.routes[other.route].answers_preflight) {
      match = other;
    }
  }
  switch (match.outcome) {
    case routing::MatchOutcome::kMatched: break;
    case routing::MatchOutcome::kNoRoute: return refusal(404, "no_route");
    case routing::MatchOutcome::kMethodNotAllowed: {
      std::string list;
      for (const std::string& method : snapshot.table.allowed_methods(host_, path_)) {
        list += (list.empty() ? "" : ", ") + method;
      }
      allow_ = arena_.copy(list);
      return refusal(405, "method_not_allowed");
    }
  }
  route_ = &snapshot.routes[match.route];
  const std::string& strip = route_->strip_prefix;
  if (!strip.empty() && path_.starts_with(strip)) {
    const std::string_view rest = path_.substr(strip.size());
    if (rest.empty()) {
      path_ = "/";
    } else if (rest[0] == '/') {
      path_ = rest;
    } else if (strip.back() == '/') {
      path_ = {rest.data() - 1, rest.size() + 1};
    }
  }
  return true;
}

// Safe to send twice: the method is idempotent (RFC 9110 section 9.2.2) and there is no body to replay.
bool Exchange::may_repeat() const {
  if (request_.body.kind != BodyKind::kNone) return false;
  for (const std::string_view method : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"}) {
    if (request_.method == method) return true;
  }
  return false;
}

// Asks targets until one answers or it would be wrong to go on.
Task<Persistence> Exchange::forward() {
  upstream::Upstream& upstream = *snapshot_->upstreams[*route_->upstream];
  uint64_t tried = 0;
  TryOutcome outcome = TryOutcome::kConnectFailed;
  bool fresh = false;
  upstream::Target* target = nullptr;
  for (size_t tries = 0; tries <= upstream.target_count(); ++tries) {
    // A pooled connection may have been closed as we wrote to it: the same target, on a new one.
    if (!fresh) target = &upstream.pick(tried);
    tried |= upstream.bit_of(*target);
    target_ = target;
    ++tries_;
    ++target->in_flight;
    outcome = co_await try_target(upstream, *target, fresh);
    --target->in_flight;
    note_try(*target, outcome);
    if (outcome == TryOutcome::kAnswered) {
      target->note_success();
      break;
    }
    fresh = outcome == TryOutcome::kStaleConnection;
    if (fresh) continue;
    target->note_failure();
    if (outcome != TryOutcome::kConnectFailed) break;
    if (tries + 1 >= upstream.target_count()) break;
  }
  if (outcome != TryOutcome::kAnswered && !answered_) {
    if (upload_result_.outcome == RelayOutcome::kSourceTooLarge) {
      co_await refuse(413, "body_too_large");
    } else if (upload_result_.outcome == RelayOutcome::kSourceMalformed) {
      co_await refuse(400, "bad_chunk");
    } else if (upload_result_.error == ETIMEDOUT && upload_result_.outcome == RelayOutcome::kSourceFailed) {
      co_await refuse(408, "body_timeout");
    } else if (upload_result_.outcome == RelayOutcome::kSourceClosed ||
               upload_result_.outcome == RelayOutcome::kSourceFailed) {
      co_return Persistence::kClose;  // the client is gone
    } else if (outcome == TryOutcome::kTimedOut) {
      co_await refuse(504, "response_timeout");
    } else {
      co_await refuse(502, outcome == TryOutcome::kConnectFailed ? "connect_failed" : "upstream_failed");
    }
    co_return request_.keep_alive && !close_client_ && request_.body.kind == BodyKind::kNone
        ? (client_.input.begin += head_size_, Persistence::kKeepAlive)
        : Persistence::kClose;
  }
  co_return outcome == TryOutcome::kAnswered&& request_.keep_alive && !close_client_ ? Persistence::kKeepAlive
                                                                                     : Persistence::kClose;
}

void Exchange::note_try(const upstream::Target& target, TryOutcome outcome) {
  using telemetry::TryResult;
  TryResult result = TryResult::kFailed;
  if (outcome == TryOutcome::kAnswered) result = TryResult::kAnswered;
  if (outcome == TryOutcome::kConnectFailed) result = TryResult::kConnectFailed;
  if (outcome == TryOutcome::kTimedOut) result = TryResult::kTimedOut;
  target.definition().metrics[worker_.index()]->tries[static_cast<size_t>(result)].add();
}

Task<Exchange::TryOutcome> Exchange::try_target(upstream::Upstream& upstream, upstream::Target& target,
                                                bool fresh) {
  std::unique_ptr<upstream::Connection> connection = fresh ? target.make_fresh() : target.take();
  if (!connection->stream.is_open()) {
    const IoResult connected = co_await connection->stream.connect(target.definition().address,
                                                                   upstream.definition().connect_timeout);
    if (!connected.ok()) co_return TryOutcome::kConnectFailed;
    target.definition().metrics[worker_.index()]->connections.add();
  }

  HeadWriter head(head_size_ + 1024);
  write_request_head(head);
  BodySource body{.stream = client_.stream,
                  .framing = request_.body,
                  .received = client_.input.content().substr(head_size_),
                  .timeout = settings_.body_timeout,
                  .limit = context_.body_limit};
  upload_result_ = {};
  TaskGroup upload;
  if (request_.body.kind == BodyKind::kNone) {
    const RelayResult sent = co_await relay_message(
        head.text(), body, {connection->stream, BodyKind::kNone, settings_.send_timeout});
    if (sent.outcome != RelayOutcome::kComplete) {
      co_return connection->reused() && may_repeat() ? TryOutcome::kStaleConnection : TryOutcome::kFailed;
    }
  } else {
    // The body flows while we already listen: the target may answer before it has read it all.
    upload_done_ = false;
    upload.spawn(upload_body(head.text(), body, *connection));
  }
  const TryOutcome outcome = co_await receive_response(connection, body, upload);
  request_bytes_ = body.bytes;
  if (outcome != TryOutcome::kAnswered) co_return outcome;
  if (!upload_done_ || !body.complete) {
    close_client_ = true;  // the rest of the request is still on its way
  } else {
    keep_rest(body);
  }
  co_return outcome;
}

Task<void> Exchange::upload_body(std::string_view head, BodySource& body, upstream::Connection& connection) {
  upload_result_ =
      co_await relay_message(head, body, {connection.stream, request_.body.kind, settings_.send_timeout});
  upload_done_ = true;
  // A target that stops reading may have answered already; only the client's failures end the exchange.
  const bool client_failed = upload_result_.outcome != RelayOutcome::kComplete &&
                             upload_result_.outcome != RelayOutcome::kSinkFailed;
  if (client_failed) connection.stream.cancel();
}

// Moves what the client sent beyond this request to where the next exchange looks for it.
void Exchange::keep_rest(const BodySource& body) {
  InputBuffer& input = client_.input;
  const char* begin = input.block.data();
  if (body.rest.empty()) {
    input.begin = input.end = 0;
  } else if (body.rest.data() >= begin && body.rest.data() < begin + input.block.capacity()) {
    input.begin = static_cast<size_t>(body.rest.data() - begin);
  } else {
    Block block = Block::take(std::max(body.rest.size(), Block::kMedium));
    std::memcpy(block.data(), body.rest.data(), body.rest.size());
    input.block = std::move(block);
    input.begin = 0;
    input.end = body.rest.size();
  }
}

Task<Exchange::TryOutcome> Exchange::receive_response(std::unique_ptr<upstream::Connection>& connection,
                                                      BodySource& body, TaskGroup& upload) {
  const upstream::UpstreamDefinition& upstream = snapshot_->upstreams[*route_->upstream]->definition();
  InputBuffer input;
  static constexpr http::h1::HeadLimits kLimits{
      .head_size = 64 * 1024, .field_count = 112, .target_length = 0};
  bool received_any = false;
  for (;;) {  // once for each interim response, then the final one
    response_ = {};
    http::h1::ResponseParser parser(kLimits);
    for (;;) {
      const ParseState state = parser.parse(input.content(), request_.method, response_);
      if (state == ParseState::kDone) break;
      if (state == ParseState::kFailed) co_return TryOutcome::kFailed;
      // While the request is still being sent, the response may take as long as that does.
      const Milliseconds patience =
          upload_done_ ? upstream.response_timeout : upstream.response_timeout + settings_.body_timeout;
      if (!input.block) {
        // A waiting exchange holds no buffer, so it can afford a large one once something has come.
        const IoResult ready = co_await connection->stream.readable(patience);
        if (ready.error == ETIMEDOUT) co_return TryOutcome::kTimedOut;
        if (!ready.ok()) co_return TryOutcome::kFailed;
        input.block = Block::take(Block::kHuge);
      }
      if (input.end == input.block.capacity()) {
        Block larger = Block::take(input.block.capacity() * 2);
        std::memcpy(larger.data(), input.block.data() + input.begin, input.end - input.begin);
        input.end -= input.begin;
        input.begin = 0;
        input.block = std::move(larger);
      }
      const IoResult got = co_await connection->stream.read(input.block.data() + input.end,
                                                            input.block.capacity() - input.end, patience);
      if (got.error == ETIMEDOUT) co_return TryOutcome::kTimedOut;
      if (!got.ok() || got.bytes == 0) {
        co_return !received_any && connection->reused() && may_repeat() ? TryOutcome::kStaleConnection
                                                                        : TryOutcome::kFailed;
      }
      received_any = true;
      input.end += got.bytes;
    }
    input.begin += parser.head_size();
    if (response_.status >= 200) {
      if (worker_.logging()) response_received_ = Clock::now();
      break;
    }
    if (response_.status == 101) {
      if (!request_.wants_upgrade) co_return TryOutcome::kFailed;
      HeadWriter head(parser.head_size() + 512);
      write_response_head(head, BodyKind::kNone);
      iovec piece{const_cast<char*>(head.text().data()), head.text().size()};
      answered_ = true;
      const IoResult written = co_await client_.stream.write(std::span(&piece, 1), settings_.send_timeout);
      if (written.ok())
        co_await tunnel(*connection, input.content(), client_.input.content().substr(head_size_));
      close_client_ = true;
      ended_ = "tunnel_closed";
      co_return TryOutcome::kAnswered;
    }
    if (request_.version == http::Version::kHttp11) {
      HeadWriter head(parser.head_size() + 512);
      write_response_head(head, BodyKind::kNone);
      iovec piece{const_cast<char*>(head.text().data()), head.text().size()};
      const IoResult written = co_await client_.stream.write(std::span(&piece, 1), settings_.send_timeout);
      if (!written.ok()) co_return TryOutcome::kFailed;
    }
  }

  BodyKind kind = response_.body.kind;
  if (kind == BodyKind::kUntilClose || kind == BodyKind::kChunked) {
    kind = request_.version == http::Version::kHttp11 ? BodyKind::kChunked : BodyKind::kUntilClose;
  }
  if (kind == BodyKind::kUntilClose || !upload_done_ || worker_.draining()) close_client_ = true;
  finish_policies();
  HeadWriter head(input.begin + kMostCopied + 512);
  write_response_head(head, kind);
  BodySource source{.stream = connection->stream,
                    .framing = response_.body,
                    .received = input.content(),
                    .timeout = upstream.response_timeout};
  if (source.framing.kind == BodyKind::kLength && source.framing.length <= kMostCopied &&
      source.framing.length <= source.received.size()) {
    // A small body that is here whole: copying it behind the head costs less than a gathered write.
    head.write(source.received.substr(0, source.framing.length));
    source.received.remove_prefix(source.framing.length);
    source.bytes = source.framing.length;
    source.framing = {};
  }
  answered_ = true;
  const RelayResult sent =
      co_await relay_message(head.text(), source, {client_.stream, kind, settings_.send_timeout});
  response_bytes_ = source.bytes;
  if (sent.outcome != RelayOutcome::kComplete) {
    // The client must not take a broken body for a whole one: a reset says so even for HTTP/1.0.
    if (sent.outcome == RelayOutcome::kSinkFailed) {
      ended_ = sent.error == ETIMEDOUT ? "send_timeout" : "client_closed";
    } else {
      ended_ = sent.error == ETIMEDOUT ? "upstream_timeout" : "upstream_closed";
      client_.stream.reset_on_close();
    }
    close_client_ = true;
    client_.stream.close();
    co_return TryOutcome::kAnswered;
  }
  ended_ = "complete";
  const bool reusable = response_.keep_alive && source.rest.empty() && upload_done_ && body.complete;
  upload.clear();
  if (reusable) {
    upstream::Target& target = connection->target();
    target.give_back(std::move(connection));
  }
  co_return TryOutcome::kAnswered;
}

Task<void> Exchange::tunnel(upstream::Connection& connection, std::string_view from_target,
                            std::string_view from_client) {
  static constexpr Milliseconds kTunnelIdle{3'600'000};
  struct Half {
    static Task<void> run(std::string_view first, Stream& from, Stream& to) {
      const RelayResult result = co_await relay_raw(first, from, to, kTunnelIdle);
      if (result.outcome != RelayOutcome::kComplete) {
        from.cancel();
        to.cancel();
      }
    }
  };
  TaskGroup halves;
  halves.spawn(Half::run(from_client, client_.stream, connection.stream));
  halves.spawn(Half::run(from_target, connection.stream, client_.stream));
  co_await halves.join();
}

}  // namespace portcullis::proxy
