#include "http/h1/chunked_decoder.h"

#include <algorithm>

#include "base/text.h"
#include "http/characters.h"

namespace portcullis::http::h1 {

ChunkedDecoder::Result ChunkedDecoder::next(std::string_view& input, std::string_view& data) {
  if (error_ != ParseError::kNone) return Result::kFailed;
  while (state_ != State::kDone) {
    if (input.empty()) return Result::kNeedMore;
    if (state_ == State::kData) {
      const auto size = static_cast<size_t>(std::min<uint64_t>(remaining_, input.size()));
      data = input.substr(0, size);
      input.remove_prefix(size);
      remaining_ -= size;
      if (remaining_ == 0) state_ = State::kDataCarriageReturn;
      return Result::kData;
    }
    const char c = input.front();
    input.remove_prefix(1);
    const bool after_last_chunk = last_;
    if (!step(c)) return Result::kFailed;
    if (after_last_chunk && state_ != State::kLastLineFeed && state_ != State::kDone) trailers_ += c;
  }
  return Result::kDone;
}

// Handles a character after the digits of a chunk size.
bool ChunkedDecoder::end_size(char c) {
  if (c != ';' && c != '\r') return false;
  state_ = c == ';' ? State::kExtension : State::kSizeLineFeed;
  return true;
}

// Handles one byte that is not chunk data. False on error, with error_ set.
bool ChunkedDecoder::step(char c) {
  const auto refuse = [this](ParseError error) {
    error_ = error;
    return false;
  };
  if (++line_bytes_ > (last_ ? rules_.trailer_size : kMaxLineBytes))
    return refuse(last_ ? ParseError::kTrailersTooLarge : ParseError::kChunkLineTooLong);
  switch (state_) {
    case State::kSizeStart:
    case State::kSize: {
      const int digit = hex_value(c);
      if (digit >= 0) {
        // 15 digits cannot overflow, and legitimate chunks are smaller.
        if (++digits_ > 15) return refuse(ParseError::kBadChunkSize);
        remaining_ = remaining_ << 4 | static_cast<uint64_t>(digit);
        state_ = State::kSize;
        return true;
      }
      if (state_ == State::kSizeStart) return refuse(ParseError::kBadChunkSize);
      if (rules_.lenient && (c == ' ' || c == '\t')) {
        state_ = State::kSizeBlank;
        return true;
      }
      return end_size(c) || refuse(ParseError::kBadChunkSize);
    }
    case State::kSizeBlank: return c == ' ' || c == '\t' || end_size(c) || refuse(ParseError::kBadChunkSize);
    case State::kExtension:
      if (c == '"') quoted_ = !quoted_;
      if (c == '\r' && !quoted_) {
        state_ = State::kSizeLineFeed;
        return true;
      }
      return is_field_value(c) || refuse(ParseError::kBadChunkSize);
    case State::kSizeLineFeed:
      if (c != '\n') return refuse(ParseError::kBadChunkSize);
      last_ = remaining_ == 0;
      digits_ = 0;
      line_bytes_ = 0;
      state_ = last_ ? State::kTrailerStart : State::kData;
      return true;
    case State::kDataCarriageReturn:
      if (c != '\r') return refuse(ParseError::kBadChunkEnd);
      state_ = State::kDataLineFeed;
      return true;
    case State::kDataLineFeed:
      if (c != '\n') return refuse(ParseError::kBadChunkEnd);
      line_bytes_ = 0;
      state_ = State::kSizeStart;
      return true;
    case State::kTrailerStart:
      if (c == '\r') {
        state_ = State::kLastLineFeed;
        return true;
      }
      state_ = State::kTrailerName;
      return is_token(c) || refuse(ParseError::kBadFieldName);
    case State::kTrailerName:
      if (c == ':') {
        state_ = State::kTrailerValue;
        return true;
      }
      return is_token(c) || refuse(ParseError::kBadFieldName);
    case State::kTrailerValue:
      if (c == '\r') {
        state_ = State::kTrailerLineFeed;
        return true;
      }
      return is_field_value(c) || refuse(ParseError::kBadFieldValue);
    case State::kTrailerLineFeed:
      if (c != '\n') return refuse(ParseError::kBareCarriageReturn);
      state_ = State::kTrailerStart;
      return true;
    case State::kLastLineFeed:
      if (c != '\n') return refuse(ParseError::kBadChunkEnd);
      state_ = State::kDone;
      return true;
    case State::kData:
    case State::kDone: break;
  }
  return true;
}

}  // namespace portcullis::http::h1
