#include "proxy/rehearsal_notes.h"

#include "proxy/recorded_head.h"

namespace portcullis::proxy {
namespace {

// Records that the outcome depends on `part`, which was not recorded.
bool note_unknown(Rehearsal& out, const std::string& part) {
  out.end = Rehearsal::End::kUnknown;
  out.unknown = part + " was not recorded";
  return true;
}

// For a recorded request that the gateway refuses: `errors` may decide about the status by something that was
// not recorded.
void note_unrecorded_of_rules(Rehearsal& out, const ExchangeState& state) {
  const ErrorRules* const rules = state.snapshot->snapshot->errors.get();
  if (state.recorded == nullptr || state.record.error_status == 0 || rules == nullptr) return;
  const std::string missing = missing_part(*state.recorded, rules->reads());
  if (!missing.empty()) note_unknown(out, missing);
}

}  // namespace

bool note_prepared(Rehearsal& out, const ExchangeState& state) {
  const Request& request = state.request;
  out.method = request.head.method;
  out.scheme = request.origin.scheme;
  out.host = request.host;
  out.path = request.path;
  out.query = request.head.query;
  out.client = request.origin.client;
  for (const http::Field& field : request.head.fields) out.fields.emplace_back(field.name, field.value);
  out.is_routed = !request.target_path.empty();
  if (request.route != nullptr) out.route = request.route_index;
  out.allow = request.allow;
  if (request.doubt == nullptr || request.doubt->met.empty()) return true;
  note_unknown(out, request.doubt->met);
  out.route.reset();
  return false;
}

bool note_unrecorded(Rehearsal& out, const ExchangeState& state, const PlacedPolicy& policy) {
  const policy::RequestReads* const reads = state.snapshot->snapshot->reads->of(policy.policy.get());
  if (reads == nullptr) return false;
  const std::string missing = missing_part(*state.recorded, *reads);
  return !missing.empty() && note_unknown(out, missing);
}

void note_policy(Rehearsal& out, ExchangeState& state, const PlacedPolicy& policy,
                 const policy::Decision& decision) {
  using Kind = policy::Decision::Kind;
  uint16_t status = 0;
  if (decision.kind == Kind::kRefuse) status = decision.status;
  if (decision.kind == Kind::kAnswer) status = state.response.status;
  out.policies.push_back(
      {.name = policy.name,
       .location = policy.location,
       .policy_set = policy.policy_set,
       .is_reached = true,
       .decision = decision.kind,
       .status = status,
       .reason = decision.reason,
       // The remarks about a single recorded request are not reported.
       .notes = state.recorded == nullptr ? policy->explain(state.context, decision) : policy::Notes()});
  if (decision.kind != Kind::kUnknown) return;
  out.end = Rehearsal::End::kUnknown;
  out.unknown = "the policy `" + std::string(policy.name) + "` asks another service";
}

void note_forwarding(Rehearsal& out, ExchangeState& state) {
  out.end = Rehearsal::End::kForwarded;
  out.target_path = state.request.target_path;
  const Split& split = state.request.route->split;
  if (state.recorded != nullptr) {
    policy::RequestReads reads;
    split.add_reads(reads);
    const std::string missing = missing_part(*state.recorded, reads);
    if (!missing.empty()) return void(note_unknown(out, missing));
  }
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
    if (state.record.error_rule != nullptr) out.error_rule = state.record.error_rule->location;
    note_unrecorded_of_rules(out, state);
  }
  const Route* const governing = state.request.governing;
  if (governing == nullptr) return;
  for (size_t i = out.policies.size(); i < governing->policies.size(); ++i) {
    const PlacedPolicy& one = governing->policies[i];
    out.policies.push_back({.name = one.name, .location = one.location, .policy_set = one.policy_set});
  }
}

}  // namespace portcullis::proxy
