#pragma once

#include <memory>
#include <optional>

#include "limits/quota_book.h"
#include "policy/engine.h"

namespace portcullis::policy::quota {

// The counters of all quotas, with the thread that exchanges them with their store.
class Book final : public Engine {
 public:
  struct Settings {
    std::unique_ptr<limits::QuotaStore> store{};  // null: counts are forgotten with the process
    Milliseconds interval{1'000};
  };
  Book(const EngineContext& context, Settings settings)
      : book_(std::in_place, std::move(settings.store), settings.interval,
              context.say_as(Fault::kQuotaStore)) {}

  // Control thread.
  limits::QuotaBook& quotas() { return *book_; }
  void settle() override { book_->settle(Milliseconds(1'000)); }
  // Stores what was added last.
  void stop() override { book_.reset(); }

 private:
  std::optional<limits::QuotaBook> book_;
};

}  // namespace portcullis::policy::quota
