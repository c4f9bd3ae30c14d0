#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "compression/coding.h"

namespace portcullis::compression {

// Decodes one compressed body. One thread.
class Decoder {
 public:
  // The max ratio of decoded to encoded bytes, beyond the first 16 MiB. A higher ratio is treated as an
  // attack (a decompression bomb).
  static constexpr uint64_t kMaxRatio = 250;

  static std::unique_ptr<Decoder> make(Coding coding);
  virtual ~Decoder() = default;

  // Decodes `data` and appends to `out`, up to about `max` bytes, because a few bytes can decode to
  // megabytes. While has_more() is true, more() appends the rest; `data` must stay valid until then. False
  // when the data is invalid, or an attack.
  bool write(std::string_view data, std::string& out, size_t max = SIZE_MAX);
  bool more(std::string& out, size_t max);
  bool has_more() const { return !left_.empty() || is_full(); }
  // True when the encoded body is complete. When the body ends and this is false, the body was truncated.
  virtual bool is_complete() const = 0;

 protected:
  // Decodes until `room` is full or `data` is consumed, and removes the consumed bytes from `data`. False
  // when the data is invalid.
  virtual bool run(std::string_view& data, char* room, size_t size, size_t& made) = 0;
  // True when consumed input may yield more output.
  virtual bool is_full() const = 0;

 private:
  std::string_view left_;  // input of write() that has not been consumed yet
  uint64_t taken_ = 0;
  uint64_t made_ = 0;
};

}  // namespace portcullis::compression
