#include "limits/quota_book.h"

#include <algorithm>

#include "base/faults.h"
#include "runtime/start_thread.h"

namespace portcullis::limits {

uint64_t QuotaCounter::number_of(const CalendarWindow& window) {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::hours>(window.begin.time_since_epoch()).count());
}

// If another thread assigns the same place to a window meanwhile, the caller's compare-and-swap fails,
// because the word has changed, and the caller searches again. So no window has two places.
std::atomic<uint64_t>& QuotaCounter::place_of(uint64_t window, uint64_t& word) {
  std::atomic<uint64_t>* earliest = &words_[0];
  word = earliest->load(std::memory_order_relaxed);
  for (std::atomic<uint64_t>& one : words_) {
    const uint64_t seen = one.load(std::memory_order_relaxed);
    if (seen >> kUsedBits != window && seen >= word) continue;
    earliest = &one;
    word = seen;
    if (seen >> kUsedBits == window) break;
  }
  return *earliest;
}

QuotaCounter::Outcome QuotaCounter::charge(const CalendarWindow& window, uint64_t limit, uint64_t cost) {
  const uint64_t number = number_of(window);
  for (;;) {
    uint64_t word = 0;
    std::atomic<uint64_t>& place = place_of(number, word);
    const uint64_t used_so_far = word >> kUsedBits == number ? word & kMaxUsed : 0;
    if (used_so_far + cost > limit) return {false, used_so_far};
    const uint64_t next = number << kUsedBits | std::min(used_so_far + cost, kMaxUsed);
    if (place.compare_exchange_weak(word, next, std::memory_order_relaxed)) return {true, used_so_far + cost};
  }
}

QuotaCounter::Outcome QuotaCounter::look(const CalendarWindow& window, uint64_t limit, uint64_t cost) const {
  const uint64_t so_far = used(window);
  const bool allowed = so_far + cost <= limit;
  return {allowed, allowed ? so_far + cost : so_far};
}

uint64_t QuotaCounter::used(const CalendarWindow& window) const {
  const uint64_t number = number_of(window);
  for (const std::atomic<uint64_t>& one : words_) {
    const uint64_t word = one.load(std::memory_order_relaxed);
    if (word >> kUsedBits == number) return word & kMaxUsed;
  }
  return 0;
}

// The store's total replaces the part that the store knows; charges since then are added on top.
void QuotaCounter::take_total(uint64_t window, uint64_t synced, uint64_t total) {
  for (;;) {
    uint64_t word = 0;
    std::atomic<uint64_t>& place = place_of(window, word);
    if (word >> kUsedBits != window) return;  // the place now holds a later window
    const uint64_t used_now = word & kMaxUsed;
    const uint64_t added_since = used_now > synced ? used_now - synced : 0;
    const uint64_t next = window << kUsedBits | std::min(total + added_since, kMaxUsed);
    if (place.compare_exchange_weak(word, next, std::memory_order_relaxed)) return;
  }
}

QuotaBook::QuotaBook(std::unique_ptr<QuotaStore> store, Milliseconds interval, Say say)
    : store_(std::move(store)), interval_(interval), say_(std::move(say)) {
  thread_ = start_thread("quotas", [this] { run(); });
}

QuotaBook::~QuotaBook() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

QuotaCounter& QuotaBook::counter(const std::string& id, Calendar calendar, const CalendarWindow& now) {
  const std::lock_guard lock(mutex_);
  QuotaCounter*& known = by_id_[id];
  if (known != nullptr) return *known;
  known = &counters_.emplace_back();
  known->id_ = id;
  known->keep_hours_ = calendar == Calendar::kMonth ? 32 * 24 : calendar == Calendar::kWeek ? 8 * 24 : 2 * 24;
  known->words_[0] =
      QuotaCounter::number_of(now)
      << QuotaCounter::kUsedBits;  // creates the word, so that the store is asked about this window
  return *known;
}

void QuotaBook::settle(Milliseconds patience) {
  std::unique_lock lock(mutex_);
  if (settled_ >= counters_.size()) return;
  changed_.notify_all();
  changed_.wait_for(lock, patience, [this] { return settled_ >= counters_.size(); });
}

void QuotaBook::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const bool asked = settled_ < counters_.size();
    if (!asked)
      changed_.wait_for(lock, interval_, [this] { return stopping_ || settled_ < counters_.size(); });
    const size_t count = counters_.size();
    lock.unlock();
    const bool good = exchange();
    lock.lock();
    if (good) settled_ = count;
    changed_.notify_all();
    // After a failure the store is asked again after the usual interval, not at once.
    if (!good) changed_.wait_for(lock, interval_, [this] { return stopping_; });
  }
  lock.unlock();
  exchange();
}

// Exchanges all changes with the store. True when the store has answered all of them.
bool QuotaBook::exchange() {
  if (!store_) return true;
  struct News {
    QuotaCounter& counter;
    QuotaCounter::Stored& stored;
    uint64_t used;
  };
  std::vector<News> news;
  std::vector<QuotaChange> changes;
  {
    const std::lock_guard lock(mutex_);
    for (QuotaCounter& counter : counters_) {
      for (size_t i = 0; i < QuotaCounter::kMaxWindows; ++i) {
        const uint64_t word = counter.words_[i].load(std::memory_order_relaxed);
        if (word == 0) continue;
        const uint64_t window = word >> QuotaCounter::kUsedBits;
        const uint64_t used = word & QuotaCounter::kMaxUsed;
        QuotaCounter::Stored& stored = counter.stored_[i];
        if (stored.window != window) stored = {.window = window};
        const uint64_t added = used > stored.used ? used - stored.used : 0;
        if (added == 0 && stored.is_known && (used == 0 || !store_->is_shared())) continue;
        news.push_back({counter, stored, used});
        changes.push_back({counter.id_, window, counter.keep_hours_, added, 0});
      }
    }
  }
  constexpr size_t kAtOnce = 5'000;
  for (size_t begin = 0; begin < changes.size(); begin += kAtOnce) {
    const size_t end = std::min(begin + kAtOnce, changes.size());
    std::vector<QuotaChange> some(changes.begin() + static_cast<ptrdiff_t>(begin),
                                  changes.begin() + static_cast<ptrdiff_t>(end));
    const Status stored = store_->exchange(some);
    for (size_t i = 0; i < some.size(); ++i) {
      const News& one = news[begin + i];
      if (some[i].fate == Fate::kNotStored) continue;
      const bool is_known = some[i].fate == Fate::kStored;
      if (is_known) one.counter.take_total(some[i].window, one.used, some[i].total);
      one.stored.used = is_known ? some[i].total : one.used;
      one.stored.is_known = is_known;
    }
    const std::string fault = stored ? "" : stored.error().message;
    if (!stored) count_fault(Fault::kQuotaStore);
    if (fault != fault_)
      fault.empty() ? say_(Level::kInfo, "the store of the quotas works again")
                    : say_(Level::kWarning, "the store of the quotas: " + fault);
    fault_ = fault;
    if (!stored) return false;
  }
  return true;
}

}  // namespace portcullis::limits
