#pragma once

#include "proxy/exchange_state.h"

namespace portcullis::proxy {

// Fills the context, from which policies, conditions and texts with variables read the facts about the
// request. Of a request that was refused before its route was looked for, only what is known then.
void fill_context(ExchangeState& state);
// True when fill_context() has been called.
inline bool has_context(const ExchangeState& state) {
  return !state.context.revision.empty();
}

}  // namespace portcullis::proxy
