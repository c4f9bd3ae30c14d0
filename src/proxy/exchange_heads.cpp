// The heads that an exchange writes: the request's towards the target, the response's towards the client, and
// the gateway's own answers.

#include <cerrno>
#include <charconv>
#include <string>

#include "base/text.h"
#include "crypto/encoding.h"
#include "http/date.h"
#include "http/grpc.h"
#include "http/hop_by_hop.h"
#include "http/method.h"
#include "proxy/exchange.h"

namespace portcullis::proxy {

using http::BodyKind;
using http::FieldId;

namespace {

void write_upgrade(HeadWriter& out, const http::Fields& fields) {
  for (const http::Field& field : fields) {
    if (field.id == FieldId::kUpgrade) out.field("upgrade", field.value);
  }
}

// Three digits.
class StatusCode {
 public:
  explicit StatusCode(uint16_t status)
      : digits_{static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
                static_cast<char>('0' + status % 10)} {}
  std::string_view text() const { return {digits_, 3}; }

 private:
  char digits_[3];
};

}  // namespace

// How the request's body goes to a target that speaks HTTP/1.
BodyKind Exchange::upload_kind() const {
  if (request_.body.has_length()) return BodyKind::kLength;
  return request_.body.kind == BodyKind::kStream ? BodyKind::kChunked : request_.body.kind;
}

// The fields that are the same in all versions.
void Exchange::write_request_fields(HeadWriter& out) const {
  for (const http::Field& field : request_.fields) {
    // Written anew, above or below.
    if (field.id == FieldId::kHost || field.id == FieldId::kXRequestId || is_forwarding_field(field.id))
      continue;
    // RFC 8441 section 5: there is no key in HTTP/2.
    if (extended_connect_ && equals_ignoring_case(field.name, "sec-websocket-key")) continue;
    if (trace_ != nullptr && telemetry::carries_trace_context(field.name)) continue;
    if (!http::is_hop_by_hop(field.id)) out.field(field.name, field.value);
  }
  write_trace_fields(out);
  write_forwarding(out, settings_.forwarding, request_, client_.connection.peer_text(), origin_,
                   route_->pseudonym);
  out.field("x-request-id", request_id_);
  if (const identity::Consumer* consumer = context_.caller.consumer) {
    out.field("x-consumer-name", consumer->name);
    if (!consumer->group_list.empty()) out.field("x-consumer-groups", consumer->group_list);
    if (!context_.caller.credential.empty()) out.field("x-consumer-credential", context_.caller.credential);
  }
  if (settings_.forward_client_certificate && client_.connection.certificate() != nullptr) {
    // RFC 9440 section 2: a byte sequence of RFC 8941. Encoding it allocates; it is asked for.
    out.field("client-cert", ":",
              crypto::base64_encode(client_.connection.certificate()->encoded, crypto::Base64::kStandard),
              ":");
  }
  if (request_.body.has_length()) {
    char digits[20];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, request_.body.length);
    out.field("content-length", std::string_view(digits, static_cast<size_t>(end - digits)));
  } else if (request_.body.kind == BodyKind::kNone) {
    // An explicit zero.
    if (const http::Field* length = request_.fields.find(FieldId::kContentLength))
      out.field("content-length", length->value);
  }
}

void Exchange::write_request_head(HeadWriter& out) const {
  out.write(request_.method, " ", target_path_, std::string_view("?", request_.has_query ? 1 : 0),
            request_.query, " HTTP/1.1\r\n");
  out.field("host", route_->host.empty() ? request_.authority : std::string_view(route_->host));
  write_request_fields(out);
  if (upload_kind() == BodyKind::kChunked) out.field("transfer-encoding", "chunked");
  // Servers of HTTP/1 may refuse these methods with 411 when no length is told (RFC 9110 section 8.6).
  if (request_.body.kind == BodyKind::kNone && http::expects_content(request_.method) &&
      request_.fields.find(FieldId::kContentLength) == nullptr)
    out.field("content-length", "0");
  const bool te = takes_trailers(request_.fields);
  if (request_.wants_upgrade) write_upgrade(out, request_.fields);
  if (te) out.field("te", "trailers");
  if (te || request_.wants_upgrade) {
    out.field("connection", te ? "te" : "", te && request_.wants_upgrade ? ", " : "",
              request_.wants_upgrade ? "upgrade" : "");
  }
  out.write("\r\n");
}

