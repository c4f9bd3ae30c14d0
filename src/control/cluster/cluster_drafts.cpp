#include "control/cluster/cluster_drafts.h"

#include <utility>

#include "control/cluster/cluster_member.h"

namespace portcullis::control {
namespace {

using cluster::Drafts;

Result<DraftKeeper::Outcome> outcome_in_cluster(const Result<Drafts::Outcome>& result) {
  if (!result) return result.error();
  switch (*result) {
    case Drafts::Outcome::kDone: return DraftKeeper::Outcome::kDone;
    case Drafts::Outcome::kConflict: return DraftKeeper::Outcome::kConflict;
    case Drafts::Outcome::kTooMany: return DraftKeeper::Outcome::kTooMany;
  }
  return DraftKeeper::Outcome::kConflict;
}

}  // namespace

Task<Result<std::vector<std::string>>> ClusterDrafts::names() {
  Task<Status> checking = member_.check_keys();
  if (const Status checked = co_await checking; !checked) co_return checked.error();
  Task<Result<std::vector<std::string>>> listing = member_.cluster().drafts.names();
  co_return co_await listing;
}

Task<Result<std::optional<KeptDraft>>> ClusterDrafts::read(std::string name) {
  constexpr Milliseconds kPatience{1'000};
  Task<Status> checking = member_.check_keys();
  if (const Status checked = co_await checking; !checked) co_return checked.error();
  Task<Result<std::optional<Drafts::Draft>>> reading = member_.cluster().drafts.read(name);
  Result<std::optional<Drafts::Draft>> found = co_await reading;
  if (!found) co_return found.error();
  std::optional<KeptDraft> out;
  if (!*found) co_return out;
  Task<void> hearing = member_.hear_of_draft(std::move(name), (*found)->changed, kPatience);
  co_await hearing;
  out = KeptDraft{std::move((*found)->text), (*found)->changed, std::move((*found)->fault)};
  co_return out;
}

Task<Result<DraftKeeper::Outcome>> ClusterDrafts::write(std::string name, std::string text, uint64_t seen) {
  Task<Status> checking = member_.check_keys();
  if (const Status checked = co_await checking; !checked) co_return checked.error();
  Task<Result<Drafts::Outcome>> writing =
      member_.cluster().drafts.write(std::move(name), std::move(text), seen, kMaxDrafts);
  co_return outcome_in_cluster(co_await writing);
}

Task<Result<DraftKeeper::Outcome>> ClusterDrafts::remove(std::string name, uint64_t seen) {
  Task<Status> checking = member_.check_keys();
  if (const Status checked = co_await checking; !checked) co_return checked.error();
  Task<Result<Drafts::Outcome>> removing = member_.cluster().drafts.remove(std::move(name), seen);
  co_return outcome_in_cluster(co_await removing);
}

}  // namespace portcullis::control
