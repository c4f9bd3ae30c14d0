#pragma once

#include <memory>

#include "config/listener.h"
#include "control/tls_setup.h"
#include "proxy/snapshot.h"
#include "telemetry/metrics.h"

namespace portcullis::control {

// Compiles a checked listener. `counts` are the connections of each client address on all listeners. Returns
// an error when a file for TLS is not valid any more since the check. Control thread.
Result<proxy::ListenerSettings> compile_listener(const config::Listener& listener,
                                                 telemetry::Registry& metrics, TlsState& tls,
                                                 std::shared_ptr<proxy::AddressCounts> counts);

}  // namespace portcullis::control
