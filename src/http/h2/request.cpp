#include "http/h2/request.h"

#include <algorithm>

#include "base/arena_text.h"
#include "base/text.h"
#include "http/authority.h"
#include "http/characters.h"
#include "http/h1/framing.h"

namespace portcullis::http::h2 {
namespace {

using h1::ParseError;

// nghttp2 has checked that there is at most one Content-Length, and enforces it for the body.
uint64_t content_length(const Fields& fields) {
  const Field* field = fields.find(FieldId::kContentLength);
  return field == nullptr ? BodyFraming::kUnknown
                          : parse_decimal(field->value).value_or(BodyFraming::kUnknown);
}

// Cookies may arrive as several fields, while HTTP/1 has a single Cookie field (RFC 9113 section 8.2.3).
std::string_view join_cookies(const Crumb& first, Arena& arena) {
  ArenaText all(arena);
  for (const Crumb* one = &first; one != nullptr; one = one->next) all.add_after("; ", one->text);
  return all.view();
}

ParseError too_large_for(const Head& head, const h1::HeadLimits& limits) {
  return head.field_count() >= limits.field_count ? ParseError::kTooManyFields : ParseError::kHeadTooLarge;
}

ParseError read_target(const Head& head, const h1::HeadLimits& limits, RequestHead& request) {
  request.target = head.path;
  if (head.path.size() > limits.target_length) return ParseError::kTargetTooLong;
  if (head.path.empty() ||
      !std::all_of(head.path.begin(), head.path.end(), limits.strict_targets ? is_target : is_loose_target))
    return ParseError::kBadTarget;
  if (head.path == "*") {
    request.path = head.path;
    return request.method == "OPTIONS" ? ParseError::kNone : ParseError::kBadTarget;
  }
  if (head.path[0] != '/') return ParseError::kBadTarget;
  const size_t question = head.path.find('?');
  request.path = head.path.substr(0, question);
  request.has_query = question != std::string_view::npos;
  if (request.has_query) request.query = head.path.substr(question + 1);
  return ParseError::kNone;
}

}  // namespace

ParseError read_request(const Head& head, const h1::HeadLimits& limits, Arena& arena, RequestHead& request) {
  request.version = Version::kHttp2;
  request.method = head.method;
  request.fields = head.fields;
  if (head.too_large) return too_large_for(head, limits);
  if (!is_token_text(head.method)) return ParseError::kBadMethod;
  if (head.method == "CONNECT" && head.protocol.empty()) return ParseError::kBadTarget;
  if (const ParseError error = read_target(head, limits, request); error != ParseError::kNone) return error;

  const Field* host = request.fields.find(FieldId::kHost);
  request.authority = head.authority.empty() && host != nullptr ? host->value : head.authority;
  if (request.authority.empty()) return ParseError::kMissingHost;
  if (!is_valid_authority(request.authority)) return ParseError::kBadHost;
  if (host != nullptr && !same_authority(host->value, request.authority, head.scheme))
    return ParseError::kHostDisagrees;
  request.fields.remove(FieldId::kHost);
  if (head.first_crumb != nullptr && !request.fields.add("cookie", join_cookies(*head.first_crumb, arena)))
    return ParseError::kTooManyFields;

  if (!head.ends_message) request.body = {BodyKind::kStream, content_length(request.fields)};
  request.expects_continue = equals_ignoring_case(request.fields.value_of("expect"), "100-continue");
  return ParseError::kNone;
}

ParseError read_response(const Head& head, const h1::HeadLimits& limits, std::string_view method,
                         ResponseHead& response) {
  if (head.too_large) return too_large_for(head, limits);
  if (head.status < 100 || head.status == 101) return ParseError::kBadStatusLine;
  if (head.status > 599 && !limits.lenient) return ParseError::kUnknownStatus;
  response.status = head.status;
  response.reason = reason_phrase(head.status);
  response.version = Version::kHttp2;
  response.fields = head.fields;
  const bool bodiless = method == "HEAD" || has_no_content(head.status);
  // The end of the stream may arrive separately from the head; until then the response has an empty streamed
  // body.
  if (!head.ends_message && !bodiless) response.body = {BodyKind::kStream, content_length(response.fields)};
  return ParseError::kNone;
}

}  // namespace portcullis::http::h2
