// Revisions that others have published, and stores that were restored from a backup.

#include <utility>

#include "base/say.h"
#include "control/deployment.h"
#include "control/revisions/findings.h"
#include "control/revisions/publisher.h"

namespace portcullis::control {
namespace {

bool have_same_files(const LiveObjects& live, const config::ObjectDocument& next) {
  LiveObjects of_files;
  of_files.replace({nullptr, live.of_files()}, 0);
  config::ObjectDocument others;
  for (const ObjectPointer& one : next.objects) {
    if (one->is_from_file()) others.objects.push_back(one);
  }
  return of_files.changes_to(others).empty();
}

}  // namespace

// What cannot be read changes nothing here: what is to be stored then says so.
Task<Status> Publisher::look() {
  is_behind_ = false;
  newer_.reset();
  Task<Result<std::optional<NewerRevision>>> reading = ledger_->newer(known_);
  Result<std::optional<NewerRevision>> found = co_await reading;
  unread_ = found ? "" : found.error().message;
  if (found) newer_ = std::move(*found);
  if (newer_) newer_->live.share(live_);
  if (found && !newer_) {
    refused_.reset();
    awaited_.reset();  // it has ended, or else it would be news
  }
  const store::Head& head = newer_ ? newer_->head : known_;
  const bool is_foreign = !head.in_force.canary.empty() && head.in_force.canary != own_canary_;
  if (is_foreign && ledger_->shared_canary() == nullptr)
    co_return Error{
        "revision " + std::to_string(head.newest) +
        " is a canary of another process that uses the store: promote it or withdraw it there, or "
        "restart this process, which then goes on with it"};
  co_return Status();
}

Task<Status> Publisher::look_for_newer() {
  Task<Status> looking = look();
  Status looked = co_await looking;
  const store::Head& head = newer_ ? newer_->head : known_;
  if (looked && ledger_->shared_canary() != nullptr && !head.in_force.canary.empty())
    looked = refuse_beside_canary(head.newest);
  co_return looked;
}

Error Publisher::refuse_beside_canary(uint64_t number) {
  return Error{"revision " + std::to_string(number) +
               " is a canary: promote it or withdraw it before another change"};
}

std::string Publisher::cannot_be_served(uint64_t number, const std::string& why) {
  return "revision " + std::to_string(number) + " cannot be served here: " + why;
}

// The look is repeated, and the same reason is told once.
void Publisher::note_refused(uint64_t number, const std::string& why) {
  std::string text = cannot_be_served(number, why);
  if (!refused_ || refused_->why != text)
    say(Level::kError, text + "; revision " + std::to_string(revision()) + " goes on serving");
  refused_ = {number, std::move(text)};
}

Task<CaughtUp> Publisher::catch_up(Settle settle) {
  CaughtUp out;
  stored_ = Stored::kYes;
  Task<Status> looking = look();
  const Status looked = co_await looking;
  out.unread = unread_;
  out.has_found = newer_.has_value();
  if (!looked) out.refusal = Refusal{.status = 409, .title = looked.error().message};
  if (!looked || !newer_) co_return out;
  settle(newer_->head);
  store::Head& head = newer_->head;
  const uint64_t number = head.in_force.number;
  // A canary counts as known when it has begun here.
  awaited_.reset();
  std::string canary;
  if (ledger_->shared_canary() != nullptr) canary = std::exchange(head.in_force.canary, "");
  if (!canary.empty()) awaited_ = AwaitedCanary{head.newest, number, std::move(canary)};
  const LiveObjects before = live_;
  Task<Status> trying = has_newer_in_force() ? adopt_newer() : try_newer();
  const Status tried = co_await trying;
  if (tried) {
    out.changed = before.differences(live_);
  } else {
    is_behind_ = newer_ && ledger_->holds() == Ledger::Holds::kApiOnly;
    if (!is_behind_) newer_.reset();
    note_refused(number, tried.error().message);
    out.refusal = Refusal{.status = 503, .title = refused_->why, .retry_later = true};
  }
  co_return out;
}

// Whether the revision in force is the one that others have put in force: a canary has begun or ended.
bool Publisher::has_newer_in_force() const {
  return ledger_->holds() == Ledger::Holds::kApiOnly && !newer_->is_restored &&
         newer_->head.in_force.number == deployment_.revision() &&
         changes_from(newer_->live, live_.document()).empty();
}

// Takes over what the ledger has beside the revision in force, which stays.
Task<Status> Publisher::adopt_newer() {
  known_ = newer_->head;
  apart_ = std::move(newer_->newest);
  forget_apart_if_live();
  newer_.reset();
  if (!awaited_ || (refused_ && refused_->number != awaited_->number)) refused_.reset();
  Task<Status> noting = ledger_->note_served(known_.in_force.number);
  co_return co_await noting;
}

Task<Status> Publisher::try_newer() {
  const uint64_t from = deployment_.revision();
  Task<Checked> checking = check_change(reading_with(newer_->live.of_api()));
  Checked checked = co_await checking;
  if (!checked.config) co_return first_error(checked.reading.diagnostics);
  Publication publication{.config = std::move(*checked.config),
                          .objects = std::move(checked.reading.objects),
                          .checked_from = from};
  Task<Status> publishing = publish(std::move(publication));
  co_return co_await publishing;
}

// Puts in force what the store has, with the present files of this node, or a change of that which this node
// could not serve. Only such a change and other files than those that are in force make a revision.
Task<Status> Publisher::take_over(Publication publication) {
  NewerRevision newer = std::move(*newer_);
  const store::Head before = known_;
  store::Changes changes = changes_from(newer.newest, publication.objects);
  // The files of a node are in no revision of its cluster.
  const bool has_own_files =
      ledger_->holds() == Ledger::Holds::kAll && !have_same_files(live_, publication.objects);
  const bool is_new = (is_behind_ || has_own_files) && !changes.empty();
  const uint64_t number = is_new ? newer.head.newest + 1 : newer.head.in_force.number;
  stored_ = Stored::kYes;
  summary_.clear();
  Deployment::Record record;
  if (is_new) {
    store::Draft draft = draft_by(publication.author);
    draft.newest = newer.head.newest;
    draft.newest_hash = newer.head.hash;
    draft.parent = newer.head.in_force.number;
    record = recording(std::move(draft), std::move(changes));
  } else {
    record = [this, number] { return ledger_->note_served(number); };
  }
  Task<Status> publishing = deployment_.publish(std::move(publication.config), number, std::move(record));
  const Status published = co_await publishing;
  if (!published) {
    newer_ = std::move(newer);
    co_return published;
  }
  newer_.reset();
  is_behind_ = false;
  live_.follow(std::move(publication.objects), number, newer.live);
  apart_.reset();
  if (!is_new) {
    known_ = newer.head;
    apart_ = newer.newest;
    forget_apart_if_live();
  }
  is_stored_ = true;
  refused_.reset();
  if (newer.is_restored)
    say(Level::kWarning, "the store has been restored: revision " + std::to_string(before.newest) +
                             " is not in it any more, and revision " +
                             std::to_string(newer.head.in_force.number) + " of the store is taken over");
  if (!is_new) {
    say("revision " + std::to_string(number) + ", which others have published, is in force");
    follow_(number, newer.author);
  }
  co_return published;
}

}  // namespace portcullis::control
