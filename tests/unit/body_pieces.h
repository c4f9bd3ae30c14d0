#pragma once

#include <string>
#include <utility>
#include <vector>

#include "http/body_source.h"

namespace portcullis::http {

// Gives the pieces that a test has said, with a wait before each.
class Pieces final : public BodySource {
 public:
  Pieces(EventLoop& loop, std::vector<std::string> pieces, BodyFailure::Kind end = BodyFailure::Kind::kNone)
      : loop_(loop), pieces_(std::move(pieces)), end_(end) {}

  State next(BodyPart& part) override {
    if (!is_ready_) return State::kWait;
    if (at_ == pieces_.size()) {
      failure_.kind = end_;
      return State::kFailed;
    }
    is_ready_ = false;
    part.runs.add(pieces_[at_]);
    part.size = pieces_[at_].size();
    part.last = ++at_ == pieces_.size() && end_ == BodyFailure::Kind::kNone;
    if (part.last) part.trailers = "x-sum: 1\r\n";
    return State::kPart;
  }
  Task<void> wait() override {
    ++waits;
    co_await next_round(loop_);
    is_ready_ = true;
  }
  const BodyFailure& failure() const override { return failure_; }

  int waits = 0;

 private:
  EventLoop& loop_;
  std::vector<std::string> pieces_;
  BodyFailure::Kind end_;
  size_t at_ = 0;
  bool is_ready_ = false;
  BodyFailure failure_;
};

}  // namespace portcullis::http
