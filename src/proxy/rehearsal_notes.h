#pragma once

#include "proxy/exchange_state.h"
#include "proxy/rehearsal.h"

namespace portcullis::proxy {

// What a rehearsed exchange finds out, step by step.

// The request as routes and policies see it, and the route that takes it.
[[gnu::cold]] void note_prepared(Rehearsal& out, const ExchangeState& state);
// What `policy` has decided.
[[gnu::cold]] void note_policy(Rehearsal& out, ExchangeState& state, const PlacedPolicy& policy,
                               const policy::Decision& decision);
// A target would be asked: which branch's, where that is not left to chance.
[[gnu::cold]] void note_forwarding(Rehearsal& out, ExchangeState& state);
// The exchange is over: how it has ended, and the policies that were not reached.
[[gnu::cold]] void note_end(Rehearsal& out, const ExchangeState& state);

}  // namespace portcullis::proxy
