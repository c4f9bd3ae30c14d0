#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "http/body_source.h"
#include "policy/reasons.h"

namespace portcullis::policy {

// Passes a body of at most `limit` bytes; a larger body fails, for `reason` where it is not null.
class LimitStage final : public http::BodyStage {
 public:
  LimitStage(std::unique_ptr<http::BodySource> from, uint64_t limit,
             const EndReason* reason = &kEnds.response_too_large)
      : BodyStage(std::move(from)), limit_(limit), reason_(reason) {}

  State next(http::BodyPart& part) override {
    if (failure_.kind != http::BodyFailure::Kind::kNone) return State::kFailed;
    const State state = from().next(part);
    if (state != State::kPart) return state;
    if (part.size <= limit_ - bytes_) {
      bytes_ += part.size;
      return state;
    }
    failure_.kind = http::BodyFailure::Kind::kTooLarge;
    failure_.reason = reason_;
    return State::kFailed;
  }
  const http::BodyFailure& failure() const override {
    return failure_.kind != http::BodyFailure::Kind::kNone ? failure_ : from().failure();
  }

 private:
  uint64_t limit_;
  const EndReason* reason_;
  uint64_t bytes_ = 0;
  http::BodyFailure failure_;
};

}  // namespace portcullis::policy
