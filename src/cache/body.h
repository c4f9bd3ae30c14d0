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

// The body of a stored response, from its first byte until it is complete, and then as long as it is
// referenced. One thread writes; any number of readers on any threads read concurrently.
//
// In memory the body consists of segments, which are read without locks and without copying. A large body
// goes to a file: a thread of the disk's pool writes, behind the thread that appends. Memory then holds only
// bytes that are not in the file yet, or that readers near the end have not read. Readers that are farther
// behind, or start later, read the file.
class Body : public std::enable_shared_from_this<Body> {
 public:
  enum class State : uint8_t { kGrowing, kComplete, kFailed };

  // `length` is the length of the body, if it is known; the body is then a single segment.
  explicit Body(std::optional<uint64_t> length);
  // A body that is written to a file from its first byte.
  Body(std::optional<uint64_t> length, std::unique_ptr<DiskFile> file);
  // A complete body that is in a file already, with the checksums of its chunks.
  Body(uint64_t length, std::unique_ptr<DiskFile> file, std::vector<uint64_t> sums);
  ~Body();
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  // Adds bytes. The writer's thread.
  void append(std::string_view data);
  void finish() { end(State::kComplete); }
  void fail() { end(State::kFailed); }
  // From now on the body is kept only until its present readers have read it, and no new readers are
  // admitted.
  void pass_through();
  // co_await, after pass_through(): waits until the slowest reader is near the end. False when no reader is
  // left, or after the timeout.
  Task<bool> wait_for_readers(EventLoop& loop, Milliseconds timeout);

  // From now on the body is written to a file.
  void move_to(std::unique_ptr<DiskFile> file);
  bool on_disk() const { return on_disk_.load(std::memory_order_acquire); }
  // True when the file could not be written, or is damaged.
  bool is_lost() const { return lost_.load(std::memory_order_acquire); }
  // True when the file has been removed, or will be.
  bool is_discarded() const;
  // True when much of the body waits to be written to the disk. wait_for_disk() waits, by co_await, until
  // that is not so; false when the disk fails, or after the timeout.
  bool waits_for_disk() const { return on_disk() && size() - written_.load() > kMaxUnwritten; }
  Task<bool> wait_for_disk(EventLoop& loop, Milliseconds timeout);

  // For a body on disk. `lost` is called, on any thread, when the file cannot be written or turns out to be
  // damaged: the body must not be used for further responses. Any thread.
  void when_lost(std::function<void()> lost);
  // Queues work for the disk's pool: keep_as() makes the file survive a restart as the body of `head`,
  // replacing an earlier head; change_lifetime() changes the stored lifetime; discard() removes the file.
  // Present readers can continue.
  void keep_as(DiskHead head);
  void change_lifetime(std::chrono::milliseconds lifetime);
  void discard();

  // The number of bytes received so far. Any thread.
  uint64_t size() const { return size_.load(std::memory_order_acquire); }
  State state() const { return state_.load(std::memory_order_acquire); }
  std::optional<uint64_t> length() const {
    return state() == State::kComplete ? std::optional<uint64_t>(size()) : length_;
  }

  // For a body on disk: the max number of bytes in memory that are not in the file yet.
  static constexpr uint64_t kMaxUnwritten = 1 << 20;

 private:
  friend class BodyReader;
  struct Segment {
    Segment(uint64_t its_begin, size_t size) : begin(its_begin), data(new char[size]), capacity(size) {}
    uint64_t end() const { return begin + capacity; }
    uint64_t begin;  // position in the body
    std::unique_ptr<char[]> data;
    size_t capacity;
    std::shared_ptr<Segment> next;  // written before the segment's content is published
  };
  using SegmentPointer = std::shared_ptr<Segment>;
  static constexpr size_t kFirstSegment = 4 << 10;
  static constexpr size_t kMaxSegment = 256 << 10;  // a multiple of the chunks of a file
  // How far the writer may be ahead of the slowest reader, after pass_through().
  static constexpr uint64_t kMaxAhead = 1 << 20;

  void end(State state);
  void extend(uint64_t size);
  static void release(SegmentPointer segment);
  uint64_t slowest_reader();
  bool is_read_enough();

  // For a body on disk.
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
  Signal grown_;         // notified when the body grows or ends
  Signal has_room_;      // notified when the writer may continue: for readers, or for the disk
  SegmentPointer last_;  // used by the writer
  mutable std::mutex mutex_;
  SegmentPointer
      first_;  // start of the chain; null after pass_through(), and when the bytes are in the file only
  IntrusiveList<BodyReader, BodyReader> following_;  // readers that began before the body was complete

  // For a body on disk. Guarded by the mutex, except the atomics. `file_` does not change once it is set.
  std::atomic<bool> on_disk_{false};
  std::atomic<uint64_t> written_{0};
  std::atomic<bool> settled_{false};  // the whole body is in the file, and the checksums no longer change
  std::unique_ptr<DiskFile> file_;
  std::atomic<bool> lost_{false};
  std::function<void()> when_lost_;
  uint64_t chain_end_ = 0;             // bytes behind this position are in the window
  std::deque<SegmentPointer> window_;  // each segment ends at the end of a chunk
  uint64_t memory_begin_ = 0;          // bytes before this position are in the file only
  std::vector<uint64_t> sums_;         // checksums of the chunks in the file
  // The turn in which each chunk was last verified. A turn begins when a part of the file has to be read from
  // the device: chunks that were verified in the current turn are still in the page cache.
  std::unique_ptr<std::atomic<uint32_t>[]> looked_at_;  // set once the body is settled
  std::atomic<uint32_t> turn_{1};
  uint64_t woken_at_ = 0;  // writer: the size at which the pool was woken last
  bool working_ = false;   // a job of the pool is working on this body
  bool discarded_ = false;
  bool removed_ = false;
  std::unique_ptr<DiskHead> head_;  // a head to be written; null when there is none
  std::optional<std::chrono::milliseconds> lifetime_;
};

}  // namespace portcullis::cache
