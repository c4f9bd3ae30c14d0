#include "cache/filling.h"

#include <algorithm>

#include "cache/disk.h"
#include "cache/store.h"

namespace portcullis::cache {

Filling::Filling(Store& store, std::shared_ptr<Entry> entry, uint64_t limit)
    : store_(store), entry_(std::move(entry)), kept_(entry_), limit_(limit) {
  reserve(entry_->body->length().value_or(0));
}

Filling::~Filling() {
  if (!ended_) {
    entry_->body->fail();
    store_.remove(*entry_);
    if (entry_->body->on_disk()) entry_->body->discard();
  }
  give_back();
}

// Reserves the memory that the stored body needs while it is received.
void Filling::reserve(uint64_t bytes) {
  const bool on_disk = entry_->body->on_disk();
  const uint64_t memory = on_disk ? store_.taken_by_one_on_disk() : bytes;
  if (memory > reserved_) {
    store_.filling_.fetch_add(memory - reserved_, std::memory_order_relaxed);
    reserved_ = memory;
  }
  if (!on_disk || bytes <= disk_reserved_) return;
  // Reserves disk space in steps: with an unknown length, every append would otherwise have to look for
  // space.
  const uint64_t wanted = std::max(bytes, std::min(limit_, disk_reserved_ + Body::kMaxUnwritten));
  store_.disk_bytes_.fetch_add(wanted - disk_reserved_, std::memory_order_relaxed);
  disk_reserved_ = wanted;
  store_.make_room_on_disk();
}

void Filling::give_back() {
  store_.filling_.fetch_sub(std::exchange(reserved_, 0), std::memory_order_relaxed);
  store_.disk_bytes_.fetch_sub(std::exchange(disk_reserved_, 0), std::memory_order_relaxed);
}

void Filling::append(std::string_view data) {
  entry_->body->append(data);
  if (passes_) return;
  const uint64_t size = entry_->body->size();
  if (!entry_->body->on_disk() && store_.goes_to_disk(size)) store_.move_to_disk(entry_);
  reserve(size);
  if (size > limit_ || store_.takes_no_more(*entry_)) let_pass();
}

void Filling::let_pass() {
  passes_ = true;
  store_.remove(*entry_);
  entry_->body->pass_through();
}

Task<bool> Filling::wait(EventLoop& loop, Milliseconds timeout) {
  if (!passes_) {
    Task<bool> writing = entry_->body->wait_for_disk(loop, timeout);
    if (!co_await writing) let_pass();
  }
  if (!passes_) co_return true;
  Task<bool> reading = entry_->body->wait_for_readers(loop, timeout);
  co_return co_await reading;
}

void Filling::finish() {
  ended_ = true;
  entry_->body->finish();
  give_back();
  if (!passes_) store_.completed(*entry_);
}

}  // namespace portcullis::cache
