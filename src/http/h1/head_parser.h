#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/h1/head_limits.h"
#include "http/message.h"

namespace portcullis::http::h1 {

// Why a head was refused; status_for() gives the status of the response.
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
  kRepeatedChunked,  // in a response; in a request a repeated `chunked` is kBadTransferEncoding
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

// The status that RFC 9110, 9112 and 6585 define for a request refused with `error`.
uint16_t status_for(ParseError error);

enum class ParseState : uint8_t { kNeedMore, kDone, kFailed };

// The base class of both head parsers. It reads line by line from a growing buffer, each complete line once.
// The views that it produces point into the buffer; rebase() adjusts them when the buffer moves. It follows
// RFC 9112 strictly and refuses every permitted variation that has been used for request smuggling.
class HeadParser {
 public:
  explicit HeadParser(const HeadLimits& limits) : limits_(limits) {}

  ParseError error() const { return error_; }
  // The number of bytes of the head, including the blank line; valid once parsing is done.
  size_t head_size() const { return position_; }

 protected:
  // Finds the next complete line and stores its content, without CRLF, in `line`. A bare CR fails as soon as
  // the byte after it has arrived.
  ParseState next_line(std::string_view data, std::string_view& line);
  bool parse_field_line(std::string_view line, Fields& fields);
  [[gnu::cold]] ParseState fail_line(std::string_view line);
  bool fail(ParseError error) {
    error_ = error;
    return false;
  }

  HeadLimits limits_;
  size_t position_ = 0;  // start of the next line
  size_t scanned_ = 0;   // there is no line end before this position
  ParseError error_ = ParseError::kNone;
};

// Parses one request head. Call parse() with all bytes received so far, and again with more when it returns
// that more are needed.
class RequestParser : public HeadParser {
 public:
  using HeadParser::HeadParser;

  ParseState parse(std::string_view data, RequestHead& head);
  // True once the first byte of the request line has arrived.
  bool started() const { return position_ > 0 || scanned_ > 0; }

 private:
  bool parse_request_line(std::string_view line, RequestHead& head);
  bool parse_target(RequestHead& head);
  bool finish(RequestHead& head);

  const char* base_ = nullptr;
  bool have_line_ = false;
};

// Parses one response head. `to_method`, the method of the request, decides whether a body follows.
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
