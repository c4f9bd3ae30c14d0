// What an exchange does in another way for a client, or a target, that speaks HTTP/2.

#include <cerrno>
#include <string>

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "http/h2/request.h"
#include "proxy/exchange.h"
#include "proxy/parse_reason.h"

namespace portcullis::proxy {

using http::FieldId;
using http::h1::ParseError;

// The head has come already. On false there is a refusal to send.
bool Exchange::take_http2_head() {
  const std::unique_ptr<http::h2::Head> head = client_.channel->take_head();
  if (worker_.measures()) head_received_ = Clock::now();
  const ParseError error = http::h2::read_request(*head, settings_.head_limits, arena_, request_);
  if (error != ParseError::kNone) return refusal(reason_of_bad_request(error));
  has_head_ = true;
  if (head->protocol.empty()) return true;
  if (head->protocol == "websocket" && translate_websocket()) return true;
  return refusal(kEnds.protocol_not_supported);
}

// RFC 8441 section 5: an extended CONNECT asks for what HTTP/1 asks for by an upgrade, and has no key.
bool Exchange::translate_websocket() {
  request_.method = "GET";
  request_.wants_upgrade = true;
  request_.body = {};  // what follows is the tunnel's
  request_.fields.remove(FieldId::kUpgrade);
  request_.fields.remove(FieldId::kContentLength);
  const std::string key = crypto::base64_encode(crypto::random_bytes(16), crypto::Base64::kStandard);
  return request_.fields.add("upgrade", "websocket", FieldId::kUpgrade) &&
         request_.fields.set("sec-websocket-key", arena_.copy(key));
}

// The request's head; where no body follows that is all of it. Waits until its connection has room for it.
Task<IoResult> Exchange::send_http2_request(upstream::Connection& connection) {
  const IoResult room = co_await connection.stream.writable(settings_.send_timeout);
  if (!room.ok()) co_return room;
  HeadWriter lines(head_size_ + 1024);
  write_request_fields(lines);
  if (takes_trailers(request_.fields)) lines.field("te", "trailers");
  http::h2::FieldBlock head;
  head.field(":method", extended_connect_ ? std::string_view("CONNECT") : request_.method);
  if (extended_connect_) head.field(":protocol", "websocket");
  head.field(":scheme", connection.target().upstream().tls ? "https" : "http");
  head.field(":authority", route_->host.empty() ? request_.authority : std::string_view(route_->host));
  head.field(":path", request_.has_query ? arena_.concat(target_path_, "?", request_.query) : target_path_);
  head.lines(lines.text());
  const bool ends_message = request_.body.kind == http::BodyKind::kNone && !extended_connect_;
  co_return IoResult{.error = connection.channel->send_head(head, ends_message) ? 0 : ECONNRESET};
}

// An HTTP/2 target has accepted an extended CONNECT: to all others that is a switch of protocols, for which a
// client that speaks HTTP/1 wants a proof (RFC 6455 section 4.2.2).
void Exchange::translate_tunnel() {
  static constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const std::string_view key = request_.fields.value_of("sec-websocket-key");
  const auto digest = crypto::sha1(arena_.concat(key, kGuid));
  const std::string proof = crypto::base64_encode(crypto::text_of(digest), crypto::Base64::kStandard);
  response_.status = 101;
  response_.reason = http::reason_phrase(101);
  response_.body = {};
  response_.fields.remove(FieldId::kContentLength);
  response_.fields.remove(FieldId::kUpgrade);
  response_.fields.add("upgrade", "websocket", FieldId::kUpgrade);
  response_.fields.set("sec-websocket-accept", arena_.copy(proof));
}

}  // namespace portcullis::proxy
