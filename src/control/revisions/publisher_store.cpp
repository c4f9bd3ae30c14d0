// Revisions on their way into the store and into force.

#include <utility>

#include "base/wall_clock.h"
#include "control/deployment.h"
#include "control/revisions/publisher.h"

namespace portcullis::control {

// Stores the first revision of the process, after that has failed at the start: the next one is stored as a
// change of it.
Task<Status> Publisher::record_first() {
  std::vector<store::Object> objects;
  for (const auto& [id, entry] : live_.entries()) objects.push_back(stored_form_of(*entry.object));
  const store::Draft draft{.newest = known_.newest,
                           .newest_hash = known_.hash,
                           .time = current_second(),
                           .author = "file",
                           .message = ""};
  Task<Result<store::AppendOutcome>> appending = ledger_->append_all(draft, std::move(objects));
  const Result<store::AppendOutcome> outcome = co_await appending;
  if (!outcome) co_return outcome.error();
  const auto* const appended = std::get_if<store::Appended>(&*outcome);
  if (appended == nullptr) co_return Error{"the revision in force cannot be stored: restart the gateway"};
  note_appended(appended->revision, "");
  is_stored_ = true;
  apart_.reset();
  co_return Status();
}

void Publisher::note_appended(const store::Revision& revision, std::string canary) {
  const uint64_t in_force = canary.empty() ? revision.number : revision.parent;
  known_ = {revision.number, revision.hash, {in_force, std::move(canary)}};
}

Task<Status> Publisher::record(store::Draft draft, store::Changes changes) {
  stored_ = Stored::kFailed;
  if (!is_stored_ && !newer_) {
    Task<Status> recording = record_first();
    const Status first = co_await recording;
    if (!first) co_return first;
    draft.newest = known_.newest;
    draft.newest_hash = known_.hash;
    draft.parent = known_.newest;
  }
  const std::string canary = draft.canary;
  Task<Result<store::AppendOutcome>> appending = ledger_->append(std::move(draft), std::move(changes));
  const Result<store::AppendOutcome> outcome = co_await appending;
  Status status;
  if (!outcome) {
    status = outcome.error();
  } else if (const auto* appended = std::get_if<store::Appended>(&*outcome)) {
    stored_ = Stored::kYes;
    note_appended(appended->revision, canary);
    summary_ = appended->revision.summary;
  } else if (const auto* overtaken = std::get_if<store::Overtaken>(&*outcome)) {
    stored_ = Stored::kOvertaken;
    status = Error{overtaken->message};
  } else if (const auto* unusable = std::get_if<store::Unusable>(&*outcome)) {
    stored_ = Stored::kUnusable;
    status = Error{unusable->object.kind + "/" + unusable->object.name + ": " + unusable->message};
  } else {
    status = Error{"the store has these objects already"};
  }
  co_return status;
}

// The changes can be large, and a function is copied as it is handed on. It is called once at most.
std::function<Task<Status>()> Publisher::recording(store::Draft draft, store::Changes changes) {
  auto owned =
      std::make_shared<std::pair<store::Draft, store::Changes>>(std::move(draft), std::move(changes));
  return [this, what = std::move(owned)] { return record(std::move(what->first), std::move(what->second)); };
}

store::Changes Publisher::changes_from(const LiveObjects& before, const config::ObjectDocument& next) const {
  return before.changes_to(
      next, ledger_->holds() == Ledger::Holds::kAll ? LiveObjects::Whose::kAll : LiveObjects::Whose::kOfApi);
}

store::Draft Publisher::draft_by(const Author& author) const {
  return {.newest = known_.newest,
          .newest_hash = known_.hash,
          .time = current_second(),
          .author = author.name,
          .message = author.message,
          .parent = deployment_.revision()};
}

config::ObjectDocument Publisher::as_stored(const config::ObjectDocument& next) const {
  if (!apart_) return next;
  config::ObjectDocument out;
  std::set<ObjectId> of_api;
  for (const ObjectPointer& one : next.objects) {
    if (one->is_from_file()) continue;
    of_api.insert(id_of(*one));
    out.objects.push_back(one);
  }
  for (const auto& [id, entry] : apart_->entries()) {
    if (entry.object->is_from_file() && !of_api.contains(id)) out.objects.push_back(entry.object);
  }
  return out;
}

// What the store has apart is kept only while it is something else than what is in force.
void Publisher::forget_apart_if_live() {
  if (apart_ && changes_from(*apart_, live_.document()).empty()) apart_.reset();
}

Task<Status> Publisher::publish(Publication publication) {
  if (deployment_.revision() != publication.checked_from)  // a canary was promoted
    co_return Error{"another revision has come into force while the files were checked: reload again"};
  Task<Status> publishing =
      newer_ ? take_over(std::move(publication)) : publish_files(std::move(publication));
  const Status published = co_await publishing;
  last_error_ = published ? "" : published.error().message;
  co_return published;
}

// Puts files that have been read again in force, as a revision with what they say.
Task<Status> Publisher::publish_files(Publication publication) {
  store::Changes changes = changes_from(newest_objects(), publication.objects);
  const bool is_stored = changes.empty() && known_.newest == known_.in_force.number;
  const bool has_changes = !changes_from(live_, publication.objects).empty() && !is_stored;
  const uint64_t number = !has_changes ? deployment_.revision() : known_.newest + (is_stored_ ? 1 : 2);
  stored_ = Stored::kYes;
  summary_.clear();
  Deployment::Record record;
  if (has_changes) {
    record = recording(draft_by(publication.author), std::move(changes));
  }
  Task<Status> publishing = deployment_.publish(std::move(publication.config), number, std::move(record));
  const Status published = co_await publishing;
  if (published) live_.replace(std::move(publication.objects), number);
  if (published && has_changes) apart_.reset();
  co_return published;
}

// Puts a change of objects of the API in force. The objects of files stay as they are, here and in the store.
Task<Status> Publisher::publish_change(Publication publication) {
  const uint64_t number = known_.newest + (is_stored_ ? 1 : 2);
  stored_ = Stored::kYes;
  summary_.clear();
  config::ObjectDocument in_store = as_stored(publication.objects);
  Deployment::Record record =
      recording(draft_by(publication.author), changes_from(newest_objects(), in_store));
  Task<Status> publishing =
      deployment_.publish(std::move(publication.config), number, std::move(record), publication.extent);
  const Status published = co_await publishing;
  if (!published) co_return published;
  live_.replace(std::move(publication.objects), number);
  if (apart_) apart_->replace(std::move(in_store), number);
  forget_apart_if_live();
  co_return published;
}

Task<ChangeOutcome> Publisher::put_in_force(Publication publication) {
  Task<Status> publishing =
      is_behind_ ? take_over(std::move(publication)) : publish_change(std::move(publication));
  const Status published = co_await publishing;
  last_error_ = published ? "" : published.error().message;
  if (published) co_return Published{deployment_.revision(), summary_};
  co_return refusal_of_failed(published);
}

Refusal Publisher::refusal_of_failed(const Status& published) const {
  Refusal out{.status = 422, .title = published.error().message};
  if (stored_ == Stored::kOvertaken) out.status = 409;
  if (stored_ == Stored::kFailed) {
    out.status = 503;
    out.retry_later = true;
  }
  return out;
}

}  // namespace portcullis::control
