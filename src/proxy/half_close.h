#pragma once

#include <cstdint>

namespace portcullis::proxy {

// What the end of a client's side of an HTTP/1 connection means, once the request is complete: FIN, or TLS's
// close_notify.
enum class HalfClose : uint8_t {
  kLeaves,    // the client has left, as nginx and Envoy have it
  kIsServed,  // the client still gets its response; only a reset says that it has left
};

}  // namespace portcullis::proxy
