#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "cache/entry.h"

namespace portcullis::cache {

class Store;

// Receives the body of a response that is being stored. One thread. Destroying it before the end of the body
// makes the body fail.
class Filling {
 public:
  // `limit` is the max number of bytes to store.
  Filling(Store& store, std::shared_ptr<Entry> entry, uint64_t limit);
  ~Filling();
  Filling(const Filling&) = delete;
  Filling& operator=(const Filling&) = delete;

  // Adds bytes; readers receive them at once. Beyond the limit the body is no longer stored and only passes
  // through to its present readers. When has_to_wait() returns true, call wait() before the next append.
  void append(std::string_view data);
  void finish();
  bool has_to_wait() const { return passes_ || entry_->body->waits_for_disk(); }
  // co_await: waits for readers or for the disk. False when the body is not stored and has no readers any
  // more, or after the timeout.
  Task<bool> wait(EventLoop& loop, Milliseconds timeout);
  const EntryPointer& entry() const { return kept_; }

 private:
  void reserve(uint64_t bytes);
  void give_back();
  void let_pass();

  Store& store_;
  std::shared_ptr<Entry> entry_;
  EntryPointer kept_;
  uint64_t limit_;
  uint64_t reserved_ = 0;       // bytes of memory
  uint64_t disk_reserved_ = 0;  // bytes of disk space
  bool passes_ = false;
  bool ended_ = false;
};

}  // namespace portcullis::cache
