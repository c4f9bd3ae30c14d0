#include "policy/policy.h"

namespace portcullis::policy {

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
