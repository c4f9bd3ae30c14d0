#include "control/revisions/ledger.h"

#include <utility>

namespace portcullis::control {

Result<Ledger::AtStart> StoreLedger::at_start() {
  auto head = store_->ask_now<store::Head>([](store::Store& store) { return store.head(); });
  if (!head) return head.error();
  const uint64_t in_force = head->in_force.number;
  return AtStart{std::move(*head), in_force};
}

Task<Result<std::optional<NewerRevision>>> StoreLedger::newer(store::Head known) {
  using Newer = std::optional<NewerRevision>;
  if (store_->is_in_memory()) co_return Result<Newer>(Newer());
  RevisionStore::Call<Newer> call = [its_known = std::move(known)](store::Store& store) -> Result<Newer> {
    auto head = store.head();
    if (!head) return head.error();
    return newer_revision(store, std::move(*head), its_known);
  };
  Task<Result<Newer>> reading = store_->ask<Newer>(std::move(call));
  co_return co_await reading;
}

Task<Status> StoreLedger::note_served(uint64_t) {
  co_return Status();
}

Status StoreLedger::note_served_first(uint64_t) {
  return {};
}

Task<Result<store::AppendOutcome>> StoreLedger::append(store::Draft draft, store::Changes changes) {
  RevisionStore::Call<store::AppendOutcome> call = [its_draft = std::move(draft),
                                                    its_changes = std::move(changes)](store::Store& store) {
    return store.append(its_draft, its_changes);
  };
  return store_->ask<store::AppendOutcome>(std::move(call));
}

Task<Result<store::AppendOutcome>> StoreLedger::append_all(store::Draft draft,
                                                           std::vector<store::Object> objects) {
  RevisionStore::Call<store::AppendOutcome> call = [its_draft = std::move(draft),
                                                    its_objects = std::move(objects)](store::Store& store) {
    return store.append_all(its_draft, its_objects);
  };
  return store_->ask<store::AppendOutcome>(std::move(call));
}

Task<Result<store::Found<uint64_t>>> StoreLedger::tag(std::string name, uint64_t number) {
  RevisionStore::Call<store::Found<uint64_t>> call =
      [its_name = std::move(name), number](store::Store& store) { return store.tag(its_name, number); };
  return store_->ask<store::Found<uint64_t>>(std::move(call));
}

Task<Result<store::Store::Untagged>> StoreLedger::remove_tag(std::string name) {
  RevisionStore::Call<store::Store::Untagged> call = [its_name = std::move(name)](store::Store& store) {
    return store.remove_tag(its_name);
  };
  return store_->ask<store::Store::Untagged>(std::move(call));
}

}  // namespace portcullis::control
