#pragma once

#include "proxy/attempt.h"

namespace portcullis::proxy {

// Copies bytes between the client and the target after both have switched to another protocol, until the
// tunnel ends, and records how it has ended. `websocket`: the gateway sends a Close frame to both sides when
// the client's connection must end.
Task<void> run_tunnel(ExchangeState& state, Attempt& attempt, bool websocket);

}  // namespace portcullis::proxy
