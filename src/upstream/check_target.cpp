#include <cerrno>
#include <cstring>

#include "http/grpc.h"
#include "http/h1/client_stream.h"
#include "http/h2/client_stream.h"
#include "http/message_body.h"
#include "http/read_body.h"
#include "http/read_head.h"
#include "runtime/deadline.h"
#include "upstream/check_answer.h"
#include "upstream/health_checks.h"
#include "upstream/http2_pool.h"
#include "upstream/target.h"

namespace portcullis::upstream {
namespace {

using http::HeadState;

constexpr size_t kMaxHead = 64 * 1024;
constexpr size_t kMaxBody = 64 * 1024;  // the max number of bytes of the body that are read

std::string words(int error) {
  if (error == ETIMEDOUT) return "no answer in time";
  return error == 0 ? "it closed the connection" : std::strerror(error);
}

// The message for a response whose head could not be read.
std::string words(HeadState state, const http::ClientStream& message, bool is_http2) {
  switch (state) {
    case HeadState::kTimedOut: return words(ETIMEDOUT);
    case HeadState::kMalformed: return "its answer is not HTTP";
    case HeadState::kRefused: return "it refused the request";
    default: return is_http2 ? "it does not answer by HTTP/2" : words(message.end_error());
  }
}

// The message for a response whose body has failed.
std::string words(const http::BodyFailure& failure) {
  switch (failure.kind) {
    case http::BodyFailure::Kind::kFailed: return words(failure.error);
    case http::BodyFailure::Kind::kMalformed: return "its answer is not HTTP";
    default: return "it ended its answer early";
  }
}

// One check: opens a connection, and sends a request unless the check is for TCP only.
class Check {
 public:
  Check(EventLoop& loop, const UpstreamDefinition& upstream, const SocketAddress& place,
        const std::string& name)
      : loop_(loop), upstream_(upstream), place_(place), name_(name) {}

  // Runs the check. The result is "" when the target has passed, otherwise the reason.
  Task<std::string> run();

 private:
  Milliseconds time_left() { return time_until(deadline_, loop_); }
  Task<std::string> connect(Stream& socket);
  std::unique_ptr<http::ClientStream> open_message();
  Task<std::string> ask(http::ClientStream& message, CheckAnswer& answer);
  Task<std::string> read_body(http::ClientStream& message, const http::ResponseHead& head,
                              CheckAnswer& answer);

