#pragma once

#include <cstdint>

namespace portcullis::proxy {

// How near the process is to what it may take, of memory and descriptors, and what workers then do without;
// each level, what those before it do, too.
enum class Pressure : uint8_t {
  kNone,
  kTight,  // connections that do nothing are closed, and clients' after each answer
  kFull,   // no new connections: they wait in the kernel's queue
  kOver,   // requests are refused
};

}  // namespace portcullis::proxy
