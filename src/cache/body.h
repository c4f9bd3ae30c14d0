#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "base/intrusive_list.h"
#include "runtime/signal.h"
#include "runtime/task.h"

namespace portcullis::cache {

class BodyReader;

// The body of a stored response, from its first byte until it is whole, and then for as long as somebody
// holds it. One thread writes; any number of readers on any threads follow, without locks and without
// copying.
class Body {
 public:
  enum class State : uint8_t { kGrowing, kComplete, kFailed };

  // `length`: how long it will be, where that is known; then it lies in one piece.
  explicit Body(std::optional<uint64_t> length);
  ~Body();
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  // The writer's thread.
  void append(std::string_view data);
  void finish() { end(State::kComplete); }
  void fail() { end(State::kFailed); }
  // From now on it is kept only until the readers that there are have read it, and nobody can begin to.
  void pass_through();
  // co_await, of one that passes through: until its readers have come near enough. False when there is none
  // left, or the time is over.
  Task<bool> wait_for_readers(EventLoop& loop, Milliseconds timeout);

  // Any thread. What has come so far.
  uint64_t size() const { return size_.load(std::memory_order_acquire); }
  State state() const { return state_.load(std::memory_order_acquire); }
  std::optional<uint64_t> length() const {
    return state() == State::kComplete ? std::optional<uint64_t>(size()) : length_;
  }

 private:
  friend class BodyReader;
  struct Segment {
    explicit Segment(size_t size) : data(new char[size]), capacity(size) {}
    std::unique_ptr<char[]> data;
    size_t capacity;
    std::shared_ptr<Segment> next;  // written before what lies in it is published
  };
  static constexpr size_t kFirstSegment = 4 << 10;
  static constexpr size_t kLargestSegment = 256 << 10;
  static constexpr uint64_t kMostAhead = 1 << 20;  // of the slowest reader, of one that passes through

  void end(State state);
  static void release(std::shared_ptr<Segment> segment);
  bool is_read_enough();

  const std::optional<uint64_t> length_;
  std::atomic<uint64_t> size_{0};
  std::atomic<State> state_{State::kGrowing};
  std::atomic<bool> passes_{false};
  Signal grown_;  // or ended
  Signal read_;   // where it passes through
  std::shared_ptr<Segment> last_;
  size_t used_ = 0;  // of the last
  std::mutex mutex_;
  std::shared_ptr<Segment> first_;                   // null once it passes through
  IntrusiveList<BodyReader, BodyReader> following_;  // the readers that have begun before its end
};

// Reads a part of a body. On one thread.
class BodyReader final : public ListNode<BodyReader> {
 public:
  // From `begin` up to, not with, `end`; none: to the body's end.
  BodyReader(std::shared_ptr<Body> body, uint64_t begin = 0, std::optional<uint64_t> end = std::nullopt);
  ~BodyReader();
  BodyReader(const BodyReader&) = delete;
  BodyReader& operator=(const BodyReader&) = delete;

  // False for one that came too late, when the body was not kept any more.
  bool valid() const { return segment_ != nullptr || at_end(); }
  // How much it will read, where that is known.
  std::optional<uint64_t> length() const;
  // Takes what there is, in one piece; lives until the next call. Empty: nothing yet, or the end.
  std::string_view take();
  bool at_end() const;
  // co_await: until there is more, or the end. False when the body has failed, or the time is over.
  Task<bool> wait(EventLoop& loop, Milliseconds timeout);

 private:
  friend class Body;
  void leave();

  const std::shared_ptr<Body> body_;
  std::shared_ptr<Body::Segment> segment_;
  uint64_t segment_begin_ = 0;  // where in the body that lies
  std::atomic<uint64_t> position_{0};
  std::optional<uint64_t> end_;
};

}  // namespace portcullis::cache
