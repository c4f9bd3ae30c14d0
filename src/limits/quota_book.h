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

// How much of one quota one consumer has used in each of the last windows that were charged. It knows
// several, because a clock that is set forward and back comes again to a window that it had left. Any thread
// may charge it; no lock.
class QuotaCounter {
 public:
  static constexpr size_t kMaxWindows = 4;

  // Adds `cost` if that stays within `limit`; what has been used by then.
  struct Outcome {
    bool allowed;
    uint64_t used;
  };
  Outcome charge(const CalendarWindow& window, uint64_t limit, uint64_t cost);
  // What charge() would say, and adds nothing.
  Outcome look(const CalendarWindow& window, uint64_t limit, uint64_t cost) const;
  // What has been used in that window.
  uint64_t used(const CalendarWindow& window) const;

 private:
  friend class QuotaBook;
  // A word: 24 bits for the hour, since 1970, in which the window began, and 40 for what has been used in it.
  // 0: none.
  static constexpr unsigned kUsedBits = 40;
  static constexpr uint64_t kMaxUsed = (uint64_t{1} << kUsedBits) - 1;
  static uint64_t number_of(const CalendarWindow& window);
  // The word of that window; a new window takes the place of the earliest. `word` is what was read.
  std::atomic<uint64_t>& place_of(uint64_t window, uint64_t& word);
  void take_total(uint64_t window, uint64_t synced, uint64_t total);

  std::array<std::atomic<uint64_t>, kMaxWindows> words_{};
  // Of the book's thread.
  struct Stored {
    uint64_t window = 0;
    uint64_t used = 0;      // what this process has told the store, or learnt from it
    bool is_known = false;  // the store has been asked
  };
  std::string id_;
  uint64_t keep_hours_ = 0;
  std::array<Stored, kMaxWindows> stored_{};  // one for each word
};

// All quotas' counters. They live as long as the book; a thread of its own exchanges what was added with the
// store, so that counts outlive the process and, in a cluster, nodes learn of each other. Between two
// exchanges a quota may be exceeded by what the other nodes add meanwhile.
class QuotaBook {
 public:
  // Without a store counts are forgotten with the process. `say` is told, on some thread, what goes wrong
  // with the store.
  QuotaBook(std::unique_ptr<QuotaStore> store, Milliseconds interval, Say say);
  // Stores what was added last.
  ~QuotaBook();

  // The counter of that name, which is the store's key for it too. Control thread.
  QuotaCounter& counter(const std::string& id, Calendar calendar, const CalendarWindow& now);
  // Waits, not for long, until the store has told what is known of new counters.
  void settle(Milliseconds patience);

 private:
  void run();
  bool exchange();

  const std::unique_ptr<QuotaStore> store_;
  const Milliseconds interval_;
  const Say say_;
  std::string fault_;
  std::mutex mutex_;  // of the list, not of the counters
  std::condition_variable changed_;
  std::deque<QuotaCounter> counters_;
  std::map<std::string, QuotaCounter*> by_id_;
  size_t settled_ = 0;  // how many counters the store has been asked about
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace portcullis::limits
