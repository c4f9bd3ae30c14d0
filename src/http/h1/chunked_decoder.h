#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/h1/head_parser.h"

namespace portcullis::http::h1 {

// How the chunked coding is read.
struct ChunkRules {
  bool lenient = false;             // blanks behind a chunk's size are taken
  size_t trailer_size = 16 * 1024;  // of the whole trailer section
};

// Decodes the chunked transfer coding (RFC 9112 section 7.1) in place and incrementally. Chunk extensions are
// checked and dropped; trailer fields are checked and kept.
class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(ChunkRules rules = {}) : rules_(rules) {}

  enum class Result : uint8_t { kNeedMore, kData, kDone, kFailed };

  // Takes the next piece from `input`, advancing it. On kData, `data` is a run of body bytes within it. On
  // kDone, `input` begins after the message.
  Result next(std::string_view& input, std::string_view& data);

  // The field lines of the trailer section, each with its CRLF. Kept on the heap: trailers are rare.
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

  static constexpr size_t kMaxLineBytes = 4096;  // one size line with its extensions

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
