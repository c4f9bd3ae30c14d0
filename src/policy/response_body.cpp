#include "policy/response_body.h"

#include "policy/limit_stage.h"

namespace portcullis::policy {

std::unique_ptr<http::BodySource> ResponseBody::take() {
  if (source_) return std::move(source_);
  if (std::exchange(is_held_, false)) return std::make_unique<http::HeldText>(std::move(content_));
  return std::make_unique<http::TextBody>(text_);
}

ResponseBody::Released ResponseBody::release() {
  const Milliseconds timeout = owner_->timeout();
  std::unique_ptr<http::BodySource> body = take();
  body->detach();
  text_ = {};
  is_released_ = true;
  // A body that has been held needs nothing of the exchange.
  if (retired_) return {std::move(body), timeout};
  has_connection_ = true;
  return {owner_->release(std::move(body)), timeout};
}

Task<bool> ResponseBody::hold(size_t limit) {
  if (!source_ && text_.size() <= limit) co_return true;
  source_ = std::make_unique<LimitStage>(take(), limit);
  std::string content;
  bool ended = false;
  Task<bool> collecting = http::collect_body(*source_, content, http::ReadUntil::kEnd, ended);
  is_awaited_ = true;
  const bool is_whole = co_await collecting;
  is_awaited_ = false;
  if (!is_whole) co_return false;
  replace(std::move(content));
  co_return true;
}

Task<bool> ResponseBody::hold_beginning(bool& ended) {
  std::string beginning, trailers;
  Task<bool> collecting =
      http::collect_body(source(), beginning, http::ReadUntil::kSomething, ended, &trailers);
  is_awaited_ = true;
  const bool is_sound = co_await collecting;
  is_awaited_ = false;
  if (!is_sound) co_return false;
  const auto rest = ended ? http::TextStage::Rest::kNothing : http::TextStage::Rest::kFollows;
  source_ =
      std::make_unique<http::TextStage>(std::move(source_), std::move(beginning), rest, std::move(trailers));
  is_changed_ = true;
  co_return true;
}

void ResponseBody::clear() {
  source_.reset();
  retired_.reset();
  content_.clear();
  text_ = {};
  owner_ = nullptr;
  may_be_stored_ = true;
  is_held_ = is_changed_ = is_replaced_ = is_released_ = has_connection_ = is_awaited_ = false;
}

}  // namespace portcullis::policy
