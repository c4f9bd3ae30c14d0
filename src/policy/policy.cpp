#include "policy/policy.h"

namespace portcullis::policy {

Task<Decision> hold_body(Context& context, size_t limit) {
  const BodyState state = co_await context.request_body.holder->hold(limit);
  switch (state) {
    case BodyState::kHeld: break;
    case BodyState::kTooLarge: co_return Decision::refuse(kEnds.body_too_large);
    case BodyState::kBroken: co_return Decision::refuse(kEnds.bad_chunk);
    case BodyState::kTimedOut: co_return Decision::refuse(kEnds.body_timeout);
    case BodyState::kGone: co_return Decision::refuse(kEnds.body_incomplete);
    case BodyState::kRefused: co_return Decision::refuse(*context.request_body.holder->refusal());
  }
  co_return Decision::proceed();
}

Task<Decision> hold_response(Context& context, size_t limit) {
  Task<bool> holding = context.response_body.hold(limit);
  if (!co_await holding) co_return Decision::broken();
  // The head of a response to HEAD, or of a 304, tells the length of a body that is not here.
  const size_t size = context.response_body.text().size();
  if (size > 0 || context.response.body.kind != http::BodyKind::kNone) set_length(context, size);
  co_return Decision::proceed();
}

void set_length(Context& context, uint64_t length) {
  http::ResponseHead& response = context.response;
  response.fields.remove(http::FieldId::kContentLength);
  response.fields.add("content-length", context.arena.decimal(length), http::FieldId::kContentLength);
  response.body = {};
  if (length > 0) response.body = {http::BodyKind::kLength, length};
}

void forget_length(Context& context) {
  context.response.fields.remove(http::FieldId::kContentLength);
  if (context.response.body.kind != http::BodyKind::kNone)
    context.response.body = {http::BodyKind::kStream, http::BodyFraming::kUnknown};
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
