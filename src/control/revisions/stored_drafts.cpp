#include "control/revisions/stored_drafts.h"

#include <functional>
#include <optional>
#include <system_error>
#include <utility>

#include "control/deployment.h"
#include "store/draft_table.h"

namespace portcullis::control {
namespace {

DraftKeeper::Outcome outcome_of(store::DraftTable::Outcome outcome) {
  switch (outcome) {
    case store::DraftTable::Outcome::kDone: return DraftKeeper::Outcome::kDone;
    case store::DraftTable::Outcome::kConflict: return DraftKeeper::Outcome::kConflict;
    case store::DraftTable::Outcome::kTooMany: return DraftKeeper::Outcome::kTooMany;
  }
  return DraftKeeper::Outcome::kConflict;
}

Result<DraftKeeper::Outcome> outcome_of(const Result<store::DraftTable::Outcome>& result) {
  if (!result) return result.error();
  return outcome_of(*result);
}

}  // namespace

struct StoredDrafts::Table {
  config::Store settings;
  std::optional<store::DraftTable> opened{};

  // Null after an error.
  Result<store::DraftTable*> get() {
    if (!opened) {
      auto table = settings.enabled() ? store::DraftTable::open({settings.sqlite, settings.key_path()})
                                      : store::DraftTable::open_in_memory();
      if (!table) return table.error();
      opened.emplace(std::move(*table));
    }
    return &*opened;
  }
};

StoredDrafts::StoredDrafts(EventLoop& loop, const Deployment& deployment)
    : loop_(loop), deployment_(deployment) {}

StoredDrafts::~StoredDrafts() = default;

// Runs `work` with the table on the thread of the pool.
template <typename T, typename Work>
Task<Result<T>> StoredDrafts::ask(Work work) {
  if (!pool_) {
    try {
      pool_ = std::make_unique<SidePool>(1, kMaxWaiting);
    } catch (const std::system_error& problem) {  // thrown when the system allows no further thread
      co_return Result<T>(Error{problem.what()});
    }
    table_ = std::make_shared<Table>(Table{.settings = deployment_.config().store});
  }
  std::function<Result<T>()> job = [table = table_, its_work = std::move(work)]() -> Result<T> {
    const Result<store::DraftTable*> opened = table->get();
    if (!opened) return opened.error();
    return its_work(**opened);
  };
  Task<std::optional<Result<T>>> running = pool_->run<Result<T>>(loop_, std::move(job));
  std::optional<Result<T>> result = co_await running;
  if (!result) co_return Result<T>(Error{"the store has too much to do: try again"});
  co_return std::move(*result);
}

Task<Result<std::vector<std::string>>> StoredDrafts::names() {
  return ask<std::vector<std::string>>([](store::DraftTable& table) { return table.names(); });
}

Task<Result<std::optional<KeptDraft>>> StoredDrafts::read(std::string name) {
  const auto work = [its_name =
                         std::move(name)](store::DraftTable& table) -> Result<std::optional<KeptDraft>> {
    auto found = table.read(its_name);
    if (!found) return found.error();
    if (!*found) return std::optional<KeptDraft>();
    return std::optional(KeptDraft{std::move((*found)->text), (*found)->version, std::move((*found)->fault)});
  };
  return ask<std::optional<KeptDraft>>(work);
}

Task<Result<DraftKeeper::Outcome>> StoredDrafts::write(std::string name, std::string text, uint64_t seen) {
  const auto work = [its_name = std::move(name), its_text = std::move(text),
                     seen](store::DraftTable& table) -> Result<Outcome> {
    return outcome_of(table.write(its_name, its_text, seen, kMaxDrafts));
  };
  return ask<Outcome>(work);
}

Task<Result<DraftKeeper::Outcome>> StoredDrafts::remove(std::string name, uint64_t seen) {
  const auto work = [its_name = std::move(name), seen](store::DraftTable& table) -> Result<Outcome> {
    return outcome_of(table.remove(its_name, seen));
  };
  return ask<Outcome>(work);
}

}  // namespace portcullis::control
