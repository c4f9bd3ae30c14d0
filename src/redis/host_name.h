#pragma once

#include <cstdint>
#include <string>

#include "runtime/event_loop.h"

namespace portcullis::redis {

// The first address of a host name that accepts connections at `port`, because a name such as `localhost`
// often has addresses at which the server does not listen; the first address when none does, and "" for a
// name without addresses. Blocks, for each address up to `timeout`, and for as long as the system looks for
// the name: for a side thread.
std::string reachable_address(const std::string& host, uint16_t port, Milliseconds timeout);

}  // namespace portcullis::redis
