#pragma once

#include <cstddef>
#include <cstdint>

namespace portcullis::policy::grpc_transcoding {

// Limits that conversions of requests and of responses share. Content larger than kMaxConvertedHere is
// converted by a PoolJob on the ConversionPool: many small messages take a thousand times as long to convert
// as to receive.

// The max number of bytes that are converted on the worker's own thread: about a millisecond's work.
constexpr size_t kMaxConvertedHere = 1024;

// The max size of the converted form of a body with a limit of `max` bytes: fields of a few bytes may become
// long in the other form.
constexpr size_t max_made_of(size_t max) {
  constexpr size_t kMaxGrowth = 8;
  return max > SIZE_MAX / kMaxGrowth ? SIZE_MAX : max * kMaxGrowth;
}

}  // namespace portcullis::policy::grpc_transcoding
