#pragma once

#include "proxy/attempt.h"

namespace portcullis::proxy {

// Both sides of an exchange have agreed on another protocol: joins the client's and the target's streams
// until the tunnel ends, and records how. `websocket`: the protocol has frames, and is left politely when the
// connection is to end.
Task<void> run_tunnel(ExchangeState& state, Attempt& attempt, bool websocket);

}  // namespace portcullis::proxy
