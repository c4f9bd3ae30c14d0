// Revisions that begin as canaries: stored beside the one in force, which is the parent of both them and the
// revision that follows them when they are withdrawn.

#include <utility>

#include "control/canary.h"
#include "control/deployment.h"
#include "control/revisions/canary_settings.h"
#include "control/revisions/findings.h"
#include "control/revisions/publisher.h"

namespace portcullis::control {

Task<ChangeOutcome> Publisher::begin_canary(Publication publication, proxy::CanaryRules rules,
                                            CanaryControl& control) {
  if (is_behind_) co_return Refusal{.status = 503, .title = last_error(), .retry_later = true};
  const uint64_t number = known_.newest + 1;
  const StoredCanary stored{rules, std::chrono::system_clock::now()};
  store::Draft draft = draft_by(publication.author);
  draft.canary = text_of(stored);
  own_canary_ = draft.canary;
  stored_ = Stored::kYes;
  config::ObjectDocument in_store = as_stored(publication.objects);
  Deployment::Record record = recording(std::move(draft), changes_from(newest_objects(), in_store));
  Task<Status> beginning =
      control.begin(std::move(publication.config), std::move(rules), number, stored.since, std::move(record));
  const Status begun = co_await beginning;
  last_error_ = begun ? "" : begun.error().message;
  if (!begun) co_return refusal_of_failed(begun);
  canary_ = live_;
  canary_->replace(std::move(publication.objects), number);
  apart_ = newest_objects();
  apart_->replace(std::move(in_store), number);
  co_return Published{number, summary_};
}

// Begins a canary whose objects are those of the newest revision of the store.
Task<Status> Publisher::begin_again(std::string text, uint64_t number, CanaryControl& control) {
  const auto stored = stored_canary_of(text);
  if (!stored || !apart_) co_return Error{"the store has no rules for it that this version understands"};
  Task<Checked> checking = check_change(reading_with(apart_->of_api()));
  Checked checked = co_await checking;
  if (!checked.config) co_return first_error(checked.reading.diagnostics);
  Task<Status> beginning = control.begin(std::move(*checked.config), stored->rules, number, stored->since);
  const Status begun = co_await beginning;
  if (!begun) co_return begun;
  own_canary_ = std::move(text);
  canary_ = live_;
  canary_->follow(std::move(checked.reading.objects), number, *apart_);
  co_return begun;
}

Task<Status> Publisher::resume_canary(CanaryControl& control) {
  if (deployment_.revision() != at_start_.number)
    co_return Error{"what it was compared with has changed while the gateway did not serve"};
  Task<Status> beginning = begin_again(at_start_.canary, stored_canary_, control);
  co_return co_await beginning;
}

Task<Status> Publisher::follow_canary(CanaryControl& control) {
  const AwaitedCanary awaited = *awaited_;
  if (deployment_.revision() != awaited.base)
    co_return Error{"the revision that it is compared with is not in force"};
  if (control.revision() != awaited.number) {
    Task<Status> beginning = begin_again(awaited.text, awaited.number, control);
    const Status begun = co_await beginning;
    if (!begun) {
      note_refused(awaited.number, begun.error().message);
      co_return begun;
    }
  }
  known_.in_force.canary = awaited.text;
  awaited_.reset();
  refused_.reset();
  co_return Status();
}

bool Publisher::is_in_trial() const {
  return awaited_ || (ledger_->shared_canary() != nullptr && !known_.in_force.canary.empty());
}

Task<Status> Publisher::record_canary_end(uint64_t in_force) {
  RevisionStore::Write write = [in_force](store::Store& store) { return store.end_canary(in_force); };
  Task<Status> writing = store().write(std::move(write));
  const Status written = co_await writing;
  if (written) {
    known_.in_force = {in_force, ""};
  } else {
    last_error_ = written.error().message;
  }
  co_return written;
}

std::optional<Refusal> Publisher::refuse_promotion(const config::TextMap& labels) const {
  if (labels.empty() || !canary_) return std::nullopt;
  const std::set<ObjectId> differing = canary_->differences(live_);
  Resolved resolved{.objects = canary_->of_api(), .touched = {differing.begin(), differing.end()}};
  for (const ObjectId& id : resolved.touched) {
    const LiveObjects::Entry* const after = canary_->find(id);
    resolved.after.push_back(after == nullptr ? nullptr : after->object);
  }
  return check_labels(labels, resolved);
}

void Publisher::take_canary_objects() {
  if (canary_) live_ = std::move(*canary_);
  canary_.reset();
  forget_apart_if_live();
}

void Publisher::drop_canary_objects() {
  canary_.reset();
}

}  // namespace portcullis::control
