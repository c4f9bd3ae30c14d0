#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "base/arena.h"
#include "base/text.h"

namespace portcullis {

// `text` with its ASCII letters in lower case, in `arena`.
inline std::string_view to_lower(std::string_view text, Arena& arena) {
  char* const lower = arena.allocate(text.size(), 1);
  std::transform(text.begin(), text.end(), lower, ascii_lower);
  return {lower, text.size()};
}

// A text that is built from pieces in an arena. The buffer doubles when it is full, so copying and memory
// grow linearly with the length of the text, however many pieces it has. A text of a single piece refers to
// that piece without copying it, so the pieces must live as long as the text.
class ArenaText {
 public:
  explicit ArenaText(Arena& arena) : arena_(arena) {}

  ArenaText& add(std::string_view piece) {
    if (piece.empty()) return *this;
    if (size_ == 0) {
      text_ = piece.data();
      size_ = capacity_ = piece.size();
      return *this;
    }
    if (capacity_ - size_ < piece.size()) grow(piece.size());
    std::memcpy(room_ + size_, piece.data(), piece.size());
    size_ += piece.size();
    return *this;
  }
  // Adds `separator` before `piece`, unless the text is empty.
  ArenaText& add_after(std::string_view separator, std::string_view piece) {
    if (size_ > 0) add(separator);
    return add(piece);
  }

  bool empty() const { return size_ == 0; }
  // The text so far. The view is valid as long as the arena's content; later add() calls do not change it.
  std::string_view view() const { return {text_, size_}; }
  // Like view(), but a single piece is copied into the arena as well: for pieces that live shorter than the
  // text.
  std::string_view kept() const { return text_ == room_ ? view() : arena_.copy(view()); }

 private:
  void grow(size_t more) {
    capacity_ = std::max<size_t>(64, 2 * (size_ + more));
    room_ = arena_.allocate(capacity_, 1);
    std::memcpy(room_, text_, size_);
    text_ = room_;
  }

  Arena& arena_;
  const char* text_ = nullptr;  // the only piece, or `room_`
  char* room_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace portcullis
