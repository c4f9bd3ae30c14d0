#pragma once

#include <cstdint>

namespace portcullis::proxy {

// How near the process is to its limits of memory and descriptors, and what workers do then. Each level
// includes those before it.
enum class Pressure : uint8_t {
  kNone,
  kTight,  // idle connections are closed, and clients' connections after each response
  kFull,   // no new connections: they wait in the kernel's queue
  kOver,   // requests are refused
};

}  // namespace portcullis::proxy
