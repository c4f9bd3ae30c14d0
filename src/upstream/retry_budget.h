#pragma once

#include <algorithm>

#include "runtime/event_loop.h"

namespace portcullis::upstream {

// Limits retries to a share of the requests, so that retries cannot make an overload worse (like the budgets
// of Finagle and Linkerd): each request adds a fraction of a token, each retry takes one token. A few retries
// per second are always allowed, for services with little traffic. One per worker.
class RetryBudget {
 public:
  RetryBudget(double share, double each_second) : share_(share), each_second_(each_second) {}

  void note_request(Clock::time_point now) {
    refill(now);
    tokens_ = std::min(tokens_ + share_, max());
  }
  // True when one more retry is allowed.
  bool has_token(Clock::time_point now) {
    refill(now);
    return tokens_ >= 1;
  }
  // Charges a retry; call this only when has_token() is true.
  void take() { tokens_ -= 1; }

 private:
  static constexpr double kSeconds = 10;  // how long unused tokens are kept

  double max() const { return std::max(kSeconds * each_second_, share_ > 0 ? 100.0 : 0.0); }
  void refill(Clock::time_point now) {
    if (at_ == Clock::time_point{}) {
      tokens_ = each_second_;
    } else {
      tokens_ = std::min(tokens_ + each_second_ * std::chrono::duration<double>(now - at_).count(), max());
    }
    at_ = now;
  }

  double share_;
  double each_second_;
  double tokens_ = 0;
  Clock::time_point at_{};
};

}  // namespace portcullis::upstream
