#include "proxy/rehearsal_notes.h"

namespace portcullis::proxy {

void note_prepared(Rehearsal& out, const ExchangeState& state) {
  const Request& request = state.request;
  out.method = request.head.method;
  out.scheme = request.origin.scheme;
  out.host = request.host;
  out.path = request.path;
  out.query = request.head.query;
  out.client = request.origin.client;
  for (const http::Field& field : request.head.fields) out.fields.emplace_back(field.name, field.value);
  out.is_routed = !request.target_path.empty();
  if (request.route != nullptr)
    out.route = static_cast<size_t>(request.route - state.snapshot->snapshot->routes.data());
  out.allow = request.allow;
}

void note_policy(Rehearsal& out, ExchangeState& state, const PlacedPolicy& policy,
                 const policy::Decision& decision) {
  using Kind = policy::Decision::Kind;
  uint16_t status = 0;
  if (decision.kind == Kind::kRefuse) status = decision.status;
  if (decision.kind == Kind::kAnswer) status = state.response.status;
  out.policies.push_back({.name = policy.name,
                          .location = policy.location,
                          .is_reached = true,
                          .decision = decision.kind,
                          .status = status,
                          .reason = decision.reason,
                          .notes = policy->explain(state.context, decision)});
  if (decision.kind == Kind::kUnknown) out.end = Rehearsal::End::kUnknown;
}

void note_forwarding(Rehearsal& out, ExchangeState& state) {
  out.end = Rehearsal::End::kForwarded;
  out.target_path = state.request.target_path;
  const Split& split = state.request.route->split;
  const Clock::time_point now = state.worker.loop().now();
  const Branch* chosen = split.only();
  if (chosen != nullptr) {
    out.branch_reason = "the only branch";
  } else if ((chosen = split.by_condition(state.context, now)) != nullptr) {
    out.branch_reason = "its `when` holds";
  } else if (const auto place = split.known_place(state.context)) {
    chosen = &split.by_place(*place, now);
    out.branch_reason = "by `split_sticky`";
  }
  if (chosen != nullptr) out.branch = static_cast<size_t>(chosen - split.branches().data());
}

void note_end(Rehearsal& out, const ExchangeState& state) {
  if (state.record.status != 0) {
    out.ended = state.record.ended;
    out.status = state.record.status;
  }
  const Route* const governing = state.request.governing;
  if (governing == nullptr) return;
  for (size_t i = out.policies.size(); i < governing->policies.size(); ++i) {
    const PlacedPolicy& one = governing->policies[i];
    out.policies.push_back({.name = one.name, .location = one.location});
  }
}

}  // namespace portcullis::proxy
