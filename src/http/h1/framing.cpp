#include "http/h1/framing.h"

#include <optional>

#include "base/text.h"

namespace portcullis::http::h1 {
namespace {

struct FramingFields {
  std::optional<uint64_t> content_length;
  bool transfer_encoding = false;
  bool connection_close = false;
  bool connection_keep_alive = false;
  bool connection_upgrade = false;
  bool upgrade = false;
  bool expects_continue = false;
};

ParseError read_framing_fields(const Fields& fields, FramingFields& out) {
  for (const Field& field : fields) {
    switch (field.id) {
      case FieldId::kContentLength: {
        // A list of equal lengths is permitted by RFC 9110 section 8.6, and refused here: nobody sends it
        // who means well.
        const auto length = parse_decimal(field.value);
        if (!length || *length > INT64_MAX) return ParseError::kBadContentLength;
        if (out.content_length) return ParseError::kConflictingLength;
        out.content_length = length;
        break;
      }
      case FieldId::kTransferEncoding:
        if (out.transfer_encoding) return ParseError::kBadTransferEncoding;
        out.transfer_encoding = true;
        if (!equals_ignoring_case(field.value, "chunked")) {
          // Other codings before chunked are legal but unknown to this recipient (RFC 9112 section 6.1).
          bool known_shape = field.value.size() > 9 &&
                             equals_ignoring_case(field.value.substr(field.value.size() - 7), "chunked") &&
                             field.value.find(',') != std::string_view::npos;
          return known_shape ? ParseError::kUnsupportedTransferEncoding : ParseError::kBadTransferEncoding;
        }
        break;
      case FieldId::kConnection:
        for_each_list_element(field.value, [&](std::string_view option) {
          if (equals_ignoring_case(option, "close")) out.connection_close = true;
          if (equals_ignoring_case(option, "keep-alive")) out.connection_keep_alive = true;
          if (equals_ignoring_case(option, "upgrade")) out.connection_upgrade = true;
        });
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
  if (framing.transfer_encoding) {
    // RFC 9112 section 6.1: both together, or chunked from HTTP/1.0, ought to be handled as an error.
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

ParseError frame_response(std::string_view method, ResponseHead& head) {
  FramingFields framing;
  if (const ParseError error = read_framing_fields(head.fields, framing); error != ParseError::kNone)
    return error;
  head.keep_alive = persists(head.version, framing);
  if (framing.transfer_encoding && (framing.content_length || head.version == Version::kHttp10)) {
    return ParseError::kConflictingLength;
  }
  if (method == "HEAD" || head.status < 200 || head.status == 204 || head.status == 304) {
    head.body = {};
  } else if (framing.transfer_encoding) {
    head.body = {BodyKind::kChunked, 0};
  } else if (framing.content_length) {
    head.body = {*framing.content_length == 0 ? BodyKind::kNone : BodyKind::kLength, *framing.content_length};
  } else {
    head.body = {BodyKind::kUntilClose, 0};
    head.keep_alive = false;
  }
  return ParseError::kNone;
}

bool is_valid_authority(std::string_view text) {
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    for (const char c : text.substr(1, close - 1)) {
      const char lower = ascii_lower(c);
      if (!((c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'f') || c == ':' || c == '.')) return false;
    }
    port = text.substr(close + 1);
  } else {
    size_t i = 0;
    for (; i < text.size() && text[i] != ':'; ++i) {
      const char lower = ascii_lower(text[i]);
      const bool good = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') || lower == '-' ||
                        lower == '.' || lower == '_' || lower == '~' || lower == '%';
      if (!good) return false;
    }
    port = text.substr(i);
    if (i == 0 && !port.empty()) return false;
  }
  if (port.empty()) return true;
  if (port[0] != ':' || port.size() > 6) return false;
  for (const char c : port.substr(1)) {
    if (c < '0' || c > '9') return false;
  }
  return true;
}

bool same_authority(std::string_view a, std::string_view b) {
  return equals_ignoring_case(a, b);
}

}  // namespace portcullis::http::h1
