#include "control/cluster/cluster_ledger.h"

#include <utility>

#include "base/say.h"
#include "control/cluster/cluster_member.h"

namespace portcullis::control {

namespace {

// What is in force, with what the key `canary` says.
Result<store::Head> head_of(store::Store& store, const std::optional<cluster::Canary>& canary) {
  auto head = store.head();
  if (head) head->in_force = cluster::in_force_of(head->newest, canary);
  return head;
}

// What is to be served at the start, without a canary: that is followed when the node serves. The revision in
// force is not when it has objects that this version does not know; then it is the one that was served last.
Result<store::Head> head_to_serve(store::Store& store, store::Head head, uint64_t served_last) {
  head.in_force.canary.clear();
  const uint64_t in_force = head.in_force.number;
  const Status usable = check_kinds(store, in_force);
  if (usable) return head;
  if (served_last == in_force) return usable.error();
  if (const Status also = check_kinds(store, served_last); !also) return also.error();
  const auto found = store.revision(served_last);
  if (!found) return found.error();
  const auto* const revision = std::get_if<store::Revision>(&*found);
  if (revision == nullptr && served_last != 0) return usable.error();
  say(Level::kError, usable.error().message + ". Revision " + std::to_string(served_last) +
                         ", which this node has served last, is served");
  return store::Head{served_last, revision == nullptr ? std::string() : revision->hash, {served_last, ""}};
}

RevisionStore::Write note_call(uint64_t number) {
  return [number](store::Store& store) { return store.set_served(number); };
}

}  // namespace

RevisionStore& ClusterLedger::store() {
  return member_.store();
}

Result<Ledger::AtStart> ClusterLedger::at_start() {
  return store().ask_now<AtStart>([](store::Store& store) -> Result<AtStart> {
    const auto canary = store.canary();
    if (!canary) return canary.error();
    const auto told = stored_canary(*canary);
    auto found = head_of(store, told ? *told : std::nullopt);
    if (!found) return found.error();
    const auto served = store.served();
    if (!served) return served.error();
    const uint64_t served_last = served->value_or(found->in_force.number);
    if (!told) found->in_force = {served_last, ""};
    auto head = head_to_serve(store, std::move(*found), served_last);
    if (!head) return head.error();
    return AtStart{std::move(*head), served_last};
  });
}

Task<Result<std::optional<NewerRevision>>> ClusterLedger::newer(store::Head known) {
  using Newer = std::optional<NewerRevision>;
  const cluster::Current& watched = member_.view().current;
  // An etcd that was restored from a backup may have another revision of the same number.
  const bool is_known = watched.number == known.newest && member_.mirror().has(watched) &&
                        cluster::in_force_in(member_.view()) == known.in_force;
  const bool must_ask = std::exchange(must_ask_, false) || is_overtaken_;
  if (is_known && !must_ask) co_return Result<Newer>(Newer());
  if (!is_overtaken_ && !member_.stale().empty()) co_return Result<Newer>(Error{member_.stale()});
  Task<Status> catching = member_.catch_up();
  if (const Status caught = co_await catching; !caught) co_return Result<Newer>(caught.error());
  is_overtaken_ = false;
  const auto canary = member_.mirror().canary();
  if (!canary) co_return Result<Newer>(canary.error());
  RevisionStore::Call<Newer> call = [its_known = std::move(known),
                                     its_canary = *canary](store::Store& store) -> Result<Newer> {
    auto head = head_of(store, its_canary);
    if (!head) return head.error();
    return newer_revision(store, std::move(*head), its_known);
  };
  Task<Result<Newer>> reading = store().ask<Newer>(std::move(call));
  co_return co_await reading;
}

Task<Status> ClusterLedger::note_served(uint64_t number) {
  Task<Status> noting = store().write(note_call(number));
  const Status noted = co_await noting;
  if (!noted) say(Level::kError, noted.error().message);
  co_return Status();
}

Status ClusterLedger::note_served_first(uint64_t number) {
  return store().write_now(note_call(number));
}

Task<Result<store::AppendOutcome>> ClusterLedger::finish(Task<Result<cluster::PublishOutcome>> publishing,
                                                         store::Draft draft) {
  Task<Status> checking = member_.check_keys();
  if (const Status checked = co_await checking; !checked) co_return checked.error();
  Result<cluster::PublishOutcome> outcome = co_await publishing;
  if (!outcome) co_return outcome.error();
  if (const auto* overtaken = std::get_if<store::Overtaken>(&*outcome)) {
    is_overtaken_ = true;
    co_return store::AppendOutcome(*overtaken);
  }
  if (const auto* unchanged = std::get_if<store::Unchanged>(&*outcome))
    co_return store::AppendOutcome(*unchanged);
  if (const auto* unusable = std::get_if<store::Unusable>(&*outcome))
    co_return store::AppendOutcome(*unusable);
  const cluster::ContentPtr content = std::get<cluster::Published>(*outcome).content;
  const std::optional<cluster::Canary> canary = cluster::begun_canary(content->header.revision, draft);
  Task<Status> copying = member_.mirror().add(content, canary ? cluster::text_of(*canary) : "");
  const Status copied = co_await copying;
  if (!copied)
    say(Level::kError, "revision " + std::to_string(content->header.revision.number) +
                           " is in etcd, and could not be copied: " + copied.error().message);
  co_return store::AppendOutcome(store::Appended{content->header.revision});
}

Task<Result<store::AppendOutcome>> ClusterLedger::append(store::Draft draft, store::Changes changes) {
  return finish(member_.cluster().publisher.publish(draft, std::move(changes)), draft);
}

Task<Result<store::AppendOutcome>> ClusterLedger::append_all(store::Draft draft,
                                                             std::vector<store::Object> objects) {
  return finish(member_.cluster().publisher.publish_all(draft, std::move(objects)), draft);
}

Task<Result<store::Found<uint64_t>>> ClusterLedger::tag(std::string name, uint64_t number) {
  return member_.cluster().documents.tag(std::move(name), number);
}

Task<Result<store::Store::Untagged>> ClusterLedger::remove_tag(std::string name) {
  using Untagged = store::Store::Untagged;
  Task<Result<cluster::Documents::Untagged>> removing =
      member_.cluster().documents.remove_tag(std::move(name));
  const Result<cluster::Documents::Untagged> removed = co_await removing;
  if (!removed) co_return removed.error();
  co_return *removed == cluster::Documents::Untagged::kRemoved ? Untagged::kRemoved : Untagged::kUnknown;
}

SharedCanary* ClusterLedger::shared_canary() {
  return &member_.canary();
}

}  // namespace portcullis::control
