#include "http/h2/client_stream.h"

#include <cerrno>

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "http/h2/request.h"
#include "http/upgrade.h"

namespace portcullis::http::h2 {
namespace {

constexpr std::string_view kKey = "sec-websocket-key";

bool asks_for_websocket(const RequestHead& head) {
  return head.wants_upgrade && head.body.kind == BodyKind::kNone && names_upgrade(head.fields, "websocket");
}

}  // namespace

// Waits until the connection has room for the head.
Task<IoResult> ClientMessageStream::send_head(const RequestToSend& request, bool ends_message,
                                              Milliseconds timeout) {
  // An extended CONNECT has no body before its tunnel (RFC 8441 section 5).
  if (asks_for_websocket(request.head)) {
    Task<bool> asking = channel_.takes_extended_connect(request.patience);
    is_tunnel_ = co_await asking;
    websocket_key_ = request.head.fields.value_of(kKey);
  }
  const IoResult room = co_await bytes().writable(timeout);
  if (!room.ok()) co_return room;
  co_return IoResult{.error = write_head(request, ends_message) ? 0 : ECONNRESET};
}

bool ClientMessageStream::write_head(const RequestToSend& request, bool ends_message) {
  const RequestHead& asked = request.head;
  HeadWriter lines(request.expected_size);
  request.fields(lines);
  if (request.takes_trailers) lines.field("te", "trailers");
  FieldBlock head;
  head.field(":method", is_tunnel_ ? std::string_view("CONNECT") : asked.method);
  if (is_tunnel_) head.field(":protocol", "websocket");
  head.field(":scheme", request.scheme);
  head.field(":authority", request.authority);
  HeadWriter path;
  if (asked.has_query) path.write(request.path, "?", asked.query);
  head.field(":path", asked.has_query ? path.text() : request.path);
  head.lines(lines.text(), is_tunnel_ ? kKey : std::string_view());
  return channel_.send_head(head, ends_message && !is_tunnel_);
}

Task<IoResult> ClientMessageStream::begin(const RequestToSend& request, Milliseconds timeout) {
  return send_head(request, false, timeout);
}

Task<IoResult> ClientMessageStream::send_whole(const RequestToSend& request, std::string_view body,
                                               Milliseconds timeout) {
  return send_behind(send_head(request, body.empty(), timeout), body, timeout);
}

HeadState ClientMessageStream::next_head(std::string_view method, ResponseHead& out) {
  if (!channel_.has_head()) {
    if (!channel_.is_broken() && !channel_.at_end()) return HeadState::kIncomplete;
    if (!channel_.was_malformed() && channel_.was_refused()) return HeadState::kRefused;
    end_error_ = ECONNRESET;
    return HeadState::kEnded;
  }
  out = {};
  const std::unique_ptr<Head> head = channel_.take_head();
  head_error_ = read_response(*head, limits_, method, out);
  if (head_error_ != h1::ParseError::kNone) return HeadState::kMalformed;
  if (is_tunnel_ && out.status / 100 == 2) read_as_switch(out);
  return HeadState::kComplete;
}

// The target has accepted an extended CONNECT. A client that speaks HTTP/1 wants a proof of that (RFC 6455
// section 4.2.2).
void ClientMessageStream::read_as_switch(ResponseHead& out) {
  static constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const auto digest = crypto::sha1(websocket_key_ + std::string(kGuid));
  websocket_proof_ = crypto::base64_encode(crypto::text_of(digest), crypto::Base64::kStandard);
  out.status = 101;
  out.reason = reason_phrase(101);
  out.body = {};
  out.fields.remove(FieldId::kContentLength);
  out.fields.remove(FieldId::kUpgrade);
  out.fields.add("upgrade", "websocket", FieldId::kUpgrade);
  out.fields.set("sec-websocket-accept", websocket_proof_);
}

}  // namespace portcullis::http::h2
