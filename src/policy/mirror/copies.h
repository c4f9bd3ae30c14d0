#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

#include "policy/engine.h"

namespace portcullis::policy::mirror {

// How many copies of requests are on their way to each upstream. A reload changes the limit, and not the
// copies that are under way, so the number outlives the policy.
class Copies final : public Engine {
 public:
  explicit Copies(const EngineContext&) {}

  // Control thread; the number itself any thread.
  std::atomic<uint32_t>& on_their_way(const std::string& upstream) { return by_upstream_[upstream]; }

 private:
  std::map<std::string, std::atomic<uint32_t>> by_upstream_;
};

}  // namespace portcullis::policy::mirror
