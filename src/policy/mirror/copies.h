#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

#include "policy/engine.h"

namespace portcullis::policy::mirror {

// The number of copies of requests that are in progress to each upstream. A reload changes the limit but not
// the copies in progress, so the number outlives the policy.
class Copies final : public Engine {
 public:
  explicit Copies(const EngineContext&) {}

  // Called on the control thread; the number itself may be used on any thread.
  std::atomic<uint32_t>& in_progress(const std::string& upstream) { return by_upstream_[upstream]; }

 private:
  std::map<std::string, std::atomic<uint32_t>> by_upstream_;
};

}  // namespace portcullis::policy::mirror
