#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace portcullis::http {

inline std::string_view text_of(const iovec& run) {
  return {static_cast<const char*>(run.iov_base), run.iov_len};
}

// The pieces of one gathered write: runs of a body, with room before and behind them for what a message
// stream adds (a head, the size of a chunk, trailers). Refers to the bytes and does not own them. The array
// is left uninitialised, because it is large.
class Gather {
 public:
  static constexpr size_t kMaxRuns = 64;

  void clear() { begin_ = end_ = kFront; }
  // At most kMaxRuns times after clear().
  void add(std::string_view run) {
    if (!run.empty()) pieces_[end_++] = piece(run);
  }
  bool is_full() const { return end_ == kFront + kMaxRuns; }
  bool empty() const { return begin_ == end_; }
  std::span<iovec> pieces() { return {pieces_.data() + begin_, end_ - begin_}; }

  // For message streams: at most kFront pieces before the runs, and kBack behind them.
  void put_before(std::string_view text) {
    if (!text.empty()) pieces_[--begin_] = piece(text);
  }
  void put_behind(std::string_view text) {
    if (!text.empty()) pieces_[end_++] = piece(text);
  }

 private:
  static constexpr size_t kFront = 2;
  static constexpr size_t kBack = 4;

  static iovec piece(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

  std::array<iovec, kFront + kMaxRuns + kBack> pieces_;
  size_t begin_ = kFront;
  size_t end_ = kFront;
};

}  // namespace portcullis::http
