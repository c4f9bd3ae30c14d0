#include "http/h1/framing.h"

#include <optional>

#include "base/text.h"
#include "http/hop_by_hop.h"

namespace portcullis::http::h1 {
namespace {

struct FramingFields {
  std::optional<uint64_t> content_length;
  size_t chunked = 0;  // how often the coding `chunked` occurs
  bool connection_close = false;
  bool connection_keep_alive = false;
  bool connection_upgrade = false;
  bool upgrade = false;
  bool expects_continue = false;
  size_t connection_options = 0;
};

// Counts `chunked`, the only transfer coding that the gateway supports.
ParseError read_codings(std::string_view value, size_t& chunked) {
  size_t others = 0, count = 0;
  bool chunked_is_last = false;
  for_each_list_element(value, [&](std::string_view coding) {
    ++count;
    chunked_is_last = equals_ignoring_case(coding, "chunked");
    chunked_is_last ? ++chunked : ++others;
  });
  // A single coding surrounded by commas is refused as an attempt at smuggling.
  if (count == 0 || (count == 1 && others == 0 && !equals_ignoring_case(value, "chunked")))
    return ParseError::kBadTransferEncoding;
  if (others == 0) return ParseError::kNone;
  // Other codings before chunked are legal but unknown to this recipient (RFC 9112 section 6.1).
  return chunked_is_last ? ParseError::kUnsupportedTransferEncoding : ParseError::kBadTransferEncoding;
}

ParseError read_framing_fields(const Fields& fields, FramingFields& out) {
  for (const Field& field : fields) {
    switch (field.id) {
      case FieldId::kContentLength: {
        // RFC 9110 section 8.6 permits a list of equal lengths. It is refused here, because legitimate
        // clients do not send such a list.
        const auto length = parse_decimal(field.value);
        if (!length || *length > INT64_MAX) return ParseError::kBadContentLength;
        if (out.content_length) return ParseError::kConflictingLength;
        out.content_length = length;
        break;
      }
      case FieldId::kTransferEncoding:
        if (const ParseError error = read_codings(field.value, out.chunked); error != ParseError::kNone)
          return error;
        break;
      case FieldId::kConnection:
        for_each_list_element(field.value, [&](std::string_view option) {
          ++out.connection_options;
          if (equals_ignoring_case(option, "close")) out.connection_close = true;
          if (equals_ignoring_case(option, "keep-alive")) out.connection_keep_alive = true;
          if (equals_ignoring_case(option, "upgrade")) out.connection_upgrade = true;
        });
        if (out.connection_options > kMaxConnectionOptions) return ParseError::kTooManyConnectionOptions;
        break;
      case FieldId::kUpgrade: out.upgrade = true; break;
      case FieldId::kExpect:
        if (equals_ignoring_case(field.value, "100-continue")) out.expects_continue = true;
        break;
      default: break;
    }
  }
  return ParseError::kNone;
}

bool persists(Version version, const FramingFields& framing) {
  if (framing.connection_close) return false;
  return version == Version::kHttp11 || framing.connection_keep_alive;
}

}  // namespace

ParseError frame_request(RequestHead& head) {
  FramingFields framing;
  if (const ParseError error = read_framing_fields(head.fields, framing); error != ParseError::kNone)
    return error;
  if (framing.chunked > 1) return ParseError::kBadTransferEncoding;
  if (framing.chunked > 0) {
    // RFC 9112 section 6.1: Transfer-Encoding together with Content-Length, or from HTTP/1.0, ought to be
    // handled as an error.
    if (framing.content_length) return ParseError::kConflictingLength;
    if (head.version == Version::kHttp10) return ParseError::kBadTransferEncoding;
    head.body = {BodyKind::kChunked, 0};
  } else if (framing.content_length.value_or(0) > 0) {
    head.body = {BodyKind::kLength, *framing.content_length};
  }
  head.keep_alive = persists(head.version, framing);
  head.expects_continue = framing.expects_continue && head.version == Version::kHttp11;
  head.wants_upgrade = framing.connection_upgrade && framing.upgrade && head.version == Version::kHttp11;
  return ParseError::kNone;
}

ParseError frame_response(std::string_view method, Reading reading, ResponseHead& head) {
  FramingFields framing;
  if (const ParseError error = read_framing_fields(head.fields, framing); error != ParseError::kNone)
    return error;
  head.keep_alive = persists(head.version, framing);
  if (framing.chunked > 1 && reading == Reading::kStrict) return ParseError::kRepeatedChunked;
  if (framing.chunked > 0 && (framing.content_length || head.version == Version::kHttp10)) {
    return ParseError::kConflictingLength;
  }
  if (method == "HEAD" || has_no_content(head.status)) {
    head.body = {};
  } else if (framing.chunked > 0) {
    head.body = {BodyKind::kChunked, 0};
  } else if (framing.content_length) {
    head.body = {*framing.content_length == 0 ? BodyKind::kNone : BodyKind::kLength, *framing.content_length};
  } else {
    head.body = {BodyKind::kUntilClose, 0};
    head.keep_alive = false;
  }
  return ParseError::kNone;
}

}  // namespace portcullis::http::h1
