#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/h1/head_parser.h"

namespace portcullis::http::h1 {

// The rules for reading the chunked coding.
struct ChunkRules {
  bool lenient = false;             // spaces and tabs after a chunk size are accepted
  size_t trailer_size = 16 * 1024;  // max size of the trailer section
};

// Decodes the chunked transfer coding (RFC 9112 section 7.1) in place and incrementally. Chunk extensions are
// checked and dropped; trailer fields are checked and kept.
class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(ChunkRules rules = {}) : rules_(rules) {}

  enum class Result : uint8_t { kNeedMore, kData, kDone, kFailed };

  // Consumes the next piece of `input`. On kData, `data` is a part of `input` that holds body bytes. On
  // kDone, `input` begins after the message.
  Result next(std::string_view& input, std::string_view& data);

  // The field lines of the trailer section, each with its CRLF. They are on the heap, because trailers are
  // rare.
  std::string_view trailers() const { return trailers_; }

  ParseError error() const { return error_; }
  bool done() const { return state_ == State::kDone; }

 private:
  enum class State : uint8_t {
    kSizeStart,
    kSize,
    kSizeBlank,
    kExtension,
    kSizeLineFeed,
    kData,
    kDataCarriageReturn,
    kDataLineFeed,
    kTrailerStart,
    kTrailerName,
    kTrailerValue,
    kTrailerLineFeed,
    kLastLineFeed,
    kDone,
  };

  bool step(char c);
  bool end_size(char c);

  static constexpr size_t kMaxLineBytes = 4096;  // of one line with a chunk size and its extensions

  ChunkRules rules_;
  uint64_t remaining_ = 0;
  size_t line_bytes_ = 0;
  uint8_t digits_ = 0;
  bool last_ = false;
  bool quoted_ = false;
  std::string trailers_;
  State state_ = State::kSizeStart;
  ParseError error_ = ParseError::kNone;
};

}  // namespace portcullis::http::h1
