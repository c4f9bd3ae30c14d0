#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "compression/coding.h"

namespace portcullis::compression {

// Compresses one body. One thread; working memory comes from that thread's pool and returns to it.
class Encoder {
 public:
  // A body whose length is known and at most this is compressed in one piece at its end, which is faster and
  // takes less space. Compressing larger bodies in one piece would block the event loop for too long.
  static constexpr size_t kWhole = 128 * 1024;

  // `level` is in the coding's own scale: gzip 1 to 9, brotli 0 to 11, zstd 1 to 19.
  static std::unique_ptr<Encoder> make(Coding coding, int level, std::optional<uint64_t> length);
  virtual ~Encoder() = default;
  // The approximate memory in bytes that a streaming compressor holds until its response has ended.
  static uint64_t memory_of(Coding coding, int level);

  // Appends compressed data to `out`; the encoder may keep some data back.
  virtual void write(std::string_view data, std::string& out) = 0;
  // Appends all data that was kept back; appends nothing when nothing has been written since the last
  // flush().
  virtual void flush(std::string& out) = 0;
  virtual void finish(std::string& out) = 0;
  // True when nothing is written before finish().
  virtual bool waits_for_all() const { return false; }
};

}  // namespace portcullis::compression
