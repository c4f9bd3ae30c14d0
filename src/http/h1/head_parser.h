#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/message.h"

namespace portcullis::http::h1 {

// Why a head was refused; status_for() gives the answer.
enum class ParseError : uint8_t {
  kNone,
  kBareCarriageReturn,
  kBareLineFeed,
  kBadMethod,
  kBadTarget,
  kTargetTooLong,
  kBadVersion,
  kUnsupportedVersion,
  kBadStatusLine,
  kUnknownStatus,  // 600 to 999
  kBadFieldName,
  kBadFieldValue,
  kObsoleteFolding,
  kTooManyFields,
  kHeadTooLarge,
  kBadContentLength,
  kConflictingLength,
  kBadTransferEncoding,
  kRepeatedChunked,  // of a response; of a request it is kBadTransferEncoding
  kUnsupportedTransferEncoding,
  kTooManyConnectionOptions,
  kMissingHost,
  kDuplicateHost,
  kBadHost,
  kHostDisagrees,
  kBadChunkSize,
  kBadChunkEnd,
  kChunkLineTooLong,
  kTrailersTooLarge,
};

// The status that RFC 9110/9112/6585 give to a request refused so.
uint16_t status_for(ParseError error);

// What heads may be like.
struct HeadLimits {
  size_t head_size = 32 * 1024;
  size_t field_count = 100;
  size_t target_length = 8 * 1024;
  bool strict_targets = false;  // of requests: no character that RFC 3986 does not have
  // Of responses: a status of 600 to 999, `chunked` named twice, and lines that end with LF alone are taken.
  bool lenient = false;

  bool operator==(const HeadLimits&) const = default;
};

// The default for the heads of responses.
inline constexpr HeadLimits kResponseLimits{.head_size = 64 * 1024, .field_count = 112, .target_length = 0};

enum class ParseState : uint8_t { kNeedMore, kDone, kFailed };

// What the two head parsers share: line by line over a growing buffer, each complete line read once. The
// views it produces point into the buffer; rebase() moves them when the buffer moves. Strict: RFC 9112 with
// every latitude that smuggling has used refused.
class HeadParser {
 public:
  explicit HeadParser(const HeadLimits& limits) : limits_(limits) {}

  ParseError error() const { return error_; }
  // Bytes of the head, with the blank line; valid once done.
  size_t head_size() const { return position_; }

 protected:
  // Finds the next complete line and passes its content, without CRLF, in `line`. A CR that is no line's end
  // fails as soon as the byte behind it is here.
  ParseState next_line(std::string_view data, std::string_view& line);
  bool parse_field_line(std::string_view line, Fields& fields);
  ParseState fail_line(std::string_view line);
  bool fail(ParseError error) {
    error_ = error;
    return false;
  }

  HeadLimits limits_;
  size_t position_ = 0;  // where the next line starts
  size_t scanned_ = 0;   // no line end before this
  ParseError error_ = ParseError::kNone;
};

// Parses one request head. Call parse() with all bytes received so far, again when more have come.
class RequestParser : public HeadParser {
 public:
  using HeadParser::HeadParser;

  ParseState parse(std::string_view data, RequestHead& head);
  // True once the first byte of the request line has been seen.
  bool started() const { return position_ > 0 || scanned_ > 0; }

 private:
  bool parse_request_line(std::string_view line, RequestHead& head);
  bool parse_target(RequestHead& head);
  bool finish(RequestHead& head);

  const char* base_ = nullptr;
  bool have_line_ = false;
};

// Parses one response head. `to_method` decides whether a body follows.
class ResponseParser : public HeadParser {
 public:
  using HeadParser::HeadParser;

  ParseState parse(std::string_view data, std::string_view to_method, ResponseHead& head);

 private:
  bool parse_status_line(std::string_view line, ResponseHead& head);
  bool finish(std::string_view to_method, ResponseHead& head);

  const char* base_ = nullptr;
  bool have_line_ = false;
};

}  // namespace portcullis::http::h1
