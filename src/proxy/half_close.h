#pragma once

#include <cstdint>

namespace portcullis::proxy {

// What it means when a client ends its side of an HTTP/1 connection (by FIN, or by close_notify of TLS) after
// a complete request.
enum class HalfClose : uint8_t {
  kLeaves,    // the client has left; nginx and Envoy assume this too
  kIsServed,  // the client still gets its response; only a reset means that the client has left
};

}  // namespace portcullis::proxy
