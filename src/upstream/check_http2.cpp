#include "upstream/check_http2.h"

#include <cerrno>
#include <cstring>

#include "http/grpc.h"
#include "http/h2/session.h"

namespace portcullis::upstream {

using http::h2::Channel;
using http::h2::Session;

namespace {

constexpr size_t kMaxHttp2Answer = 64 * 1024;

// A gRPC message (with a prefix of five bytes) that holds a HealthCheckRequest: field 1 is the service's
// name.
std::string health_request(const std::string& service) {
  std::string message;
  if (!service.empty()) {
    message += '\x0a';
    message += static_cast<char>(service.size());  // the configuration limits the name to 127 bytes
    message += service;
  }
  std::string out(4, '\0');
  out += static_cast<char>(message.size());
  return out + message;
}

// The status in field 1 of HealthCheckResponse; 0 when the field is missing.
int serving_status(const std::string& body) {
  using http::kGrpcPrefix;
  constexpr char kStatus = '\x08';
  if (body.size() < kGrpcPrefix + 2 || body[0] != 0 || body[kGrpcPrefix] != kStatus) return 0;
  return body[kGrpcPrefix + 1];
}

// Reads the part of the answer that has arrived; true when the answer is complete.
bool take_answer(Channel& channel, Stream& stream, Http2Answer& answer) {
  while (channel.has_head()) {
    const std::unique_ptr<http::h2::Head> head = channel.take_head();
    answer.status = head->status;
    answer.grpc_status = head->fields.value_of("grpc-status");
  }
  char buffer[4096];
  IoResult got;
  while ((got = stream.try_read(buffer, sizeof buffer)).ok() && got.bytes > 0)
    answer.body.append(buffer, got.bytes);
  if (answer.status < 200 || (!channel.at_end() && answer.body.size() < kMaxHttp2Answer)) return false;
  if (answer.grpc_status.empty()) answer.grpc_status = http::find_in_lines(channel.trailers(), "grpc-status");
  return true;
}

}  // namespace

Task<std::string> ask_http2(Stream& socket, const HealthCheck& check, std::string_view scheme,
                            const std::string& host, Clock::time_point deadline, Http2Answer& answer) {
  Session session(socket, Session::Side::kClient, {});
  Stream stream(socket.loop());
  std::unique_ptr<Channel> made = session.open();
  Channel& channel = *made;
  channel.attach(stream);
  stream.set_channel(std::move(made));
  const bool grpc = check.kind == HealthCheck::Kind::kGrpc;
  http::h2::FieldBlock head;
  head.field(":method", grpc ? std::string_view("POST") : check.method);
  head.field(":scheme", scheme);
  head.field(":authority", host);
  head.field(":path", grpc ? std::string_view("/grpc.health.v1.Health/Check") : check.path);
  head.field("user-agent", "portcullis-health-check");
  if (grpc) {
    head.field("content-type", "application/grpc");
    head.field("te", "trailers");
  }
  channel.send_head(head, !grpc);
  if (grpc) {
    std::string body = health_request(check.grpc_service);
    iovec piece{body.data(), body.size()};
    channel.end_after_write({});
    const IoResult sent = co_await stream.write(std::span(&piece, 1), time_until(deadline, socket.loop()));
    if (!sent.ok()) co_return "no answer in time";
  }
  const Block block = Block::take(Block::kMedium);
  for (;;) {
    session.send_now();
    const IoResult got =
        co_await socket.read(block.data(), block.capacity(), time_until(deadline, socket.loop()));
    if (got.error == ETIMEDOUT) co_return "no answer in time";
    if (!got.ok()) co_return std::strerror(got.error);
    if (got.bytes == 0) co_return "it closed the connection";
    const bool goes_on = session.receive({block.data(), got.bytes});
    if (take_answer(channel, stream, answer)) co_return "";
    if (!goes_on) co_return "its answer is not HTTP/2";
    if (channel.is_broken()) co_return "it ended its answer early";
  }
}

std::string judge_grpc(const Http2Answer& answer) {
  if (answer.status != 200) return "it answered " + std::to_string(answer.status);
  if (answer.grpc_status != "0") return "its gRPC status is " + answer.grpc_status;
  constexpr int kServing = 1;
  const int status = serving_status(answer.body);
  return status == kServing ? "" : "it is not serving: " + std::to_string(status);
}

}  // namespace portcullis::upstream
