#include "cache/body_reader.h"

#include <algorithm>

#include "cache/disk.h"
#include "cache/disk_file.h"

namespace portcullis::cache {

struct BodyReader::Chunk {
  Chunk(uint64_t its_begin, size_t its_size, uint64_t its_sum)
      : begin(its_begin), size(its_size), sum(its_sum), data(new char[its_size]) {}
  uint64_t end() const { return begin + size; }
  uint64_t number() const { return begin / DiskFile::kChunk; }
  uint64_t begin;
  size_t size;
  uint64_t sum;
  std::unique_ptr<char[]> data;
};

BodyReader::BodyReader(std::shared_ptr<Body> body, uint64_t begin, std::optional<uint64_t> end)
    : body_(std::move(body)), position_(begin), end_(end) {
  if (body_->settled_.load(std::memory_order_acquire)) return;
  if (body_->state() == Body::State::kComplete && !body_->on_disk() &&
      !body_->passes_.load(std::memory_order_acquire)) {
    segment_ = body_->first_;  // does not change any more
    return;
  }
  const std::lock_guard lock(body_->mutex_);
  valid_ = !body_->passes_.load(std::memory_order_relaxed);
  if (!valid_) return;
  segment_ = body_->first_;
  followed_ = true;
  body_->following_.push_back(*this);
}

BodyReader::~BodyReader() {
  leave();
  Body::release(std::move(segment_));
}

void BodyReader::leave() {
  if (!followed_) return;
  {
    const std::lock_guard lock(body_->mutex_);
    unlink();
  }
  body_->has_room_.notify();
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

// True when a segment holds the received byte at `position`; moves to that segment.
bool BodyReader::in_memory(uint64_t position) {
  while (segment_ && position >= segment_->end()) {
    Body::SegmentPointer next = segment_->next;
    segment_ = std::move(next);
  }
  if (segment_) return true;
  if (!body_->on_disk() || body_->settled_.load(std::memory_order_acquire)) return false;
  const std::lock_guard lock(body_->mutex_);
  segment_ = body_->segment_at(position);
  return segment_ != nullptr;
}

bool BodyReader::in_chunk(uint64_t position) const {
  return chunk_ != nullptr && position >= chunk_->begin && position < chunk_->end();
}

std::string_view BodyReader::take() {
  const uint64_t position = position_.load(std::memory_order_relaxed);
  const uint64_t until = std::min(body_->size(), end_.value_or(UINT64_MAX));
  if (!valid_ || position >= until) return {};
  const char* data = nullptr;
  uint64_t end = 0;
  if (in_chunk(position)) {
    data = chunk_->data.get() + (position - chunk_->begin);
    end = std::min(until, chunk_->end());
  } else if (in_memory(position)) {
    data = segment_->data.get() + (position - segment_->begin);
    end = std::min(until, segment_->end());
  } else {
    return {};
  }
  position_.store(end, std::memory_order_relaxed);
  // Bytes of the previous take() have been sent, so a writer that waits for readers may continue.
  if (body_->passes_.load(std::memory_order_acquire)) body_->has_room_.notify();
  return {data, static_cast<size_t>(end - position)};
}

bool BodyReader::needs_disk() {
  const uint64_t position = position_.load(std::memory_order_relaxed);
  if (!valid_ || at_end() || position >= body_->size()) return false;
  return !in_chunk(position) && !in_memory(position) && load_at_once(position) != Loaded::kYes;
}

bool BodyReader::can_be_sent() {
  const uint64_t position = position_.load(std::memory_order_relaxed);
  const uint64_t until = std::min(body_->size(), end_.value_or(UINT64_MAX));
  const bool is_large = valid_ && position < until && until - position > DiskFile::kChunk;
  return (is_large && next_in_file()) || !needs_disk();
}

Task<bool> BodyReader::wait(EventLoop& loop, Milliseconds timeout) {
  for (;;) {
    const uint64_t seen = body_->grown_.version();
    const uint64_t position = position_.load(std::memory_order_relaxed);
    if (at_end()) co_return true;
    if (body_->size() > position) {
      if (in_chunk(position) || in_memory(position)) co_return true;
      const Loaded loaded = load_at_once(position);
      if (loaded != Loaded::kLater) co_return loaded == Loaded::kYes;
      Task<bool> loading = load(loop, position);
      co_return co_await loading;
    }
    if (body_->state() != Body::State::kGrowing || given_up_) co_return false;
    if (!co_await wait_for_more(loop, seen, timeout)) co_return false;
  }
}

Task<bool> BodyReader::wait_for_more(EventLoop& loop, uint64_t seen, Milliseconds timeout) {
  struct Waiting {
    Waiting(BodyReader& of, EventLoop& loop, uint64_t seen, Milliseconds timeout)
        : reader(of), waiter(of.body_->grown_, loop, seen, timeout) {
      reader.waiter_ = &waiter;
    }
    ~Waiting() { reader.waiter_ = nullptr; }
    BodyReader& reader;
    Signal::Waiter waiter;
  };
  Waiting waiting(*this, loop, seen, timeout);
  const bool grown = co_await waiting.waiter;
  co_return grown;
}

void BodyReader::give_up() {
  given_up_ = true;
  if (waiter_ != nullptr) waiter_->hurry();
}

std::optional<FilePart> BodyReader::next_in_file() {
  if (!body_->settled_.load(std::memory_order_acquire)) return std::nullopt;
  const uint64_t position = position_.load(std::memory_order_relaxed);
  const uint64_t until = std::min({body_->size(), end_.value_or(UINT64_MAX), position + OpenFile::kMaxAsked});
  if (position >= until || in_chunk(position)) return std::nullopt;
  const uint32_t turn = body_->turn_.load(std::memory_order_relaxed);
  uint64_t end = position;
  while (end < until) {
    const uint64_t chunk = end / DiskFile::kChunk;
    if (body_->looked_at_[chunk].load(std::memory_order_relaxed) != turn) break;
    end = std::min(until, (chunk + 1) * DiskFile::kChunk);
  }
  const auto size = static_cast<size_t>(end - position);
  file_ = size == 0 ? nullptr : body_->file_->opened();
  if (file_ == nullptr || !file_->in_memory(position, size)) return std::nullopt;
  return FilePart{*file_, position, size};
}

void BodyReader::skip(size_t size) {
  position_.fetch_add(size, std::memory_order_relaxed);
  body_->file_->disk().note_read(size);
}

void BodyReader::note_unreadable() {
  body_->lose(0);
}

// Memory for the file's chunk that contains `position`. It is on the heap instead of in the request's arena,
// because the pool's thread may write to it after the request has ended.
std::shared_ptr<BodyReader::Chunk> BodyReader::next_chunk(uint64_t position) {
  const uint64_t number = position / DiskFile::kChunk;
  uint64_t sum = 0;
  const auto look = [&] {
    if (number >= body_->sums_.size()) return false;
    sum = body_->sums_[number];
    return true;
  };
  bool known = false;
  if (body_->settled_.load(std::memory_order_acquire)) {
    known = look();
  } else {
    const std::lock_guard lock(body_->mutex_);
    known = look();
  }
  if (!known) return nullptr;
  const uint64_t begin = number * DiskFile::kChunk;
  // While a body grows, only whole chunks are in the file alone.
  const size_t size = static_cast<size_t>(std::min<uint64_t>(DiskFile::kChunk, body_->size() - begin));
  if (chunk_ != nullptr && chunk_.use_count() == 1 && chunk_->size == size) {
    chunk_->begin = begin;
    chunk_->sum = sum;
    return std::move(chunk_);
  }
  return std::make_shared<Chunk>(begin, size, sum);
}

BodyReader::Loaded BodyReader::load_at_once(uint64_t position) {
  if (!body_->on_disk()) return Loaded::kDamaged;
  std::shared_ptr<Chunk> chunk = next_chunk(position);
  if (chunk == nullptr) return Loaded::kDamaged;
  std::atomic<uint32_t>* looked_at = nullptr;
  const uint32_t turn = body_->turn_.load(std::memory_order_relaxed);
  if (body_->settled_.load(std::memory_order_acquire)) looked_at = &body_->looked_at_[chunk->number()];
  const bool known = looked_at != nullptr && looked_at->load(std::memory_order_relaxed) == turn;
  const std::optional<uint64_t> sum = known ? std::nullopt : std::optional<uint64_t>(chunk->sum);
  switch (body_->file_->read(chunk->number(), chunk->data.get(), chunk->size, sum, true)) {
    case DiskFile::Read::kDone:
      if (looked_at != nullptr) looked_at->store(turn, std::memory_order_relaxed);
      chunk_ = std::move(chunk);
      return Loaded::kYes;
    case DiskFile::Read::kWouldBlock:
    case DiskFile::Read::kFailed: return Loaded::kLater;
    case DiskFile::Read::kDamaged: break;
  }
  body_->lose(0);
  return Loaded::kDamaged;
}

Task<bool> BodyReader::load(EventLoop& loop, uint64_t position) {
  const std::shared_ptr<Chunk> chunk = next_chunk(position);
  if (chunk == nullptr) co_return false;
  using Read = DiskFile::Read;
  body_->turn_.fetch_add(1, std::memory_order_relaxed);
  const std::function<Read()> read = [body = body_, chunk] {
    return body->file_->read(chunk->number(), chunk->data.get(), chunk->size, chunk->sum, false);
  };
  Task<std::optional<Read>> reading = body_->file_->disk().pool().run<Read>(loop, read);
  const std::optional<Read> told = co_await reading;
  const Read done = told.value_or(Read::kFailed);
  if (done == Read::kDamaged) body_->lose(0);
  if (done != Read::kDone) co_return false;
  chunk_ = chunk;
  co_return true;
}

}  // namespace portcullis::cache