// Likewise.
void Exchange::write_response_fields(HeadWriter& out, BodyKind kind) const {
  // RFC 9110 section 8.6: these never have the field. Elsewhere, without a body, the length speaks of what a
  // GET would have had, or is the explicit zero.
  const bool has_no_length = response_.status < 200 || response_.status == 204;
  const bool tells_length = !has_no_length && (kind == BodyKind::kLength || kind == BodyKind::kNone);
  bool is_dated = false;
  for (const http::Field& field : response_.fields) {
    if (field.id == FieldId::kXRequestId) continue;
    is_dated |= field.id == FieldId::kDate;
    if (field.id == FieldId::kContentLength && tells_length) {
      out.field("content-length", field.value);
      continue;
    }
    if (!http::is_hop_by_hop(field.id)) out.field(field.name, field.value);
  }
  for (const std::string_view cookie : {set_cookie_, place_cookie_}) {
    if (!cookie.empty()) out.field("set-cookie", cookie);
  }
  if (response_.status < 200) return;
  if (!is_dated) out.field("date", http::current_date());  // RFC 9110 section 6.6.1
  out.field("x-request-id", request_id_);
  if (!settings_.hsts.empty() && response_.fields.find("strict-transport-security") == nullptr)
    out.field("strict-transport-security", settings_.hsts);
}

void Exchange::write_response_head(HeadWriter& out, BodyKind kind) const {
  out.write("HTTP/1.1 ", StatusCode(response_.status).text(), " ", response_.reason, "\r\n");
  write_response_fields(out, kind);
  if (response_.status == 101) {
    write_upgrade(out, response_.fields);
    out.field("connection", "upgrade");
  } else if (response_.status >= 200) {
    if (kind == BodyKind::kChunked) out.field("transfer-encoding", "chunked");
    // HTTP/2 needs no length to say that there is nothing.
    const bool bodiless = http::has_no_content(response_.status) || request_.method == "HEAD";
    if (kind == BodyKind::kNone && response_.version == http::Version::kHttp2 && !bodiless &&
        response_.fields.find(FieldId::kContentLength) == nullptr)
      out.field("content-length", "0");
    if (response_.status == 426 && response_.fields.find(FieldId::kUpgrade) != nullptr) {
      write_upgrade(out, response_.fields);  // what to upgrade to is the answer (RFC 9110 section 15.5.22)
      out.field("connection", "upgrade");
    }
    if (!request_.keep_alive || close_client_) {
      out.field("connection", "close");
    } else if (request_.version == http::Version::kHttp10) {
      out.field("connection", "keep-alive");
    }
  }
  out.write("\r\n");
}

// The same head as a frame. `kind` as write_response_head's: kLength where the length may be told.
bool Exchange::write_http2_head(BodyKind kind, EndOfMessage end) {
  HeadWriter lines(1024);
  write_response_fields(lines, kind);
  const StatusCode status(response_.status);
  http::h2::FieldBlock head;
  head.field(":status", status.text());
  head.lines(lines.text());
  if (response_.status < 200) return client_.channel->send_interim_head(head);
  return client_.channel->send_head(head, end == EndOfMessage::kHere);
}

// Writes it once the connection has room for it.
Task<bool> Exchange::send_http2_head(BodyKind kind, EndOfMessage end) {
  const IoResult room = co_await client_.stream.writable(settings_.send_timeout);
  if (room.error == ETIMEDOUT) ended_ = &kEnds.send_timeout;
  co_return room.ok() && write_http2_head(kind, end);
}

// Sends the head of a response from a target, which its body follows at once.
Task<IoResult> Exchange::begin_http2_response(BodyKind kind) {
  const IoResult room = co_await client_.stream.writable(settings_.send_timeout);
  const bool sent = room.ok() && write_http2_head(kind, EndOfMessage::kLater);
  keep_logged_fields();  // also where the head was not sent: what it lies in goes next
  if (!room.ok()) co_return room;
  co_return IoResult{.error = sent ? 0 : ECONNRESET};
}

// Sends a head that no body follows: an interim response, or 101. `received_size`: its size as it came.
Task<bool> Exchange::send_interim_head(size_t received_size) {
  if (client_.channel != nullptr) {
    Task<bool> sending = send_http2_head(BodyKind::kNone, EndOfMessage::kLater);
    co_return co_await sending;
  }
  HeadWriter head(received_size + 512);
  write_response_head(head, BodyKind::kNone);
  co_return co_await send_text(head.text());
}

// Passes on that the target has accepted an upgrade; in HTTP/2 it is a stream that was asked for, and needs
// no key (RFC 8441 section 5.1).
Task<bool> Exchange::accept_upgrade(size_t received_size) {
  if (client_.channel == nullptr) co_return co_await send_interim_head(received_size);
  response_.status = 200;
  response_.fields.remove("sec-websocket-accept");
  Task<bool> sending = send_http2_head(BodyKind::kNone, EndOfMessage::kLater);
  co_return co_await sending;
}

Task<bool> Exchange::send_text(std::string_view text) {
  iovec piece{const_cast<char*>(text.data()), text.size()};
  co_return (co_await client_.stream.write(std::span(&piece, 1), settings_.send_timeout)).ok();
}

// The gateway's own answer.
Task<void> Exchange::refuse(const EndReason& reason) {
  return refuse_with(reason.status, reason, reason);
}

// The same where the client learns less than the log, `told`: the class of the fault only.
Task<void> Exchange::refuse_with(uint16_t status, const EndReason& reason, const EndReason& told) {
  ended_ = &reason;
  response_ = {};
  if (!allow_.empty()) response_.fields.add("allow", allow_);
  co_await send_problem(status, told.name);
}

