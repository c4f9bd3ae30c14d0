#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "compression/coding.h"

namespace portcullis::compression {

// Takes the coding off one body. One thread.
class Decoder {
 public:
  // What is too small for what comes of it is taken for an attack: more than so many times as much, beyond
  // the first 16 MiB.
  static constexpr uint64_t kMaxRatio = 250;

  static std::unique_ptr<Decoder> make(Coding coding);
  virtual ~Decoder() = default;

  // Appends to `out` what these bytes stand for, up to `max` bytes of it or somewhat more, as a few bytes can
  // stand for megabytes: more() appends the rest while has_more() is true, and `data` lives until then.
  // False: the bytes are not of the coding, or an attack.
  bool write(std::string_view data, std::string& out, size_t max = SIZE_MAX);
  bool more(std::string& out, size_t max);
  bool has_more() const { return !left_.empty() || is_full(); }
  // The body has come to its end; false when it should not have.
  virtual bool is_complete() const = 0;

 protected:
  // Decodes as much as there is room for; false when the data is broken. `data` loses what has been taken.
  virtual bool run(std::string_view& data, char* room, size_t size, size_t& made) = 0;
  // There may be more of what has been taken already.
  virtual bool is_full() const = 0;

 private:
  std::string_view left_;  // what write() was given and has not been taken yet
  uint64_t taken_ = 0;
  uint64_t made_ = 0;
};

}  // namespace portcullis::compression
