#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "base/intrusive_list.h"
#include "runtime/signal.h"
#include "runtime/task.h"

namespace portcullis::cache {

class BodyReader;
class DiskFile;
struct DiskHead;

// The body of a stored response, from its first byte until it is whole, and then for as long as somebody
// holds it. One thread writes; any number of readers on any threads follow.
//
// In memory it lies in segments, which are read without locks and without copying. A large one goes to a
// file: a thread of the disk's pool writes, behind the one that appends, and memory holds only what is not in
// the file yet, or has not been read by those who are near the end. Whoever is farther behind, or comes
// later, reads the file.
class Body : public std::enable_shared_from_this<Body> {
 public:
  enum class State : uint8_t { kGrowing, kComplete, kFailed };

  // `length`: how long it will be, where that is known; then it lies in one piece.
  explicit Body(std::optional<uint64_t> length);
  // One that goes to a file from its beginning.
  Body(std::optional<uint64_t> length, std::unique_ptr<DiskFile> file);
  // One that is in a file already, with these checksums.
  Body(uint64_t length, std::unique_ptr<DiskFile> file, std::vector<uint64_t> sums);
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

  // From now on it goes to a file.
  void move_to(std::unique_ptr<DiskFile> file);
  bool on_disk() const { return on_disk_.load(std::memory_order_acquire); }
  // Its file is of no use.
  bool is_lost() const { return lost_.load(std::memory_order_acquire); }
  // Its file has gone, or is going to.
  bool is_discarded() const;
  // Whether much of it waits for the disk; and co_await until it does not. False when the disk does not take
  // it, or the time is over.
  bool waits_for_disk() const { return on_disk() && size() - written_.load() > kMaxUnwritten; }
  Task<bool> wait_for_disk(EventLoop& loop, Milliseconds timeout);

  // Any thread, of one on disk. `lost`: what to do, on any thread, when the file cannot be written or is not
  // what was written: it is not to be given to anybody any more.
  void when_lost(std::function<void()> lost);
  // What the pool does as soon as it can: keeps it over a restart, as the body of `head`, whatever it was the
  // body of; changes the lifetime that is written there; or removes it. Who reads it can go on.
  void keep_as(DiskHead head);
  void change_lifetime(std::chrono::milliseconds lifetime);
  void discard();

  // Any thread. What has come so far.
  uint64_t size() const { return size_.load(std::memory_order_acquire); }
  State state() const { return state_.load(std::memory_order_acquire); }
  std::optional<uint64_t> length() const {
    return state() == State::kComplete ? std::optional<uint64_t>(size()) : length_;
  }

  // Of one on disk: so much of it may lie in memory.
  static constexpr uint64_t kMaxUnwritten = 1 << 20;

 private:
  friend class BodyReader;
  struct Segment {
    Segment(uint64_t its_begin, size_t size) : begin(its_begin), data(new char[size]), capacity(size) {}
    uint64_t end() const { return begin + capacity; }
    uint64_t begin;  // where in the body it lies
    std::unique_ptr<char[]> data;
    size_t capacity;
    std::shared_ptr<Segment> next;  // written before what lies in it is published
  };
  using SegmentPointer = std::shared_ptr<Segment>;
  static constexpr size_t kFirstSegment = 4 << 10;
  static constexpr size_t kLargestSegment = 256 << 10;  // some chunks of a file
  static constexpr uint64_t kMaxAhead = 1 << 20;        // of the slowest reader, of one that passes through

  void end(State state);
  void extend(uint64_t size);
  static void release(SegmentPointer segment);
  uint64_t slowest_reader();
  bool is_read_enough();

  // Of one on disk.
  struct Work;
  void wake_disk();
  void serve_disk();
  bool choose_work(Work& work);
  void gather(Work& work, uint64_t until) const;
  void write(Work& work);
  void settle();
  void lose(int error);
  SegmentPointer segment_at(uint64_t position) const;

  const std::optional<uint64_t> length_;
  std::atomic<uint64_t> size_{0};
  std::atomic<State> state_{State::kGrowing};
  std::atomic<bool> passes_{false};
  Signal grown_;         // or ended
  Signal has_room_;      // where the writer waits: for readers, or the disk
  SegmentPointer last_;  // the writer's
  mutable std::mutex mutex_;
  SegmentPointer first_;  // the first of a chain; null once it passes through, or is in the file
  IntrusiveList<BodyReader, BodyReader> following_;  // the readers that have begun before its end

  // Of one on disk; under the mutex, but for what is atomic. `file_` does not change once it is there.
  std::atomic<bool> on_disk_{false};
  std::atomic<uint64_t> written_{0};
  std::atomic<bool> settled_{false};  // all of it is in the file, and the checksums do not change any more
  std::unique_ptr<DiskFile> file_;
  std::atomic<bool> lost_{false};
  std::function<void()> when_lost_;
  uint64_t chain_end_ = 0;             // what lies behind it is in the window
  std::deque<SegmentPointer> window_;  // each ends where a chunk does
  uint64_t memory_begin_ = 0;          // what lies before it is in the file only
  std::vector<uint64_t> sums_;         // of the chunks in the file
  // When each chunk was last found to be what was written, in turns: one begins when something of the file
  // has to be read from the device. What has been looked at in this turn is still in the system's memory.
  std::unique_ptr<std::atomic<uint32_t>[]> looked_at_;  // once it is settled
  std::atomic<uint32_t> turn_{1};
  uint64_t woken_at_ = 0;  // the writer's: how much there was when the disk was woken last
  bool working_ = false;   // the pool is at it
  bool discarded_ = false;
  bool removed_ = false;
  std::unique_ptr<DiskHead> head_;  // to be written; likewise the lifetime
  std::optional<std::chrono::milliseconds> lifetime_;
};

}  // namespace portcullis::cache
