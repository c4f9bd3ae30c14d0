#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/store.h"
#include "control/revisions/draft_keeper.h"
#include "runtime/side_pool.h"

namespace portcullis::control {

class Deployment;

// Drafts in the store of this node, or in memory where there is none. The file is opened by the first call,
// on a thread of its own, which all calls use. Control thread.
class StoredDrafts final : public DraftKeeper {
 public:
  // `deployment` outlives this object; it has the settings of the store when the first call is made.
  StoredDrafts(EventLoop& loop, const Deployment& deployment);
  ~StoredDrafts() override;

  Task<Result<std::vector<std::string>>> names() override;
  Task<Result<std::optional<KeptDraft>>> read(std::string name) override;
  Task<Result<Outcome>> write(std::string name, std::string text, uint64_t seen) override;
  Task<Result<Outcome>> remove(std::string name, uint64_t seen) override;

 private:
  struct Table;  // used by the thread of the pool alone
  static constexpr size_t kMaxWaiting = 64;

  template <typename T, typename Work>
  Task<Result<T>> ask(Work work);

  EventLoop& loop_;
  const Deployment& deployment_;
  std::shared_ptr<Table> table_;  // null before the first call
  std::unique_ptr<SidePool> pool_;
};

}  // namespace portcullis::control
