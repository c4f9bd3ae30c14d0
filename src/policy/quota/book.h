#pragma once

#include <memory>
#include <optional>

#include "limits/quota_book.h"
#include "policy/engine.h"

namespace portcullis::policy::quota {

// The counters of all quotas, with the thread that exchanges the counts with their store.
class Book final : public Engine {
 public:
  struct Settings {
    std::unique_ptr<limits::QuotaStore> store{};  // null when the counts are lost at the end of the process
    Milliseconds interval{1'000};
  };
  // For Kind::with_engine(). Opens the store of the counts, if there is one.
  static Status start(const config::Config& config, Services& services);
  Book(const EngineContext& context, Settings settings)
      : book_(std::in_place, std::move(settings.store), settings.interval,
              context.say_as(Fault::kQuotaStore)) {}

  // Called on the control thread.
  limits::QuotaBook& quotas() { return *book_; }
  void settle() override { book_->settle(Milliseconds(1'000)); }
  // Stores the latest counts.
  void stop() override { book_.reset(); }

 private:
  std::optional<limits::QuotaBook> book_;
};

}  // namespace portcullis::policy::quota
