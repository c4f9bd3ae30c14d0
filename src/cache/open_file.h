#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>

#include "base/unique_fd.h"

namespace portcullis::cache {

// A file that is open. Any thread.
class OpenFile {
 public:
  explicit OpenFile(UniqueFd fd) : fd_(std::move(fd)) {}
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int get() const { return fd_.get(); }

  // Whether the system has so much of it in memory, so that it can be sent without waiting for the disk. Of a
  // file that does not grow any more. A moment later that may have changed.
  bool in_memory(uint64_t begin, size_t size);
  static constexpr size_t kMaxAsked = 1 << 20;  // at once

 private:
  void map();

  const UniqueFd fd_;
  std::once_flag mapping_;
  void* mapped_ = nullptr;  // to ask for its pages only: never read, as what is not there would be waited for
  uint64_t length_ = 0;
};

// A piece of one.
struct FilePart {
  OpenFile& file;
  uint64_t begin;
  size_t size;
};

}  // namespace portcullis::cache
