// Plans: what a change would do, without making it.

#include <algorithm>
#include <utility>

#include "control/deployment.h"
#include "control/revisions/publisher.h"
#include "control/revisions/secret_places.h"

namespace portcullis::control {

// The refusal of all changes while files alone may change objects.
std::optional<Refusal> Publisher::refuse_writes() const {
  const config::Config& config = deployment_.config();
  if (config::writes_of(config.admin, config.store) != config::AdminWrites::kFiles) return std::nullopt;
  return Refusal{
      .status = 409,
      .title =
          "objects can be changed in files only: `admin.writes` is `files`; set `store` at the top "
          "level, or `admin.writes: both`"};
}

PlanInHand Publisher::begin_plan(const ChangeRequest& request) {
  PlanInHand out;
  auto tried = resolve(live_, request.edits, [this](const config::Object& one) { return tag_of(one); });
  if (auto* refusal = std::get_if<Refusal>(&tried)) {
    out.plan.refusal = std::move(*refusal);
    return out;
  }
  out.resolved = std::move(std::get<Resolved>(tried));
  out.plan.refusal = refuse_writes();
  if (!out.plan.refusal) out.plan.refusal = refuse(request, out.resolved);
  for (const ObjectId& id : out.resolved.touched) {
    const LiveObjects::Entry* const before = live_.find(id);
    out.plan.before.push_back(before == nullptr ? nullptr : before->object);
  }
  out.read = reading_with(out.resolved.objects);
  return out;
}

Plan Publisher::end_plan(PlanInHand in_hand, const ChangeRequest& request,
                         std::optional<config::Config> config) const {
  Plan out = std::move(in_hand.plan);
  const Resolved& resolved = in_hand.resolved;
  out.findings = findings_of(in_hand.reading.diagnostics, resolved);
  out.assertions = std::move(in_hand.reading.assertions);
  if (!config && !out.refusal) out.refusal = refusal_of(out.findings, request, resolved);
  // What has been loaded knows its secrets.
  LiveObjects next;
  if (config) next.replace(std::move(in_hand.reading.objects), 0);
  std::vector<ObjectPointer> unloaded;
  for (size_t i = 0; i < resolved.touched.size(); ++i) {
    const LiveObjects::Entry* const after = next.find(resolved.touched[i]);
    out.after.push_back(after == nullptr ? resolved.after[i] : after->object);
    if (after == nullptr && resolved.after[i] != nullptr) unloaded.push_back(resolved.after[i]);
  }
  if (!unloaded.empty()) {
    auto known = with_secrets(unloaded);
    size_t next_known = 0;
    for (ObjectPointer& after : out.after) {
      if (next_known < unloaded.size() && after == unloaded[next_known]) after = known[next_known++];
    }
  }
  out.config = std::move(config);
  return out;
}

}  // namespace portcullis::control