// What cannot be served now may well be in a moment.
Task<void> Exchange::shed() {
  ended_ = &kEnds.overloaded;
  response_ = {};
  response_.fields.add("retry-after", "1");
  co_await send_problem(ended_->status, ended_->name);
}

// The same for a policy, with the fields it has set.
Task<void> Exchange::refuse(const policy::Decision& decision) {
  ended_ = decision.reason;
  co_await send_problem(decision.status, decision.text);
}

// Sends problem details (RFC 9457) with the fields that response_ has already.
Task<void> Exchange::send_problem(uint16_t status, std::string_view detail) {
  if (request_id_.empty()) choose_request_id();
  const bool parse_failure = !has_head_;
  if (parse_failure || body_pending()) close_client_ = true;
  if (const std::string_view type = grpc_type(); !type.empty()) {
    response_.status = 200;
    response_.fields.set("content-type", type);
    response_.fields.set("grpc-status", arena_.decimal(http::grpc_status_for(status)));
    response_.fields.set("grpc-message", detail);
    co_return co_await answer("");
  }
  const std::string_view code = arena_.decimal(status);
  const std::string_view title = http::reason_phrase(status);
  std::string id;
  append_json_escaped(id, request_id_);
  response_.status = status;
  response_.fields.set("content-type", "application/problem+json");
  co_await answer(arena_.concat(R"({"type":"about:blank","title":")", title, R"(","status":)", code,
                                R"(,"detail":")", detail, R"(","request_id":")", id, R"("})", "\n"));
}

// The target gets a call, from a client that speaks gRPC, or with the help of a policy.
bool Exchange::is_grpc_call() const {
  if (client_.channel == nullptr && !context_.converter) return false;
  return http::grpc_form(request_.fields.value_of("content-type")) == http::GrpcForm::kGrpc;
}

// The content type of the gateway's own answer to a client that reads from gRPC's fields what went wrong:
// from the head, when there is no body. Empty for all others.
std::string_view Exchange::grpc_type() const {
  if (context_.converter) return context_.converter->grpc_type();
  const std::string_view type = request_.fields.value_of("content-type");
  switch (http::grpc_form(type)) {
    case http::GrpcForm::kNone: return {};
    case http::GrpcForm::kGrpc: return client_.channel != nullptr ? "application/grpc" : "";
    case http::GrpcForm::kWeb:
    case http::GrpcForm::kWebText: return type;
  }
  return {};
}

// The request came in the clear to a listener that wants TLS: the same address, as the client wrote it, by
// https.
Task<void> Exchange::redirect_to_https() {
  ended_ = &kEnds.redirected_to_https;
  const bool standard = settings_.https_port == 443;
  const std::string_view port = standard ? "" : arena_.concat(":", arena_.decimal(settings_.https_port));
  const std::string_view path = request_.path == "*" ? "" : request_.path;
  response_.status = 308;
  response_.fields.set("location", arena_.concat("https://", host_, port, path, request_.has_query ? "?" : "",
                                                 request_.query));
  co_await answer("");
}

// Sends what response_ says, after the policies have seen it, with `body`.
Task<void> Exchange::answer(std::string_view body) {
  if (body_pending() || client_.connection.closing()) close_client_ = true;
  response_.reason = http::reason_phrase(response_.status);
  if (response_.status == 205) body = {};  // which then has an explicit length of zero
  const bool bodiless = http::has_no_content(response_.status);
  if (!bodiless) response_.fields.set("content-length", arena_.decimal(body.size()));
  finish_policies();
  if (context_.serving) {
    Task<void> sending = send_stored();
    co_return co_await sending;
  }
  if (context_.encoder) {
    using Step = policy::ResponseConverter::Step;
    Task<Step> encoding = policy::encode_in_parts(*context_.encoder, body, converted_, worker_.loop());
    const Step encoded = co_await encoding;
    if (encoded == Step::kDone && context_.encoder->finish({}, converted_) == Step::kDone) {
      body = converted_;
    } else {
      // What a policy has fetched and passes on is not of the coding that it names.
      ended_ = &context_.encoder->failure();
      response_.status = 502;
      response_.reason = http::reason_phrase(502);
      response_.fields.remove("content-encoding");
      body = {};
    }
    response_.fields.set("content-length", arena_.decimal(body.size()));
  }
  if (bodiless || request_.method == "HEAD") body = {};
  response_bytes_ = body.size();
  answered_ = true;
  if (client_.channel != nullptr) {
    Task<bool> sending =
        send_http2_head(BodyKind::kLength, body.empty() ? EndOfMessage::kHere : EndOfMessage::kLater);
    if (!co_await sending || body.empty()) co_return;
    client_.channel->end_after_write({});
    co_await send_text(body);
    co_return;
  }
  HeadWriter out(1024 + body.size());
  write_response_head(out, BodyKind::kLength);
  out.write(body);
  if (!co_await send_text(out.text())) close_client_ = true;
}

}  // namespace portcullis::proxy
