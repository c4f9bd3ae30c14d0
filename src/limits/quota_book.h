#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/say.h"
#include "limits/calendar.h"
#include "limits/quota_store.h"
#include "runtime/event_loop.h"

namespace portcullis::limits {

// How much of one quota a consumer has used in each of the last windows. Several windows are kept, because a
// clock that is set forward and back returns to an earlier window. Any thread may charge; no lock.
class QuotaCounter {
 public:
  static constexpr size_t kMaxWindows = 4;

  // charge() adds `cost` if the sum stays within `limit`. `used` is the usage afterwards.
  struct Outcome {
    bool allowed;
    uint64_t used;
  };
  Outcome charge(const CalendarWindow& window, uint64_t limit, uint64_t cost);
  // Returns what charge() would return, without adding anything.
  Outcome look(const CalendarWindow& window, uint64_t limit, uint64_t cost) const;
  // The usage in the window.
  uint64_t used(const CalendarWindow& window) const;

 private:
  friend class QuotaBook;
  // A word: 24 bits for the hour (since 1970) in which the window began, and 40 bits for the usage. 0 is an
  // empty word.
  static constexpr unsigned kUsedBits = 40;
  static constexpr uint64_t kMaxUsed = (uint64_t{1} << kUsedBits) - 1;
  static uint64_t number_of(const CalendarWindow& window);
  // The word for `window`; a new window replaces the earliest one. `word` is set to the value that was read.
  std::atomic<uint64_t>& place_of(uint64_t window, uint64_t& word);
  void take_total(uint64_t window, uint64_t synced, uint64_t total);

  std::array<std::atomic<uint64_t>, kMaxWindows> words_{};
  // Used by the book's thread only.
  struct Stored {
    uint64_t window = 0;
    uint64_t used = 0;      // usage that the store knows
    bool is_known = false;  // the store has answered for this window
  };
  std::string id_;
  uint64_t keep_hours_ = 0;
  std::array<Stored, kMaxWindows> stored_{};  // one for each of words_
};

// The counters of all quotas. They live as long as the book. The book's thread exchanges changes with the
// store, so that counts survive the process and, in a cluster, nodes learn about each other's usage. Between
// two exchanges a quota may be exceeded by what other nodes add.
class QuotaBook {
 public:
  // Without a store (null) counts are lost when the process ends. `say` receives the store's failures, on any
  // thread.
  QuotaBook(std::unique_ptr<QuotaStore> store, Milliseconds interval, Say say);
  // Stores the remaining changes.
  ~QuotaBook();

  // The counter called `id`, which is also its key in the store. Control thread.
  QuotaCounter& counter(const std::string& id, Calendar calendar, const CalendarWindow& now);
  // Waits, at most `patience`, until the store has answered for all new counters.
  void settle(Milliseconds patience);

 private:
  void run();
  bool exchange();

  const std::unique_ptr<QuotaStore> store_;
  const Milliseconds interval_;
  const Say say_;
  std::string fault_;
  std::mutex mutex_;  // guards the list, not the counters
  std::condition_variable changed_;
  std::deque<QuotaCounter> counters_;
  std::map<std::string, QuotaCounter*> by_id_;
  size_t settled_ = 0;  // number of counters for which the store has answered
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace portcullis::limits
