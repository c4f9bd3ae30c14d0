#include "http/h2/server_stream.h"

#include <cerrno>
#include <string>
#include <utility>

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "http/h2/request.h"

namespace portcullis::http::h2 {
namespace {

// RFC 8441 section 5: an extended CONNECT asks for what HTTP/1 asks for by an upgrade, and has no key.
bool read_as_upgrade(RequestHead& request, Arena& arena) {
  request.method = "GET";
  request.wants_upgrade = true;
  request.body = {};  // what follows belongs to the tunnel
  request.fields.remove(FieldId::kUpgrade);
  request.fields.remove(FieldId::kContentLength);
  const std::string key = crypto::base64_encode(crypto::random_bytes(16), crypto::Base64::kStandard);
  return request.fields.add("upgrade", "websocket", FieldId::kUpgrade) &&
         request.fields.set("sec-websocket-key", arena.copy(key));
}

}  // namespace

Task<HeadState> ServerMessageStream::read_head(RequestHead& out, Arena& arena) {
  const std::unique_ptr<Head> head = channel_.take_head();
  head_error_ = read_request(*head, settings_.head_limits, arena, out);
  if (head_error_ != h1::ParseError::kNone) co_return HeadState::kMalformed;
  if (head->protocol.empty()) co_return HeadState::kComplete;
  const bool is_known = head->protocol == "websocket" && read_as_upgrade(out, arena);
  co_return is_known ? HeadState::kComplete : HeadState::kUnsupported;
}

Task<IoResult> ServerMessageStream::send_continue() {
  FieldBlock head;
  head.field(":status", "100");
  co_return IoResult{.error = channel_.send_interim_head(head) ? 0 : ECONNRESET};
}

bool ServerMessageStream::write_head(const ResponseToSend& response, bool ends_message) {
  HeadWriter lines(response.expected_size);
  response.fields(lines);
  const uint16_t status = response.head.status;
  const char digits[]{static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
                      static_cast<char>('0' + status % 10)};
  FieldBlock head;
  head.field(":status", {digits, sizeof digits});
  head.lines(lines.text());
  return status < 200 ? channel_.send_interim_head(head) : channel_.send_head(head, ends_message);
}

// Waits until the connection has room for the head.
Task<IoResult> ServerMessageStream::send_head(const ResponseToSend& response, bool ends_message) {
  const IoResult room = co_await bytes().writable(settings_.send_timeout);
  if (!room.ok()) co_return room;
  co_return IoResult{.error = write_head(response, ends_message) ? 0 : ECONNRESET};
}

Task<IoResult> ServerMessageStream::send_interim(const ResponseToSend& response) {
  return send_head(response, false);
}

// In HTTP/2 the tunnel is a stream that was asked for, and needs no key (RFC 8441 section 5.1).
void ServerMessageStream::translate_upgrade(ResponseHead& head) {
  head.status = 200;
  head.fields.remove("sec-websocket-accept");
}

Task<IoResult> ServerMessageStream::send_whole(const ResponseToSend& response, std::string_view body) {
  return send_behind(send_head(response, body.empty()), body, settings_.send_timeout);
}

Task<IoResult> ServerMessageStream::send_ready_head() {
  return send_head(*std::exchange(response_, nullptr), false);
}

}  // namespace portcullis::http::h2
