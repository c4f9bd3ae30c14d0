#include "proxy/held_body.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "proxy/client_connection.h"
#include "proxy/relay.h"

namespace portcullis::proxy {

using http::BodyKind;
using policy::BodyState;

Task<BodyState> HeldBody::hold(size_t limit) {
  if (held_) co_return content_.size() <= limit ? BodyState::kHeld : BodyState::kTooLarge;
  const http::BodyFraming framing = request_.body;
  if (framing.has_length() && framing.length > limit) co_return BodyState::kTooLarge;
  const std::string_view received = client_.message.received();
  if (framing.kind != BodyKind::kNone && request_.expects_continue && received.empty()) {
    // RFC 9110 section 10.1.1: the backend, which would say so, is asked only when the body is here.
    Task<IoResult> telling = client_.message.send_continue();
    const IoResult told = co_await telling;
    if (!told.ok()) co_return BodyState::kGone;
  }
  const Milliseconds timeout = client_.connection.settings().body_timeout;
  body_ = std::make_unique<MessageBody>(client_.message, received,
                                        MessageBody::Settings{.framing = framing,
                                                              .timeout = timeout,
                                                              .limit = std::max<uint64_t>(limit, 1),
                                                              .block_size = Block::kLarge});
  bool ended = false;
  Task<RelayResult> collecting = collect_body(*body_, content_, Until::kEnd, ended);
  const RelayResult collected = co_await collecting;
  using Broken = http::BodyFailure::Kind;
  switch (collected.source.kind) {
    case Broken::kNone:
      if (content_.size() > limit) co_return BodyState::kTooLarge;  // a limit of 0 permits no byte
      break;
    case Broken::kTooLarge: co_return BodyState::kTooLarge;
    case Broken::kMalformed: co_return BodyState::kBroken;
    default: co_return collected.source.error == ETIMEDOUT ? BodyState::kTimedOut : BodyState::kGone;
  }
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
