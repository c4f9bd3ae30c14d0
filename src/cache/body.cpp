#include "cache/body.h"

#include <algorithm>
#include <cstring>

#include "cache/body_reader.h"
#include "cache/disk_file.h"

namespace portcullis::cache {

Body::Body(std::optional<uint64_t> length)
    : length_(length),
      last_(std::make_shared<Segment>(0, length ? static_cast<size_t>(*length) : kFirstSegment)),
      first_(last_) {}

Body::~Body() {
  last_.reset();
  release(std::move(first_));
}

// Releases the segments one after the other: the destructors of a long chain would recurse deeply.
void Body::release(SegmentPointer segment) {
  while (segment && segment.use_count() == 1) {
    SegmentPointer next = segment->next;
    segment = std::move(next);
  }
}

void Body::append(std::string_view data) {
  uint64_t size = size_.load(std::memory_order_relaxed);
  while (!data.empty()) {
    if (last_ == nullptr || size == last_->end()) extend(size);
    const size_t part = std::min<size_t>(data.size(), last_->end() - size);
    std::memcpy(last_->data.get() + (size - last_->begin), data.data(), part);
    size += part;
    data.remove_prefix(part);
  }
  size_.store(size, std::memory_order_release);
  grown_.notify();
  if (file_ == nullptr || size - woken_at_ < kMaxSegment) return;
  woken_at_ = size;
  wake_disk();
}

void Body::extend(uint64_t size) {
  if (file_ == nullptr) {
    const size_t larger = std::min<size_t>(last_->capacity * 2, kMaxSegment);
    last_->next = std::make_shared<Segment>(size, std::max(larger, kFirstSegment));
    last_ = last_->next;
    return;
  }
  last_ = std::make_shared<Segment>(size, kMaxSegment - size % kMaxSegment);
  const std::lock_guard lock(mutex_);
  window_.push_back(last_);
}

void Body::end(State state) {
  if (state_.load(std::memory_order_relaxed) != State::kGrowing) return;
  state_.store(state, std::memory_order_release);
  grown_.notify();
  if (file_ != nullptr) wake_disk();
}

void Body::pass_through() {
  SegmentPointer first;
  {
    const std::lock_guard lock(mutex_);
    passes_.store(true, std::memory_order_release);
    first = std::move(first_);
  }
  release(std::move(first));
  if (file_ != nullptr) wake_disk();
}

// The position of the slowest reader. Call with the lock held.
uint64_t Body::slowest_reader() {
  uint64_t slowest = UINT64_MAX;
  following_.for_each([&](const BodyReader& one) {
    slowest = std::min(slowest, one.position_.load(std::memory_order_relaxed));
  });
  return slowest;
}

bool Body::is_read_enough() {
  std::vector<SegmentPointer> read;
  const std::lock_guard lock(mutex_);
  const uint64_t slowest = slowest_reader();
  while (!window_.empty() && window_.front()->end() <= slowest && window_.front() != last_) {
    read.push_back(std::move(window_.front()));
    window_.pop_front();
  }
  return slowest == UINT64_MAX || size() < slowest + kMaxAhead;
}

Task<bool> Body::wait_for_readers(EventLoop& loop, Milliseconds timeout) {
  for (;;) {
    const uint64_t seen = has_room_.version();
    if (is_read_enough()) break;
    if (!co_await has_room_.wait(loop, seen, timeout)) co_return false;
  }
  const std::lock_guard lock(mutex_);
  co_return !following_.empty();
}

Task<bool> Body::wait_for_disk(EventLoop& loop, Milliseconds timeout) {
  for (;;) {
    const uint64_t seen = has_room_.version();
    if (!waits_for_disk() || passes_.load(std::memory_order_acquire)) co_return true;
    if (is_lost()) co_return false;
    if (!co_await has_room_.wait(loop, seen, timeout)) co_return false;
  }
}

}  // namespace portcullis::cache
