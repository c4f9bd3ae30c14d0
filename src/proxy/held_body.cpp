#include "proxy/held_body.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "http/read_body.h"
#include "http/text_body.h"
#include "policy/limit_stage.h"
#include "proxy/client_connection.h"

namespace portcullis::proxy {

using http::BodyKind;
using policy::BodyState;

Task<BodyState> HeldBody::hold(size_t limit) {
  if (held_) {
    if (stages_.empty()) co_return content_.size() <= limit ? BodyState::kHeld : BodyState::kTooLarge;
    // The body is held already, but policies have added stages since then.
    const auto passing = behind_stages(std::make_unique<http::HeldText>(std::move(content_)), limit);
    Task<BodyState> collecting = collect(*passing, limit);
    co_return co_await collecting;
  }
  const http::BodyFraming framing = stages_.received();
  if (framing.has_length() && framing.length > limit) co_return BodyState::kTooLarge;
  const std::string_view received = client_.message.received();
  if (framing.kind != BodyKind::kNone && request_.expects_continue && received.empty()) {
    // The gateway sends the 100 (Continue) itself (RFC 9110 section 10.1.1), because the target is asked only
    // after the body has arrived.
    Task<IoResult> telling = client_.message.send_continue();
    const IoResult told = co_await telling;
    if (told.error == ETIMEDOUT) refusal_ = &telemetry::kEnds.send_timeout;
    if (!told.ok()) co_return BodyState::kGone;
  }
  const Milliseconds timeout = client_.connection.settings().timeouts.body;
  auto from_client =
      std::make_unique<http::MessageBody>(client_.message, received,
                                          http::MessageBody::Settings{.framing = framing,
                                                                      .timeout = timeout,
                                                                      .limit = std::max<uint64_t>(limit, 1),
                                                                      .block_size = Block::kLarge});
  from_client_ = from_client.get();
  body_ = behind_stages(std::move(from_client), limit);
  Task<BodyState> collecting = collect(*body_, limit);
  const BodyState state = co_await collecting;
  held_ = state == BodyState::kHeld;
  if (held_) request_.fields.remove(http::FieldId::kExpect);
  co_return state;
}

// Returns `body` with all stages behind it. The result may have at most `limit` bytes.
std::unique_ptr<http::BodySource> HeldBody::behind_stages(std::unique_ptr<http::BodySource> body,
                                                          size_t limit) const {
  if (stages_.empty()) return body;
  return std::make_unique<policy::LimitStage>(stages_.behind(std::move(body)), limit, nullptr);
}

// Receives the whole of `body`, which includes the stages.
Task<BodyState> HeldBody::collect(http::BodySource& body, size_t limit) {
  bool ended = false;
  content_.clear();
  Task<bool> collecting = http::collect_body(body, content_, http::ReadUntil::kEnd, ended);
  const bool is_whole = co_await collecting;
  const http::BodyFailure failure = is_whole ? http::BodyFailure{} : body.failure();
  refusal_ = failure.reason;
  if (refusal_ != nullptr) co_return BodyState::kRefused;
  using Broken = http::BodyFailure::Kind;
  switch (failure.kind) {
    case Broken::kNone:
      if (content_.size() > limit) co_return BodyState::kTooLarge;  // a limit of 0 permits no byte
      break;
    case Broken::kTooLarge: co_return BodyState::kTooLarge;
    case Broken::kMalformed: co_return BodyState::kBroken;
    default: co_return failure.error == ETIMEDOUT ? BodyState::kTimedOut : BodyState::kGone;
  }
  stages_.clear();
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
  // With the client's Content-Length the target would wait for a body that the request no longer has.
  const http::Field* const told = request_.fields.find(http::FieldId::kContentLength);
  if (content_.empty() && told != nullptr && told->value != "0")
    request_.fields.remove(http::FieldId::kContentLength);
}

}  // namespace portcullis::proxy
