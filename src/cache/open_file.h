#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>

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
  // Only for a file that no longer grows. The answer may be outdated a moment later.
  bool in_memory(uint64_t begin, size_t size);
  static constexpr size_t kMaxAsked = 1 << 20;  // max bytes per call

 private:
  void map();

  const UniqueFd fd_;
  std::once_flag mapping_;
  // Mapped for mincore() only, never read: reading a missing page would wait for the disk.
  void* mapped_ = nullptr;
  uint64_t length_ = 0;
};

// A range of an open file.
struct FilePart {
  OpenFile& file;
  uint64_t begin;
  size_t size;
};

}  // namespace portcullis::cache
