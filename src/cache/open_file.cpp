#include "cache/open_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace portcullis::cache {

namespace {

constexpr size_t kMinPage = 4096;

}  // namespace

OpenFile::~OpenFile() {
  if (mapped_ != nullptr) ::munmap(mapped_, length_);
}

void OpenFile::map() {
  struct stat told {};
  if (::fstat(fd_.get(), &told) != 0 || told.st_size <= 0) return;
  length_ = static_cast<uint64_t>(told.st_size);
  void* const at = ::mmap(nullptr, length_, PROT_READ, MAP_SHARED, fd_.get(), 0);
  if (at != MAP_FAILED) mapped_ = at;
}

bool OpenFile::in_memory(uint64_t begin, size_t size) {
  static const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  std::call_once(mapping_, [this] { map(); });
  if (mapped_ == nullptr || begin + size > length_ || size > kMaxAsked) return false;
  const uint64_t first = begin / page * page;
  const uint64_t bytes = begin + size - first;
  std::array<unsigned char, kMaxAsked / kMinPage + 1> pages;
  if (::mincore(static_cast<char*>(mapped_) + first, bytes, pages.data()) != 0) return false;
  return std::all_of(pages.begin(), pages.begin() + static_cast<ptrdiff_t>((bytes + page - 1) / page),
                     [](unsigned char one) { return (one & 1) != 0; });
}

}  // namespace portcullis::cache
