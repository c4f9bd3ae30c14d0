#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "compression/coding.h"

namespace portcullis::compression {

// Compresses one body. One thread; the memory that it works with comes from that thread's pool and returns
// there.
class Encoder {
 public:
  // A body whose length is known and not more than this is compressed in one piece, at its end: that takes
  // less time, and less room. Longer ones would keep an event loop from everything else.
  static constexpr size_t kWhole = 128 * 1024;

  // `level`: as the coding counts, gzip 1 to 9, brotli 0 to 11, zstd 1 to 19.
  static std::unique_ptr<Encoder> make(Coding coding, int level, std::optional<uint64_t> length);
  virtual ~Encoder() = default;
  // About how many bytes a compressor holds until its body has gone, when it is not one that compresses a
  // body of known length in one piece.
  static uint64_t memory_of(Coding coding, int level);

  // Appends to `out` what there is to be sent; it may keep some back.
  virtual void write(std::string_view data, std::string& out) = 0;
  // Keeps nothing back.
  virtual void flush(std::string& out) = 0;
  virtual void finish(std::string& out) = 0;
  // Nothing comes before finish().
  virtual bool waits_for_all() const { return false; }
};

}  // namespace portcullis::compression
