#include "runtime/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace portcullis {

void TimerWheel::arm(Timer& timer, uint64_t expiry) {
  timer.expiry_ = std::max(expiry, now_ + 1);
  place(timer);
}

void TimerWheel::place(Timer& timer) {
  // The level is the highest 6-bit digit in which expiry and now differ.
  const uint64_t difference = timer.expiry_ ^ now_;
  int level = difference == 0 ? 0 : (63 - std::countl_zero(difference)) / kBits;
  uint64_t slot;
  if (level >= kLevels) {
    // The expiry is beyond the horizon: the timer is placed again when the top level comes round, which is
    // before the expiry.
    level = kLevels - 1;
    slot = 0;
  } else {
    slot = (timer.expiry_ >> (level * kBits)) % kSlots;
  }
  slots_[level][slot].push_back(timer);
  occupied_[level] |= uint64_t{1} << slot;
}

void TimerWheel::expire_slot(IntrusiveList<Timer>& slot) {
  IntrusiveList<Timer> due;
  due.splice_back(slot);
  while (!due.empty()) {
    Timer& timer = due.pop_front();
    if (timer.expiry_ <= now_) {
      timer.fire();
    } else {
      place(timer);
    }
  }
}

void TimerWheel::advance(uint64_t now) {
  while (now_ < now) {
    // Skip ticks in which no timer can fire.
    const uint64_t skip = ticks_until_next(now - now_);
    now_ += std::max<uint64_t>(skip, 1);
    for (int level = kLevels - 1; level >= 0; --level) {
      const int shift = level * kBits;
      if ((now_ & ((uint64_t{1} << shift) - 1)) != 0) continue;
      const uint64_t slot = (now_ >> shift) % kSlots;
      if ((occupied_[level] >> slot & 1) == 0) continue;
      occupied_[level] &= ~(uint64_t{1} << slot);
      expire_slot(slots_[level][slot]);
    }
  }
}

uint64_t TimerWheel::ticks_until_next(uint64_t max) const {
  uint64_t nearest = max;
  for (int level = 0; level < kLevels; ++level) {
    const int shift = level * kBits;
    const uint64_t position = now_ >> shift;
    while (occupied_[level] != 0) {
      // Slots are visited in the order position+1, position+2, ...; rotate so that bit 0 is the next one.
      const uint64_t rotated = std::rotr(occupied_[level], static_cast<int>((position + 1) % kSlots));
      const int distance = std::countr_zero(rotated) + 1;
      const uint64_t slot = (position + distance) % kSlots;
      if (slots_[level][slot].empty()) {
        occupied_[level] &= ~(uint64_t{1} << slot);
        continue;
      }
      nearest = std::min(nearest, ((position + distance) << shift) - now_);
      break;
    }
  }
  return nearest;
}

}  // namespace portcullis
