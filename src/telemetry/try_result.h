#pragma once

#include <cstddef>
#include <cstdint>

#include "base/enum_names.h"

namespace portcullis::telemetry {

// How a try to get a response from a target has ended, in metrics and traces.
enum class TryResult : uint8_t {
  kAnswered,
  kConnectFailed,
  kFailed,
  kTimedOut,
  kAbandoned,  // the client left, or another target answered first
};
constexpr auto names_of(TryResult) {
  return std::to_array<EnumName<TryResult>>({{TryResult::kAnswered, "answered"},
                                             {TryResult::kConnectFailed, "connect_failed"},
                                             {TryResult::kFailed, "failed"},
                                             {TryResult::kTimedOut, "timed_out"},
                                             {TryResult::kAbandoned, "abandoned"}});
}
inline constexpr size_t kTryResults = names_of(TryResult{}).size();

}  // namespace portcullis::telemetry
