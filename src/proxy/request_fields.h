#pragma once

#include "proxy/exchange_state.h"

namespace portcullis::proxy {

// Writes the field lines of a request as its target gets them, but those that only one version of HTTP has.
// `span`: of the try, may be null.
void write_request_fields(http::HeadWriter& out, const ExchangeState& state, const Trace::Span* span);

// The request may be sent twice: its method says so, or a policy does.
bool is_idempotent(const ExchangeState& state);

}  // namespace portcullis::proxy
