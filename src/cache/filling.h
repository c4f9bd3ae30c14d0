#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "cache/entry.h"

namespace portcullis::cache {

class Store;

// Receives the body of a response that is being stored. One thread. Destroyed before its end it has failed.
class Filling {
 public:
  // Of at most `limit` bytes.
  Filling(Store& store, std::shared_ptr<Entry> entry, uint64_t limit);
  ~Filling();
  Filling(const Filling&) = delete;
  Filling& operator=(const Filling&) = delete;

  // Whoever reads has it at once. Beyond the limit nothing is kept, and it only passes through. When it is to
  // wait, then wait() before more: for its readers, or for the disk.
  void append(std::string_view data);
  void finish();
  bool has_to_wait() const { return passes_ || entry_->body->waits_for_disk(); }
  // co_await. False when nobody reads it any more, and it is not kept; or the time is over.
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
  uint64_t reserved_ = 0;       // of the memory
  uint64_t disk_reserved_ = 0;  // of the disk
  bool passes_ = false;
  bool ended_ = false;
};

}  // namespace portcullis::cache
