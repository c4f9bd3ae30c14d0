#include "policy/policy.h"

namespace portcullis::policy {

Task<Decision> hold_body(Context& context, size_t limit) {
  const BodyState state = co_await context.body->hold(limit);
  switch (state) {
    case BodyState::kHeld: break;
    case BodyState::kTooLarge: co_return Decision::refuse(kEnds.body_too_large);
    case BodyState::kBroken: co_return Decision::refuse(kEnds.bad_chunk);
    case BodyState::kTimedOut: co_return Decision::refuse(kEnds.body_timeout);
    case BodyState::kGone: co_return Decision::refuse(kEnds.body_incomplete);
  }
  co_return Decision::proceed();
}

Task<Decision> settle(Task<Decision> later) {
  Decision decision = co_await later;
  while (decision.kind == Decision::Kind::kSuspend) {
    Task<Decision> next = std::move(decision.later);
    decision = co_await next;
  }
  co_return decision;
}

const Kind* find_kind(const std::vector<Kind>& kinds, const std::string& name) {
  for (const Kind& kind : kinds) {
    if (kind.description.name == name) return &kind;
  }
  return nullptr;
}

}  // namespace portcullis::policy
