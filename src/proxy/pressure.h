#pragma once

#include <cstdint>

namespace portcullis::proxy {

// How close the process is to its limits of memory and descriptors, and what workers do about it. Each level
// includes the levels before it.
enum class Pressure : uint8_t {
  kNone,
  kTight,  // idle connections are closed, and clients' connections after each response
  kFull,   // no connections are accepted: they wait in the kernel's queue
  kOver,   // requests are refused
};

}  // namespace portcullis::proxy
