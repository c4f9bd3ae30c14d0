#include "cache/open_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace portcullis::cache {

namespace {

constexpr size_t kMinPage = 4096;

uint32_t milliseconds_now() {
  return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

}  // namespace

OpenFile::~OpenFile() {
  if (mapped_ != nullptr) ::munmap(mapped_, length_);
}

void OpenFile::map() {
  struct stat told {};
  if (::fstat(fd_.get(), &told) != 0 || told.st_size <= 0) return;
  length_ = static_cast<uint64_t>(told.st_size);
  void* const at = ::mmap(nullptr, length_, PROT_READ, MAP_SHARED, fd_.get(), 0);
  if (at == MAP_FAILED) return;
  mapped_ = at;
  remembered_ = std::vector<std::atomic<uint64_t>>(length_ / kMaxAsked + 1);
}

bool OpenFile::in_memory(uint64_t begin, size_t size) {
  static const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  std::call_once(mapping_, [this] { map(); });
  if (mapped_ == nullptr || begin + size > length_ || size > kMaxAsked) return false;
  const uint64_t first = begin / page * page;
  const uint64_t bytes = begin + size - first;
  // The range's place within its part of the file, in units of the smallest page.
  const uint64_t range = (first % kMaxAsked / kMinPage) << 16 | (bytes + kMinPage - 1) / kMinPage;
  std::atomic<uint64_t>& remembered = remembered_[first / kMaxAsked];
  const uint64_t seen = remembered.load(std::memory_order_relaxed);
  const uint32_t now = milliseconds_now();
  if ((seen & UINT32_MAX) == range && now - static_cast<uint32_t>(seen >> 32) < kRemembered.count())
    return true;
  std::array<unsigned char, kMaxAsked / kMinPage + 1> pages;
  if (::mincore(static_cast<char*>(mapped_) + first, bytes, pages.data()) != 0) return false;
  if (!std::all_of(pages.begin(), pages.begin() + static_cast<ptrdiff_t>((bytes + page - 1) / page),
                   [](unsigned char one) { return (one & 1) != 0; }))
    return false;
  remembered.store(uint64_t{now} << 32 | range, std::memory_order_relaxed);
  return true;
}

}  // namespace portcullis::cache
