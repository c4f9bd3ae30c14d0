#include "proxy/held_body.h"

#include <cerrno>
#include <utility>

#include "proxy/client_connection.h"

namespace portcullis::proxy {

using http::BodyKind;
using policy::BodyState;

// RFC 9110 section 10.1.1: the backend, who would say so, is asked only when the body is here.
Task<bool> HeldBody::tell_to_continue() {
  if (client_.channel != nullptr) {
    http::h2::FieldBlock head;
    head.field(":status", "100");
    co_return client_.channel->send_interim_head(head);
  }
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  iovec piece{const_cast<char*>(kContinue.data()), kContinue.size()};
  const IoResult sent =
      co_await client_.stream.write(std::span(&piece, 1), client_.connection.settings().send_timeout);
  co_return sent.ok();
}

Task<BodyState> HeldBody::hold(size_t limit) {
  if (held_) co_return content_.size() <= limit ? BodyState::kHeld : BodyState::kTooLarge;
  const http::BodyFraming framing = request_.body;
  if (framing.has_length() && framing.length > limit) co_return BodyState::kTooLarge;
  std::string_view input;
  if (client_.channel == nullptr) input = client_.input.content().substr(head_size_);
  if (framing.kind != BodyKind::kNone && request_.expects_continue && input.empty()) {
    const bool told = co_await tell_to_continue();
    if (!told) co_return BodyState::kGone;
  }
  http::h1::ChunkedDecoder decoder;
  for (bool done = framing.kind == BodyKind::kNone; !done;) {
    while (!input.empty() && !done) {
      std::string_view data;
      if (framing.kind == BodyKind::kChunked) {
        const auto result = decoder.next(input, data);
        if (result == http::h1::ChunkedDecoder::Result::kFailed) co_return BodyState::kBroken;
        done = result == http::h1::ChunkedDecoder::Result::kDone;
      } else if (framing.kind == BodyKind::kStream) {
        data = std::exchange(input, {});
      } else {
        data = input.substr(0, static_cast<size_t>(framing.length) - content_.size());
        input.remove_prefix(data.size());
        done = content_.size() + data.size() == framing.length;
      }
      if (content_.size() + data.size() > limit) co_return BodyState::kTooLarge;
      content_ += data;
    }
    if (done) break;
    more_.release();
    more_.block = Block::take(Block::kLarge);
    const IoResult got = co_await client_.stream.read(more_.block.data(), more_.block.capacity(),
                                                      client_.connection.settings().body_timeout);
    if (got.error == ETIMEDOUT) co_return BodyState::kTimedOut;
    if (got.end_of_stream() && framing.kind == BodyKind::kStream) break;
    if (!got.ok() || got.bytes == 0) co_return BodyState::kGone;
    input = {more_.block.data(), got.bytes};
  }
  rest_ = input;
  held_ = true;
  request_.fields.remove(http::FieldId::kExpect);
  frame();
  co_return BodyState::kHeld;
}

void HeldBody::replace(std::string content) {
  content_ = std::move(content);
  frame();
}

void HeldBody::frame() {
  request_.body =
      content_.empty() ? http::BodyFraming{} : http::BodyFraming{BodyKind::kLength, content_.size()};
}

}  // namespace portcullis::proxy
