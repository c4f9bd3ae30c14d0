#pragma once

#include <cstdint>

namespace portcullis::upstream {

// HTTP/2 flow control windows for responses, in bytes. The members have the names of the configuration's
// keys.
struct Http2Windows {
  uint32_t stream_window = 128 << 10;
  uint32_t connection_window = 32 << 20;

  bool operator==(const Http2Windows&) const = default;
};

}  // namespace portcullis::upstream
