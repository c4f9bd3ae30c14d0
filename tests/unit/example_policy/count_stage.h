#pragma once

#include <memory>
#include <utility>

#include "http/body_source.h"
#include "runtime/frame_pool.h"
#include "telemetry/metric_set.h"

namespace portcullis::policy::example {

// Counts the bytes of the body that passes.
class CountStage final : public http::BodyStage, public Pooled {
 public:
  // `counter` outlives this object.
  CountStage(std::unique_ptr<http::BodySource> from, const telemetry::MetricCounter& counter, size_t worker)
      : BodyStage(std::move(from)), counter_(counter), worker_(worker) {}

  State next(http::BodyPart& part) override {
    const State state = from().next(part);
    if (state == State::kPart) counter_.add(worker_, part.size);
    return state;
  }

 private:
  const telemetry::MetricCounter& counter_;
  size_t worker_;
};

}  // namespace portcullis::policy::example
