// The start of a publisher: what the store has, and which of its revisions is served first.

#include <utility>

#include "base/wall_clock.h"
#include "control/deployment.h"
#include "control/revisions/publisher.h"

namespace portcullis::control {
namespace {

// Reads the objects of a revision. For the start: blocks.
Result<LiveObjects> objects_in(RevisionStore& store, uint64_t number) {
  return store.ask_now<LiveObjects>(
      [number](store::Store& opened) { return stored_objects(opened, number); });
}

Result<std::string> hash_in(RevisionStore& store, uint64_t number) {
  return store.ask_now<std::string>([number](store::Store& opened) -> Result<std::string> {
    const auto found = opened.revision(number);
    if (!found) return found.error();
    const auto* const revision = std::get_if<store::Revision>(&*found);
    return revision == nullptr ? std::string() : revision->hash;
  });
}

}  // namespace

Status Publisher::open(std::unique_ptr<Ledger> ledger) {
  ledger_ = std::move(ledger);
  auto found = ledger_->at_start();
  if (!found) return found.error();
  known_ = std::move(found->head);
  served_last_ = found->served_last;
  at_start_ = known_.in_force;
  own_canary_ = at_start_.canary;
  stored_canary_ = at_start_.canary.empty() ? 0 : known_.newest;
  auto objects = objects_in(store(), at_start_.number);
  if (!objects) return objects.error();
  live_ = std::move(*objects);
  if (known_.newest == at_start_.number) return {};
  objects = objects_in(store(), known_.newest);
  if (!objects) return objects.error();
  apart_ = std::move(*objects);
  return {};
}

Result<bool> Publisher::fall_back(const std::string& why) {
  if (served_last_ == at_start_.number) return false;
  auto objects = objects_in(store(), served_last_);
  if (!objects) return objects.error();
  auto hash = hash_in(store(), served_last_);
  if (!hash) return hash.error();
  refused_ = {at_start_.number, cannot_be_served(at_start_.number, why)};
  live_ = std::move(*objects);
  apart_.reset();
  at_start_ = {served_last_, ""};
  known_ = {served_last_, std::move(*hash), at_start_};
  return true;
}

uint64_t Publisher::first_revision(const config::ObjectDocument& objects) const {
  const uint64_t in_force = at_start_.number;
  if (ledger_->holds() == Ledger::Holds::kApiOnly) return in_force;
  const store::Changes changes = live_.changes_to(objects);
  return changes.put.empty() && changes.remove.empty() && in_force != 0 ? in_force : known_.newest + 1;
}

Status Publisher::begin(config::ObjectDocument objects) {
  const uint64_t number = first_revision(objects);
  Status stored;
  if (number != at_start_.number) {
    const store::Draft draft{.newest = known_.newest,
                             .newest_hash = known_.hash,
                             .time = current_second(),
                             .author = "file",
                             .message = "",
                             .parent = at_start_.number};
    const auto appended = store().ask_now<store::AppendOutcome>(
        [&](store::Store& store) { return store.append(draft, newest_objects().changes_to(objects)); });
    if (!appended) stored = appended.error();
    const auto* const done = appended ? std::get_if<store::Appended>(&*appended) : nullptr;
    is_stored_ = done != nullptr;
    if (is_stored_) {
      note_appended(done->revision, "");
      apart_.reset();
    }
  } else {
    stored = ledger_->note_served_first(number);
  }
  live_.replace(std::move(objects), number);
  last_error_ = stored ? "" : stored.error().message;
  return stored;
}

}  // namespace portcullis::control
