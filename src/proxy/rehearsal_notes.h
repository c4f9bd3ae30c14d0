#pragma once

#include "proxy/exchange_state.h"
#include "proxy/rehearsal.h"

namespace portcullis::proxy {

// Functions that record what a rehearsed exchange finds out, step by step.

// Records the request as routes and policies see it, and the route that matches. False when the route of a
// recorded request depends on something that was not recorded.
[[gnu::cold]] bool note_prepared(Rehearsal& out, const ExchangeState& state);
// For a recorded request: true when the decision of `policy` depends on something that was not recorded.
[[gnu::cold]] bool note_unrecorded(Rehearsal& out, const ExchangeState& state, const PlacedPolicy& policy);
// Records the decision of `policy`.
[[gnu::cold]] void note_policy(Rehearsal& out, ExchangeState& state, const PlacedPolicy& policy,
                               const policy::Decision& decision);
// Records that a target would be asked, and the branch unless chance decides.
[[gnu::cold]] void note_forwarding(Rehearsal& out, ExchangeState& state);
// Records how the exchange has ended, and the policies that the request has not reached.
[[gnu::cold]] void note_end(Rehearsal& out, const ExchangeState& state);

}  // namespace portcullis::proxy
