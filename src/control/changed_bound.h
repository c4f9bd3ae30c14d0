#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>

#include "base/result.h"

namespace portcullis::control {

// The member `max_changed` of a change that is published: how many of the recorded requests may have another
// outcome with the change, as a number or as a share of the requests that were replayed.
class ChangedBound {
 public:
  // Reads a number of requests (20) or a share in a text ("5%", "0.5%"). The error is a sentence.
  static Result<ChangedBound> read(const nlohmann::json& value);

  // True when `changed` of `replayed` requests are more than the bound allows.
  bool is_exceeded(uint64_t changed, uint64_t replayed) const;

 private:
  uint64_t count_ = 0;
  double percent_ = -1;  // negative: `count_` is the bound
};

}  // namespace portcullis::control
