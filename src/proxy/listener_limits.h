#pragma once

#include <cstdint>

#include "http/h1/head_limits.h"

namespace portcullis::proxy {

// The limits for the requests and connections of a listener's clients. The members have the names of the
// configuration's keys.
struct ListenerLimits : http::h1::HeadLimits {
  uint64_t body_size = 0;                   // max size of a request's body; 0: no limit
  uint64_t connections = 100'000;           // max connections on all workers; 0: no limit
  uint64_t connections_per_address = 1024;  // max connections on all workers; 0: no limit
  uint64_t send_buffer = 128 << 10;         // max bytes that wait for a slow client, per connection
};

}  // namespace portcullis::proxy