  EventLoop& loop_;
  const UpstreamDefinition& upstream_;
  const SocketAddress place_;
  const std::string& name_;
  const HealthCheck& check_ = upstream_.health_check;
  const Clock::time_point deadline_ = loop_.now() + check_.timeout;
  bool is_late_ = false;  // the deadline has passed while the answer was read
  bool is_http2_ = false;
  const http::h1::HeadLimits limits_{.head_size = kMaxHead,
                                     .field_count = http::Fields::kCapacity,
                                     .target_length = 0,
                                     .lenient = upstream_.response_limits.lenient};
  // For HTTP/2: owns the connection; `stream_` is one of its streams.
  Http2Pool shared_{loop_, check_.timeout, upstream_.http2, limits_, nullptr};
  Stream stream_{loop_};
};

Task<std::string> Check::run() {
  auto connection = std::make_unique<Http2Connection>(loop_);
  Task<std::string> connecting = connect(connection->socket);
  std::string why = co_await connecting;
  if (!why.empty() || upstream_.check_kind == CheckKind::kTcp) co_return why;
  const bool grpc = upstream_.check_kind == CheckKind::kGrpc;
  std::unique_ptr<http::ClientStream> message;
  if (speaks_http2(upstream_, connection->socket)) {
    is_http2_ = true;
    shared_.add(std::move(connection));
    bool reused = false;
    std::unique_ptr<http::h2::Channel> made = shared_.open(reused);
    if (!made) co_return words(0);
    http::h2::Channel& channel = *made;
    channel.attach(stream_);
    stream_.set_channel(std::move(made));
    message = std::make_unique<http::h2::ClientMessageStream>(stream_, channel, limits_);
  } else if (grpc) {
    co_return "it does not speak HTTP/2";
  } else {
    stream_.take_over(connection->socket);
    message = std::make_unique<http::h1::ClientMessageStream>(stream_, limits_);
  }
  CheckAnswer answer;
  // The deadline also ends an answer that arrives slowly or never ends.
  const Deadline limit(loop_, time_left(), [this] {
    is_late_ = true;
    stream_.cancel();
  });
  Task<std::string> asking = ask(*message, answer);
  why = co_await asking;
  if (is_late_) co_return words(ETIMEDOUT);
  if (!why.empty()) co_return why;
  co_return grpc ? judge_grpc(answer) : judge(check_, answer);
}

Task<std::string> Check::connect(Stream& socket) {
  const IoResult connected = co_await socket.connect(place_, time_left());
  if (!connected.ok())
    co_return connected.error == ETIMEDOUT ? "no connection in time" : std::strerror(connected.error);
  if (!upstream_.tls) co_return "";
  auto made = upstream_.tls->make_session(upstream_.server_name.empty() ? name_ : upstream_.server_name,
                                          nullptr, nullptr);
  if (!made) co_return "out of memory";
  tls::Session& session = *made;
  socket.set_codec(std::move(made));
  const tls::HandshakeResult shaken = co_await session.handshake(socket, nullptr, time_left());
  co_return shaken.ok ? "" : "TLS: " + (shaken.timed_out ? words(ETIMEDOUT) : shaken.failure);
}

// Sends the request, and reads the answer.
Task<std::string> Check::ask(http::ClientStream& message, CheckAnswer& answer) {
  const bool grpc = upstream_.check_kind == CheckKind::kGrpc;
  std::string host = check_.host;
  if (host.empty()) host = place_.is_unix() ? "localhost" : place_.to_string();
  http::RequestHead asked;
  asked.method = grpc ? std::string_view("POST") : check_.method;
  const std::string body = grpc ? grpc_health_request(check_.grpc.service) : "";
  if (grpc) asked.body.kind = http::BodyKind::kStream;
  const auto fields = [grpc](http::HeadWriter& out) {
    out.field("user-agent", "portcullis-health-check");
    out.field(grpc ? "content-type" : "accept", grpc ? "application/grpc" : "*/*");
  };
  const http::RequestToSend request{.head = asked,
                                    .scheme = upstream_.tls ? "https" : "http",
                                    .authority = host,
                                    .path = grpc ? std::string_view(kGrpcHealthPath) : check_.path,
                                    .takes_trailers = grpc,
                                    .is_last = true,
                                    .fields = fields};
  Task<IoResult> sending = message.send_whole(request, body, time_left());
  const IoResult sent = co_await sending;
  if (!sent.ok()) co_return words(sent.error);
  http::ResponseHead head;
  Task<HeadState> reading = http::read_final_head(message, asked.method, deadline_, head);
  const HeadState state = co_await reading;
  if (state != HeadState::kComplete) co_return words(state, message, is_http2_);
  answer.status = head.status;
  answer.grpc_status = head.fields.value_of("grpc-status");
  Task<std::string> completing = read_body(message, head, answer);
  co_return co_await completing;
}

Task<std::string> Check::read_body(http::ClientStream& message, const http::ResponseHead& head,
                                   CheckAnswer& answer) {
  http::MessageBody body(message, message.received(),
                         {.framing = head.body,
                          .timeout = time_left(),
                          .chunks = {.lenient = limits_.lenient},
                          .block_size = Block::kLarge});
  bool ended = false;
  while (!ended && answer.body.size() < kMaxBody) {
    Task<bool> reading = http::collect_body(body, answer.body, http::ReadUntil::kSomething, ended);
    if (!co_await reading) co_return words(body.failure());
  }
  if (answer.grpc_status.empty()) answer.grpc_status = http::find_in_lines(message.trailers(), "grpc-status");
  co_return "";
}

}  // namespace

Task<std::string> check_target(EventLoop& loop, const UpstreamDefinition& upstream,
                               const SocketAddress& address, const std::string& name) {
  SocketAddress place = address;
  if (upstream.health_check.port != 0) place.set_port(upstream.health_check.port);
  Check check(loop, upstream, place, name);
  Task<std::string> running = check.run();
  co_return co_await running;
}

}  // namespace portcullis::upstream
