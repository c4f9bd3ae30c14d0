#pragma once

#include "proxy/exchange_state.h"

namespace portcullis::proxy {

// Writes the field lines of a request for its target, except the fields that only one version of HTTP has.
// `span` is the try's span; may be null.
void write_request_fields(http::HeadWriter& out, const ExchangeState& state, const Trace::Span* span);

// True when the request may be sent twice, according to its method or to a policy.
bool is_idempotent(const ExchangeState& state);

}  // namespace portcullis::proxy
