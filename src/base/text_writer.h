#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/block_pool.h"
#include "base/text.h"

namespace portcullis {

// Writes text into a pooled block, which grows when the text needs more room. For texts that are made for
// each request: pieces of known and of short lengths are copied without calls. On one thread.
class TextWriter {
 public:
  // Without memory until something is written.
  TextWriter() = default;
  // `expected`: the usual size of the text in bytes.
  explicit TextWriter(size_t expected) : block_(Block::take(expected)) {}

  template <typename... Pieces>
  void write(const Pieces&... pieces) {
    const size_t size = (view(pieces).size() + ... + 0);
    if (size_ + size > block_.capacity()) grow(size);
    (append(view(pieces)), ...);
  }
  // Writes the number in decimal.
  void number(uint64_t value) {
    constexpr size_t kMaxDigits = 20;
    if (room() < kMaxDigits) grow(kMaxDigits);
    const auto [end, error] = std::to_chars(block_.data() + size_, block_.data() + block_.capacity(), value);
    size_ = static_cast<size_t>(end - block_.data());
  }
  // Writes `text` as append_json_escaped() does.
  void json(std::string_view text) {
    if (plain_json_size(text) == text.size()) {
      write(text);
    } else {
      write_escaped(text);
    }
  }
  // Drops what was written behind the first `size` bytes.
  void shorten(size_t size) { size_ = size; }

  size_t size() const { return size_; }
  // How many bytes can be written without more memory.
  size_t room() const { return block_.capacity() - size_; }
  // Valid until the next write.
  std::string_view text() const { return {block_.data(), size_}; }

 private:
  static std::string_view view(std::string_view text) { return text; }
  // The length of a literal is known from its type, so that nothing measures it at run time.
  template <size_t N>
  static std::string_view view(const char (&literal)[N]) {
    return {literal, N - 1};
  }
  // Inline, so that a literal is copied by a few instructions of a known length.
  [[gnu::always_inline]] void append(std::string_view piece) {
    copy(block_.data() + size_, piece.data(), piece.size());
    size_ += piece.size();
  }
  // As memcpy(), without a call for the few bytes that most names and values have.
  [[gnu::always_inline]] static void copy(char* to, const char* from, size_t size) {
    if (__builtin_constant_p(size) || size > 16) {
      if (size > 0) std::memcpy(to, from, size);
    } else if (size >= 8) {
      copy_ends<uint64_t>(to, from, size);
    } else if (size >= 4) {
      copy_ends<uint32_t>(to, from, size);
    } else if (size >= 2) {
      copy_ends<uint16_t>(to, from, size);
    } else if (size == 1) {
      *to = *from;
    }
  }
  // The first and the last bytes, which may overlap.
  template <typename Word>
  static void copy_ends(char* to, const char* from, size_t size) {
    Word first, last;
    std::memcpy(&first, from, sizeof first);
    std::memcpy(&last, from + size - sizeof last, sizeof last);
    std::memcpy(to, &first, sizeof first);
    std::memcpy(to + size - sizeof last, &last, sizeof last);
  }
  [[gnu::cold]] void grow(size_t size) {
    Block larger = Block::take((size_ + size) * 2);
    if (size_ > 0) std::memcpy(larger.data(), block_.data(), size_);
    block_ = std::move(larger);
  }
  [[gnu::cold]] void write_escaped(std::string_view text) {
    std::string escaped;
    append_json_escaped(escaped, text);
    write(escaped);
  }

  Block block_;
  size_t size_ = 0;
};

}  // namespace portcullis
