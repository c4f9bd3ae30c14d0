// Writes bodies to their files: the jobs of the disk's pool, one at a time for each body.

#include <algorithm>
#include <cerrno>

#include "cache/body.h"
#include "cache/disk.h"
#include "cache/disk_file.h"

namespace portcullis::cache {

// The next work for a body.
struct Body::Work {
  enum class What : uint8_t { kWrite, kFinish, kCommit, kChangeLifetime, kRemove };
  static constexpr size_t kMaxPieces = 16;

  What what = What::kWrite;
  std::vector<SegmentPointer> held{};  // the segments to which the pieces belong
  std::vector<iovec> pieces{};
  uint64_t end = 0;  // position where the pieces end
  std::unique_ptr<DiskHead> head{};
  std::chrono::milliseconds lifetime{0};
};

Body::Body(std::optional<uint64_t> length, std::unique_ptr<DiskFile> file) : length_(length) {
  move_to(std::move(file));
}

Body::Body(uint64_t length, std::unique_ptr<DiskFile> file, std::vector<uint64_t> sums)
    : length_(length), size_(length), state_(State::kComplete) {
  on_disk_ = true;
  file_ = std::move(file);
  sums_ = std::move(sums);
  settle();
}

void Body::move_to(std::unique_ptr<DiskFile> file) {
  {
    const std::lock_guard lock(mutex_);
    chain_end_ = last_ == nullptr ? 0 : last_->end();
    file_ = std::move(file);
    on_disk_.store(true, std::memory_order_release);
  }
  if (size_.load(std::memory_order_relaxed) > 0) wake_disk();
}

void Body::when_lost(std::function<void()> lost) {
  const std::lock_guard lock(mutex_);
  when_lost_ = std::move(lost);
}

void Body::keep_as(DiskHead head) {
  {
    const std::lock_guard lock(mutex_);
    head_ = std::make_unique<DiskHead>(std::move(head));
    lifetime_.reset();
  }
  wake_disk();
}

void Body::change_lifetime(std::chrono::milliseconds lifetime) {
  {
    const std::lock_guard lock(mutex_);
    lifetime_ = lifetime;
  }
  wake_disk();
}

void Body::discard() {
  {
    const std::lock_guard lock(mutex_);
    discarded_ = true;
  }
  wake_disk();
}

bool Body::is_discarded() const {
  const std::lock_guard lock(mutex_);
  return discarded_;
}

void Body::wake_disk() {
  {
    const std::lock_guard lock(mutex_);
    if (working_) return;
    working_ = true;
  }
  if (file_->disk().pool().submit([body = shared_from_this()] { body->serve_disk(); })) return;
  const std::lock_guard lock(mutex_);
  working_ = false;
}

// Runs on a thread of the pool.
void Body::serve_disk() {
  for (;;) {
    Work work;
    {
      const std::lock_guard lock(mutex_);
      if (!choose_work(work)) {
        working_ = false;
        return;
      }
    }
    switch (work.what) {
      case Work::What::kWrite: write(work); break;
      case Work::What::kFinish: {
        std::vector<uint64_t> sums;
        file_->finish(sums);
        {
          const std::lock_guard lock(mutex_);
          sums_.insert(sums_.end(), sums.begin(), sums.end());
        }
        settle();
        break;
      }
      case Work::What::kCommit:
        work.head->length = size();
        work.head->sums = sums_;
        if (!file_->commit(*work.head)) lose(errno);
        break;
      case Work::What::kChangeLifetime:
        // With the old lifetime in the file, a restart would make the response as fresh as it was before.
        if (!file_->change_lifetime(work.lifetime)) lose(errno);
        break;
      case Work::What::kRemove: file_->remove(); break;
    }
  }
}

// Chooses the next work; false when there is none. Call with the lock held.
bool Body::choose_work(Work& work) {
  // `state` is read before `size`, because only the size of a complete body is final.
  const State state = state_.load(std::memory_order_acquire);
  const uint64_t size = size_.load(std::memory_order_acquire);
  const uint64_t written = written_.load(std::memory_order_relaxed);
  const bool settled = settled_.load(std::memory_order_relaxed);
  const bool passes = passes_.load(std::memory_order_relaxed);
  if ((discarded_ || passes) && !removed_) {
    removed_ = true;
    work.what = Work::What::kRemove;
    return true;
  }
  if (is_lost() || passes || state == State::kFailed) return false;
  const bool complete = state == State::kComplete;
  // A discarded body is still written while it grows, because its readers may be far behind.
  if (!settled && (size - written >= kMaxSegment || (complete && size > written))) {
    work.what = Work::What::kWrite;
    gather(work, size);
    return true;
  }
  if (!settled && complete) {
    work.what = Work::What::kFinish;
    return true;
  }
  if (!settled || discarded_) return false;
  if (head_ != nullptr) {
    work.what = Work::What::kCommit;
    work.head = std::move(head_);
    if (lifetime_) work.head->lifetime = *lifetime_;
    lifetime_.reset();
    return true;
  }
  if (lifetime_) {
    work.what = Work::What::kChangeLifetime;
    work.lifetime = *lifetime_;
    lifetime_.reset();
    return true;
  }
  return false;
}

// Collects the bytes to be written, up to `until` or a large part of them. Call with the lock held.
void Body::gather(Work& work, uint64_t until) const {
  work.end = written_.load(std::memory_order_relaxed);
  while (work.end < until && work.pieces.size() < Work::kMaxPieces) {
    const SegmentPointer segment = segment_at(work.end);
    const uint64_t end = std::min(until, segment->end());
    work.pieces.push_back({segment->data.get() + (work.end - segment->begin), end - work.end});
    work.held.push_back(segment);
    work.end = end;
  }
}

void Body::write(Work& work) {
  std::vector<uint64_t> sums;
  if (!file_->append(work.pieces, sums)) return lose(errno);
  std::vector<SegmentPointer> dropped;
  SegmentPointer chain;
  {
    const std::lock_guard lock(mutex_);
    written_.store(work.end);
    sums_.insert(sums_.end(), sums.begin(), sums.end());
    while (!window_.empty() && window_.front()->end() <= work.end) {
      memory_begin_ = window_.front()->end();
      dropped.push_back(std::move(window_.front()));
      window_.pop_front();
      if (first_ != nullptr) chain = std::move(first_);
    }
  }
  release(std::move(chain));
  has_room_.notify();
}

// Called when the whole body is in the file.
void Body::settle() {
  std::deque<SegmentPointer> dropped;
  SegmentPointer chain;
  {
    const std::lock_guard lock(mutex_);
    const uint64_t size = size_.load(std::memory_order_relaxed);
    written_.store(size);
    memory_begin_ = size;
    window_.swap(dropped);
    chain = std::move(first_);
    looked_at_ = std::make_unique<std::atomic<uint32_t>[]>(sums_.size());
    settled_.store(true, std::memory_order_release);
  }
  release(std::move(chain));
}

// The file cannot be used. Bytes in memory stay available to present readers.
void Body::lose(int error) {
  if (!lost_.exchange(true)) file_->note_lost(error);
  std::function<void()> tell;
  {
    const std::lock_guard lock(mutex_);
    tell = when_lost_;
  }
  has_room_.notify();
  if (tell) tell();
}

// The segment that contains `position`; null when the bytes are in the file only. Call with the lock held.
Body::SegmentPointer Body::segment_at(uint64_t position) const {
  if (position < memory_begin_) return nullptr;
  if (position < chain_end_) {
    const SegmentPointer* one = &first_;
    while (*one && position >= (*one)->end()) one = &(*one)->next;
    return *one;
  }
  for (const SegmentPointer& one : window_) {
    if (position < one->end()) return one;
  }
  return nullptr;
}

}  // namespace portcullis::cache
