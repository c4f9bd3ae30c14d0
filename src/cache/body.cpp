#include "cache/body.h"

#include <algorithm>
#include <cstring>

namespace portcullis::cache {

Body::Body(std::optional<uint64_t> length)
    : length_(length),
      last_(std::make_shared<Segment>(length ? static_cast<size_t>(*length) : kFirstSegment)),
      first_(last_) {}

Body::~Body() {
  last_.reset();
  release(std::move(first_));
}

// One after the other: the destructors of a long chain would nest.
void Body::release(std::shared_ptr<Segment> segment) {
  while (segment && segment.use_count() == 1) {
    std::shared_ptr<Segment> next = segment->next;
    segment = std::move(next);
  }
}

void Body::append(std::string_view data) {
  uint64_t size = size_.load(std::memory_order_relaxed);
  while (!data.empty()) {
    if (used_ == last_->capacity) {
      const size_t larger = std::min<size_t>(last_->capacity * 2, kLargestSegment);
      last_->next = std::make_shared<Segment>(std::max(larger, kFirstSegment));
      last_ = last_->next;
      used_ = 0;
    }
    const size_t part = std::min(data.size(), last_->capacity - used_);
    std::memcpy(last_->data.get() + used_, data.data(), part);
    used_ += part;
    size += part;
    data.remove_prefix(part);
  }
  size_.store(size, std::memory_order_release);
  grown_.notify();
}

void Body::end(State state) {
  if (state_.load(std::memory_order_relaxed) != State::kGrowing) return;
  state_.store(state, std::memory_order_release);
  grown_.notify();
}

void Body::pass_through() {
  std::shared_ptr<Segment> first;
  {
    const std::lock_guard lock(mutex_);
    passes_.store(true, std::memory_order_release);
    first = std::move(first_);
  }
  release(std::move(first));
}

bool Body::is_read_enough() {
  const std::lock_guard lock(mutex_);
  uint64_t slowest = UINT64_MAX;
  following_.for_each([&](const BodyReader& one) {
    slowest = std::min(slowest, one.position_.load(std::memory_order_relaxed));
  });
  return slowest == UINT64_MAX || size() < slowest + kMostAhead;
}

Task<bool> Body::wait_for_readers(EventLoop& loop, Milliseconds timeout) {
  for (;;) {
    const uint64_t seen = read_.version();
    if (is_read_enough()) break;
    if (!co_await read_.wait(loop, seen, timeout)) co_return false;
  }
  const std::lock_guard lock(mutex_);
  co_return !following_.empty();
}

BodyReader::BodyReader(std::shared_ptr<Body> body, uint64_t begin, std::optional<uint64_t> end)
    : body_(std::move(body)), position_(begin), end_(end) {
  if (body_->state() == Body::State::kComplete && !body_->passes_.load(std::memory_order_acquire)) {
    segment_ = body_->first_;  // which does not change any more
    return;
  }
  const std::lock_guard lock(body_->mutex_);
  segment_ = body_->first_;
  if (segment_) body_->following_.push_back(*this);
}

BodyReader::~BodyReader() {
  leave();
  Body::release(std::move(segment_));
}

void BodyReader::leave() {
  {
    const std::lock_guard lock(body_->mutex_);
    if (!linked()) return;
    unlink();
  }
  body_->read_.notify();
}

std::optional<uint64_t> BodyReader::length() const {
  const auto end = end_ ? end_ : body_->length();
  if (!end) return std::nullopt;
  return *end - position_.load(std::memory_order_relaxed);
}

bool BodyReader::at_end() const {
  const uint64_t position = position_.load(std::memory_order_relaxed);
  if (end_ && position >= *end_) return true;
  return body_->state() == Body::State::kComplete && position >= body_->size();
}

std::string_view BodyReader::take() {
  const uint64_t position = position_.load(std::memory_order_relaxed);
  const uint64_t until = std::min(body_->size(), end_.value_or(UINT64_MAX));
  if (!segment_ || position >= until) return {};
  while (position >= segment_begin_ + segment_->capacity) {
    segment_begin_ += segment_->capacity;
    std::shared_ptr<Body::Segment> next = segment_->next;
    segment_ = std::move(next);
  }
  const uint64_t offset = position - segment_begin_;
  const uint64_t size = std::min(until - position, segment_->capacity - offset);
  position_.store(position + size, std::memory_order_relaxed);
  // What was taken before has been sent.
  if (body_->passes_.load(std::memory_order_acquire)) body_->read_.notify();
  return {segment_->data.get() + offset, static_cast<size_t>(size)};
}

Task<bool> BodyReader::wait(EventLoop& loop, Milliseconds timeout) {
  for (;;) {
    const uint64_t seen = body_->grown_.version();
    const uint64_t position = position_.load(std::memory_order_relaxed);
    if (body_->size() > position || at_end()) co_return true;
    if (body_->state() != Body::State::kGrowing) co_return false;
    if (!co_await body_->grown_.wait(loop, seen, timeout)) co_return false;
  }
}

}  // namespace portcullis::cache
