#pragma once

#include <cstdint>
#include <string_view>

#include "http/gather.h"
#include "http/h1/chunked_decoder.h"
#include "http/message.h"

namespace portcullis::http {

// Finds the runs of a body, and its end, in the bytes that are received (RFC 9112 section 6.3).
class BodyDecoder {
 public:
  explicit BodyDecoder(const BodyFraming& framing, h1::ChunkRules rules = {})
      : kind_(framing.kind), remaining_(framing.length), chunks_(rules) {
    is_done_ = kind_ == BodyKind::kNone || (kind_ == BodyKind::kLength && remaining_ == 0);
  }

  // Moves runs of the body from the front of `input` to `out`, as many as there is room for, and returns
  // their size in bytes. Stops at the body's end, behind which the rest of `input` lies, and at bytes that
  // break the chunked coding: error() then says what is wrong.
  size_t take(std::string_view& input, Gather& out);

  bool done() const { return is_done_; }
  h1::ParseError error() const { return chunks_.error(); }
  bool failed() const { return error() != h1::ParseError::kNone; }
  // True when the end of the stream is the end of the body.
  bool ends_with_stream() const { return kind_ == BodyKind::kUntilClose || kind_ == BodyKind::kStream; }
  // Call this when the stream has ended.
  void end_of_stream() { is_done_ |= ends_with_stream(); }
  // Skips `bytes` bytes of a body of known length, which were passed on in another way.
  void skip(uint64_t bytes) {
    remaining_ -= bytes;
    is_done_ = remaining_ == 0;
  }
  // The trailer section of the chunked coding: field lines, each with its CRLF.
  std::string_view trailers() const { return chunks_.trailers(); }

 private:
  BodyKind kind_;
  bool is_done_;
  uint64_t remaining_;
  h1::ChunkedDecoder chunks_;
};

}  // namespace portcullis::http
