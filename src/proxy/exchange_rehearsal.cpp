// How an exchange finds out what would become of a request that no client has sent: see proxy/rehearsal.h.

#include "proxy/exchange.h"
#include "proxy/rehearsal.h"

namespace portcullis::proxy {

Task<void> Exchange::rehearse(policy::Purpose purpose, Rehearsal& rehearsal) {
  rehearsal_ = &rehearsal;
  context_.purpose = purpose;
  context_.errands = nullptr;
  rehearsal.version = snapshot_->snapshot->version;
  co_await run();
  if (answered_) {
    rehearsal.ended = ended_;
    rehearsal.status = response_.status;
  }
  if (governing_ == nullptr) co_return;
  for (size_t i = rehearsal.policies.size(); i < governing_->policies.size(); ++i) {
    const PlacedPolicy& one = governing_->policies[i];
    rehearsal.policies.push_back({.name = one.name, .location = one.location});
  }
}

// The request as routes and policies see it, and the route that it has found.
void Exchange::note_prepared() {
  Rehearsal& out = *rehearsal_;
  out.method = request_.method;
  out.scheme = origin_.scheme;
  out.host = host_;
  out.path = path_;
  out.query = request_.query;
  out.client = origin_.client;
  for (const http::Field& field : request_.fields) out.fields.emplace_back(field.name, field.value);
  out.is_routed = !target_path_.empty();
  if (route_ != nullptr) out.route = static_cast<size_t>(route_ - snapshot_->snapshot->routes.data());
  out.allow = allow_;
}

void Exchange::note_rehearsed(const PlacedPolicy& one, const policy::Decision& decision) {
  using Kind = policy::Decision::Kind;
  const uint16_t status = decision.kind == Kind::kRefuse                                    ? decision.status
                          : decision.kind == Kind::kAnswer || decision.kind == Kind::kServe ? response_.status
                                                                                            : uint16_t{0};
  rehearsal_->policies.push_back({.name = one.name,
                                  .location = one.location,
                                  .is_reached = true,
                                  .decision = decision.kind,
                                  .status = status,
                                  .reason = decision.reason,
                                  .notes = one->explain(context_, decision)});
  if (decision.kind == Kind::kUnknown) rehearsal_->end = Rehearsal::End::kUnknown;
}

// A target would be asked: which branch's, where that is not left to chance.
void Exchange::note_forwarding() {
  Rehearsal& out = *rehearsal_;
  out.end = Rehearsal::End::kForwarded;
  out.target_path = target_path_;
  const Split& split = route_->split;
  const Clock::time_point now = worker_.loop().now();
  const Branch* chosen = split.only();
  if (chosen != nullptr) {
    out.branch_reason = "the only one";
  } else if ((chosen = split.by_condition(context_, now)) != nullptr) {
    out.branch_reason = "its `when` holds";
  } else if (const auto place = split.known_place(context_)) {
    chosen = &split.by_place(*place, now);
    out.branch_reason = "by `split_sticky`";
  }
  if (chosen != nullptr) out.branch = static_cast<size_t>(chosen - split.branches().data());
}

}  // namespace portcullis::proxy
