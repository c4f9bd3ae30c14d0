#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/unique_fd.h"

namespace portcullis::cache {

// An open file. Any thread.
class OpenFile {
 public:
  explicit OpenFile(UniqueFd fd) : fd_(std::move(fd)) {}
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int get() const { return fd_.get(); }

  // True when these bytes of the file are in the page cache, so that sending them does not wait for the disk.
  // Only for a file that no longer grows. The answer may be outdated a moment later. A positive answer is
  // given again for kRemembered, because the kernel needs 25 us to look for the pages of 4 MiB, which is a
  // tenth of what it costs to send them.
  bool in_memory(uint64_t begin, size_t size);
  static constexpr size_t kMaxAsked = 2 << 20;  // max bytes per call
  static constexpr std::chrono::milliseconds kRemembered{100};

 private:
  void map();

  const UniqueFd fd_;
  std::once_flag mapping_;
  // Mapped for mincore() only, never read: reading a missing page would wait for the disk.
  void* mapped_ = nullptr;
  uint64_t length_ = 0;
  // For each kMaxAsked bytes of the file, the range that was in memory last, and the time in milliseconds.
  std::vector<std::atomic<uint64_t>> remembered_;
};

// A range of an open file.
struct FilePart {
  OpenFile& file;
  uint64_t begin;
  size_t size;
};

}  // namespace portcullis::cache
