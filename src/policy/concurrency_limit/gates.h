#pragma once

#include "limits/gate.h"
#include "policy/engine.h"

namespace portcullis::policy::concurrency_limit {

// The gates of all concurrency limits. They outlive a reload, so that requests in progress at a reload still
// count.
class Gates final : public Engine {
 public:
  explicit Gates(const EngineContext&) {}

  limits::Gates& all() { return all_; }

 private:
  limits::Gates all_;
};

}  // namespace portcullis::policy::concurrency_limit
