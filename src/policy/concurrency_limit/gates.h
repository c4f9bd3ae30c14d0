#pragma once

#include "limits/gate.h"
#include "policy/engine.h"

namespace portcullis::policy::concurrency_limit {

// The gates of all limits, so that requests that are inside at a reload still count.
class Gates final : public Engine {
 public:
  explicit Gates(const EngineContext&) {}

  limits::Gates& all() { return all_; }

 private:
  limits::Gates all_;
};

}  // namespace portcullis::policy::concurrency_limit
