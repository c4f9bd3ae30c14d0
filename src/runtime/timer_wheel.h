#pragma once

#include <array>
#include <cstdint>

#include "base/intrusive_list.h"

namespace portcullis {

// A callback that is called once, later. Unlinking or destroying the timer cancels it.
class Timer : public ListNode<> {
 public:
  virtual void fire() = 0;

 protected:
  ~Timer() = default;

 private:
  friend class TimerWheel;
  uint64_t expiry_ = 0;
};

// Hierarchical timing wheel (Varghese and Lauck, 1987): five levels of 64 slots at one tick, 64 ticks, ... so
// arming and cancelling are O(1). Ticks are the caller's unit (the event loop uses milliseconds). One thread.
class TimerWheel {
 public:
  explicit TimerWheel(uint64_t now) : now_(now) {}

  // Fires `timer` at the first advance() to `expiry` or later. Re-arms if already armed.
  void arm(Timer& timer, uint64_t expiry);

  // Fires the timers whose expiry is at most `now`. A timer may arm or cancel any timer while it fires.
  void advance(uint64_t now);

  // Ticks until advance() must be called again, at most `max`. The result may be too early, never too late.
  uint64_t ticks_until_next(uint64_t max) const;

 private:
  static constexpr int kLevels = 5;
  static constexpr int kBits = 6;
  static constexpr uint64_t kSlots = 1u << kBits;

  void place(Timer& timer);
  void expire_slot(IntrusiveList<Timer>& slot);

  uint64_t now_;
  std::array<std::array<IntrusiveList<Timer>, kSlots>, kLevels> slots_;
  mutable std::array<uint64_t, kLevels> occupied_{};  // a set bit may be stale, a clear one never is
};

}  // namespace portcullis
