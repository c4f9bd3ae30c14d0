#include "proxy/mirror.h"

#include <algorithm>

#include "http/message_body.h"
#include "http/read_body.h"
#include "http/read_head.h"
#include "proxy/exchange_state.h"
#include "proxy/request_fields.h"
#include "runtime/deadline.h"

namespace portcullis::proxy {
namespace {

// Sends one copy to one upstream.
class Copy {
 public:
  Copy(WorkerContext& worker, const MirroredRequest& request, upstream::Upstream& upstream)
      : worker_(worker),
        request_(request),
        upstream_(upstream),
        deadline_(worker.loop().now() + upstream.definition().timeouts.response) {}

  // Sends the copy and reads the response. False when there was no whole response.
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
      connection = target->make_fresh();  // the target may have closed the pooled connection meanwhile
    }
    target->note_success(worker_.loop().now() - started_);
    if (reusable_) target->give_back(std::move(connection));
    co_return true;
  }

 private:
  Milliseconds patience() const { return time_until(deadline_, worker_.loop()); }

  Task<bool> exchange(upstream::Connection& connection) {
    const std::unique_ptr<http::ClientStream> message = connection.open_message();
    const auto fields = [this](http::HeadWriter& out) { out.write(request_.fields); };
    const http::RequestToSend request{.head = request_.head,
                                      .scheme = upstream_.definition().tls ? "https" : "http",
                                      .authority = request_.authority,
                                      .path = request_.path,
                                      .expected_size = request_.fields.size() + request_.path.size() + 512,
                                      .fields = fields};
    Task<IoResult> sending = message->send_whole(request, request_.body.text, patience());
    const IoResult sent = co_await sending;
    if (!sent.ok()) co_return false;
    // The deadline also ends a response that arrives slowly or never ends.
    const Deadline limit(worker_.loop(), patience(), [&connection] { connection.stream.cancel(); });
    http::ResponseHead response;
    Task<http::HeadState> reading = http::read_final_head(*message, request_.method, deadline_, response);
    if (co_await reading != http::HeadState::kComplete) co_return false;
    http::MessageBody body(
        *message, message->received(),
        http::MessageBody::Settings{.framing = response.body,
                                    .timeout = patience(),
                                    .chunks = {.lenient = upstream_.definition().response_limits.lenient}});
    Task<bool> discarding = http::discard_body(body);
    const bool is_whole = co_await discarding;
    reusable_ = response.keep_alive && body.rest().empty();
    co_return is_whole;
  }

  WorkerContext& worker_;
  const MirroredRequest& request_;
  upstream::Upstream& upstream_;
  const Clock::time_point started_ = worker_.loop().now();
  const Clock::time_point deadline_;
  bool reusable_ = false;
};

// Sends the copy to one upstream.
Task<void> send_mirrored(WorkerContext& worker, std::shared_ptr<const MirroredRequest> request,
                         const policy::CopyReceiver& to) {
  using Outcome = policy::CopyReceiver::Outcome;
  // Calls CopyReceiver::end() at the end of the coroutine, also when the coroutine is destroyed early.
  struct Journey {
    const policy::CopyReceiver& to;
    ~Journey() { to.end(); }
  };
  if (request->body.text.size() > to.max_body_size() || !to.begin()) {
    to.note(worker.index(), Outcome::kDropped);
    co_return;
  }
  const Journey journey{to};
  Copy copy(worker, *request, *request->snapshot->upstreams[to.upstream()]);
  Task<bool> running = copy.run();
  const bool answered = co_await running;
  to.note(worker.index(), answered ? Outcome::kAnswered : Outcome::kFailed);
}

}  // namespace

std::shared_ptr<MirroredRequest> copy_for_mirrors(ExchangeState& state) {
  const Request& request = state.request;
  if (request.head.wants_upgrade) return nullptr;
  auto copy = std::make_shared<MirroredRequest>();
  copy->method = request.head.method;
  copy->path = request.target_path;
  copy->query = request.head.query;
  copy->authority = request.authority_at_target();
  http::HeadWriter lines(state.client.message.head_size() + 1024);
  write_request_fields(lines, state, nullptr);
  lines.field("x-mirrored", "true");
  copy->fields = lines.text();
  copy->head.method = copy->method;
  copy->head.query = copy->query;
  copy->head.has_query = request.head.has_query;
  // Only the presence of the field counts, because the field lines have its value already.
  if (request.head.fields.find(http::FieldId::kContentLength) != nullptr)
    copy->head.fields.add("content-length", "", http::FieldId::kContentLength);
  copy->head.body = request.head.body;
  for (const CopyOrder* one = state.copies; one != nullptr; one = one->next) {
    copy->receivers.push_back(one->to);
    copy->body.limit = std::max<size_t>(copy->body.limit, one->to->max_body_size());
    if (state.snapshot->upstreams[one->to->upstream()]->definition().proxy_protocol !=
        upstream::ProxyProtocol::kNone)
      copy->introduction = Introduction::of(state.client.connection, request.origin.client);
  }
  copy->snapshot = state.snapshot;
  return copy;
}

void send_to_mirrors(ExchangeState& state) {
  MirroredRequest& copy = *state.mirrored;
  if (state.held_body.held()) {
    copy.body.clear();
    copy.body.add(state.held_body.content());
  }
  for (const policy::CopyReceiver* to : copy.receivers) {
    if (copy.body.too_large) {
      to->note(state.worker.index(), policy::CopyReceiver::Outcome::kDropped);
    } else {
      state.worker.spawn(send_mirrored(state.worker, state.mirrored, *to));
    }
  }
}

}  // namespace portcullis::proxy
