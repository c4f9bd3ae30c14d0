#include "proxy/mirror.h"

#include <vector>

#include "http/h2/request.h"
#include "http/method.h"
#include "proxy/head_writer.h"
#include "proxy/worker.h"

namespace portcullis::proxy {
namespace {

using http::h1::ParseState;

// One copy on its way to one upstream.
class Copy {
 public:
  Copy(Worker& worker, const MirroredRequest& request, upstream::Upstream& upstream)
      : worker_(worker),
        request_(request),
        upstream_(upstream),
        deadline_(worker.loop().now() + upstream.definition().response_timeout) {}

  // False when there was no answer.
  Task<bool> run() {
    upstream::Target* const target = upstream_.pick(0, {0, upstream_.random()});
    if (target == nullptr) co_return false;
    const auto place = upstream_.take(upstream::Load::kRequests);
    if (!place) co_return false;
    const upstream::InFlight in_flight(*target);
    std::unique_ptr<upstream::Connection> connection = target->take();
    for (;;) {
      if (!connection->stream.is_open()) {
        Connector connector(worker_.loop(), worker_.index(), deadline_, request_.introduction);
        Task<ConnectOutcome> connecting = connector.connect(upstream_, *target, connection);
        const ConnectOutcome connected = co_await connecting;
        if (connected == ConnectOutcome::kFailed) target->note_failure();
        if (connected != ConnectOutcome::kConnected) co_return false;
      }
      Task<bool> exchanging = exchange(*connection);
      if (co_await exchanging) break;
      if (!connection->reused() || patience().count() == 0) {
        target->note_failure();
        co_return false;
      }
      connection = target->make_fresh();  // the pooled one may have been closed meanwhile
    }
    target->note_success(worker_.loop().now() - started_);
    if (reusable_) target->give_back(std::move(connection));
    co_return true;
  }

 private:
  Milliseconds patience() const { return time_until(deadline_, worker_.loop()); }

  Task<bool> exchange(upstream::Connection& connection) {
    if (!co_await send(connection)) co_return false;
    http::ResponseHead response;
    InputBuffer input;
    do {
      response = {};
      Task<bool> reading = connection.channel != nullptr ? read_http2_head(connection, response)
                                                         : read_http1_head(connection, input, response);
      if (!co_await reading) co_return false;
    } while (response.status < 200);
    BodySource body{.stream = connection.stream,
                    .framing = response.body,
                    .received = input.content(),
                    .timeout = patience(),
                    .chunks = {.lenient = upstream_.definition().response_limits.lenient},
                    .channel = connection.channel};
    const RelayResult dropped = co_await discard_message(body);
    reusable_ = response.keep_alive && body.rest.empty();
    co_return dropped.outcome == RelayOutcome::kComplete;
  }

  Task<bool> send(upstream::Connection& connection) {
    const std::string& body = request_.body.text;
    HeadWriter head(request_.fields.size() + request_.target.size() + 512);
    std::vector<iovec> pieces;
    if (connection.channel != nullptr) {
      http::h2::FieldBlock block;
      block.field(":method", request_.method);
      block.field(":scheme", connection.target().upstream().tls ? "https" : "http");
      block.field(":authority", request_.authority);
      block.field(":path", request_.target);
      block.lines(request_.fields);
      const IoResult room = co_await connection.stream.writable(patience());
      if (!room.ok() || !connection.channel->send_head(block, body.empty())) co_return false;
      if (body.empty()) co_return true;
      connection.channel->end_after_write({});
    } else {
      head.write(request_.method, " ", request_.target, " HTTP/1.1\r\n");
      head.field("host", request_.authority);
      head.write(request_.fields);
      if (!request_.has_length && (!body.empty() || http::expects_content(request_.method)))
        head.field("content-length", std::to_string(body.size()));
      head.write("\r\n");
      pieces.push_back(head.piece());
    }
    if (!body.empty()) pieces.push_back({const_cast<char*>(body.data()), body.size()});
    const IoResult sent = co_await connection.stream.write(std::span(pieces), patience());
    co_return sent.ok();
  }

  Task<bool> read_http1_head(upstream::Connection& connection, InputBuffer& input, http::ResponseHead& out) {
    http::h1::ResponseParser parser(upstream_.definition().response_limits);
    if (!input.block) input.block = Block::take(Block::kLarge);
    for (;;) {
      const ParseState state = parser.parse(input.content(), request_.method, out);
      if (state == ParseState::kDone) break;
      if (state == ParseState::kFailed) co_return false;
      const std::span<char> room = input.room();
      const IoResult got = co_await connection.stream.read(room.data(), room.size(), patience());
      if (!got.ok() || got.bytes == 0) co_return false;
      input.end += got.bytes;
    }
    input.begin += parser.head_size();
    co_return true;
  }

  Task<bool> read_http2_head(upstream::Connection& connection, http::ResponseHead& out) {
    while (!connection.channel->has_head()) {
      if (connection.channel->is_broken() || connection.channel->at_end()) co_return false;
      const IoResult ready = co_await connection.stream.readable(patience());
      if (!ready.ok()) co_return false;
    }
    const std::unique_ptr<http::h2::Head> head = connection.channel->take_head();
    const http::h1::HeadLimits& limits = upstream_.definition().response_limits;
    co_return http::h2::read_response(*head, limits, request_.method, out) == http::h1::ParseError::kNone;
  }

  Worker& worker_;
  const MirroredRequest& request_;
  upstream::Upstream& upstream_;
  const Clock::time_point started_ = worker_.loop().now();
  const Clock::time_point deadline_;
  bool reusable_ = false;
};

}  // namespace

Task<void> send_mirrored(Worker& worker, std::shared_ptr<const MirroredRequest> request,
                         const policy::MirrorTo* to) {
  // One of those on their way, however it ends.
  struct Place {
    std::atomic<uint32_t>& on_their_way;
    ~Place() { on_their_way.fetch_sub(1, std::memory_order_relaxed); }
  };
  const bool fits = request->body.text.size() <= to->body_size;
  const bool has_place = to->on_their_way->fetch_add(1, std::memory_order_relaxed) < to->most;
  const Place place{*to->on_their_way};
  if (!has_place || !fits) {
    to->dropped.add(worker.index());
    co_return;
  }
  Copy copy(worker, *request, *request->snapshot->upstreams[to->upstream]);
  Task<bool> running = copy.run();
  const bool answered = co_await running;
  (answered ? to->answered : to->failed).add(worker.index());
}

}  // namespace portcullis::proxy
