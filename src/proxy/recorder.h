#pragma once

#include <memory>

#include "proxy/exchange_state.h"
#include "proxy/head_ring.h"

namespace portcullis::proxy {

// Records the head of an exchange that has ended. `captured` was noted before the first policy. Requests
// without a canonical path, which are refused before there is a route, and heads that are longer than a block
// of the ring are not recorded. Allocates nothing.
void record_head(const CapturedHead& captured, const ExchangeState& state, HeadRing& ring);

}  // namespace portcullis::proxy
