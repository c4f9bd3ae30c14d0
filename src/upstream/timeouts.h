#pragma once

#include <chrono>

namespace portcullis::upstream {

// Max times for connections to the targets of an upstream and for their responses. The members have the names
// of the configuration's keys.
struct Timeouts {
  std::chrono::milliseconds connect{1'000};
  std::chrono::milliseconds response{15'000};
  std::chrono::milliseconds idle{60'000};
  std::chrono::milliseconds tunnel{3'600'000};
  std::chrono::milliseconds total{0};  // for all attempts, up to the response's head; 0: no timeout

  bool operator==(const Timeouts&) const = default;
};

}  // namespace portcullis::upstream
