#include "http/h1/head_parser.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "http/authority.h"
#include "http/characters.h"
#include "http/h1/framing.h"

namespace portcullis::http::h1 {

uint16_t status_for(ParseError error) {
  switch (error) {
    case ParseError::kTargetTooLong: return 414;
    case ParseError::kUnsupportedVersion: return 505;
    case ParseError::kTooManyFields:
    case ParseError::kHeadTooLarge: return 431;
    case ParseError::kUnsupportedTransferEncoding: return 501;
    default: return 400;
  }
}

namespace {

// True when `data` contains a CR, from `begin` on, that is not part of a line end. `data` has no LF from
// `begin` on.
bool has_bare_carriage_return(std::string_view data, size_t begin) {
  const size_t found = data.find('\r', begin);
  return found != std::string_view::npos && found + 1 < data.size();
}

}  // namespace

ParseState HeadParser::next_line(std::string_view data, std::string_view& line) {
  const char* found = nullptr;
  if (scanned_ < data.size()) {
    found = static_cast<const char*>(std::memchr(data.data() + scanned_, '\n', data.size() - scanned_));
  }
  if (found == nullptr) {
    if (has_bare_carriage_return(data, std::max(position_, scanned_ - std::min<size_t>(scanned_, 1)))) {
      error_ = ParseError::kBareCarriageReturn;
      return ParseState::kFailed;
    }
    scanned_ = data.size();
    if (scanned_ > limits_.head_size) {
      error_ = ParseError::kHeadTooLarge;
      return ParseState::kFailed;
    }
    return ParseState::kNeedMore;
  }
  const auto end = static_cast<size_t>(found - data.data());
  if (end + 1 > limits_.head_size) {
    error_ = ParseError::kHeadTooLarge;
    return ParseState::kFailed;
  }
  const bool ends_with_return = end > position_ && data[end - 1] == '\r';
  if (!ends_with_return && !limits_.lenient) {
    error_ = ParseError::kBareLineFeed;
    return ParseState::kFailed;
  }
  line = slice(data, position_, end - position_ - (ends_with_return ? 1 : 0));
  position_ = scanned_ = end + 1;
  return ParseState::kDone;
}

// Reports a bare CR in the line in preference to other errors, so that the error does not depend on whether
// the line end has already arrived.
ParseState HeadParser::fail_line(std::string_view line) {
  if (line.find('\r') != std::string_view::npos) error_ = ParseError::kBareCarriageReturn;
  return ParseState::kFailed;
}

bool HeadParser::parse_field_line(std::string_view line, Fields& fields) {
  // RFC 9112 section 5.2: a server may refuse obs-fold; a gateway that accepted it would have to rewrite it.
  if (line[0] == ' ' || line[0] == '\t') return fail(ParseError::kObsoleteFolding);
  size_t colon = 0;
  while (colon < line.size() && is_token(line[colon])) ++colon;
  // Section 5.1: no whitespace between name and colon.
  if (colon == 0 || colon == line.size() || line[colon] != ':') return fail(ParseError::kBadFieldName);
  const std::string_view name = slice(line, 0, colon);
  size_t begin = colon + 1;
  size_t end = line.size();
  while (begin < end && (line[begin] == ' ' || line[begin] == '\t')) ++begin;
  while (end > begin && (line[end - 1] == ' ' || line[end - 1] == '\t')) --end;
  const std::string_view value = slice(line, begin, end - begin);
  if (!is_field_text(value)) {
    const auto bad = std::find_if_not(value.begin(), value.end(), is_field_value);
    return fail(*bad == '\r' ? ParseError::kBareCarriageReturn : ParseError::kBadFieldValue);
  }
  if (fields.size() >= limits_.field_count || !fields.add(name, value, identify_field(name))) {
    return fail(ParseError::kTooManyFields);
  }
  return true;
}

namespace {

// Adjusts a view whose buffer has been copied to another address.
void rebase(std::string_view& view, ptrdiff_t shift) {
  if (view.data() != nullptr) view = {view.data() + shift, view.size()};
}

void rebase(Fields& fields, ptrdiff_t shift) {
  for (Field& field : fields) {
    rebase(field.name, shift);
    rebase(field.value, shift);
  }
}

bool parse_version(std::string_view text, Version& version, ParseError& error) {
  // HTTP-version = "HTTP/" DIGIT "." DIGIT, case-sensitive (RFC 9112 section 2.3).
  if (text.size() != 8 || !text.starts_with("HTTP/") || text[6] != '.' || text[5] < '0' || text[5] > '9' ||
      text[7] < '0' || text[7] > '9') {
    error = ParseError::kBadVersion;
    return false;
  }
  if (text[5] != '1') {
    error = ParseError::kUnsupportedVersion;
    return false;
  }
  version = text[7] == '0' ? Version::kHttp10 : Version::kHttp11;
  return true;
}

}  // namespace

ParseState RequestParser::parse(std::string_view data, RequestHead& head) {
  if (base_ != data.data()) {
    if (base_ != nullptr) {
      const ptrdiff_t shift = data.data() - base_;
      for (std::string_view* view : {&head.method, &head.target, &head.authority, &head.path, &head.query}) {
        rebase(*view, shift);
      }
      rebase(head.fields, shift);
    }
    base_ = data.data();
  }
  for (;;) {
    std::string_view line;
    const ParseState state = next_line(data, line);
    if (state != ParseState::kDone) {
      if (state == ParseState::kNeedMore && !have_line_ && scanned_ > limits_.target_length + 64) {
        error_ = ParseError::kTargetTooLong;
        return ParseState::kFailed;
      }
      return state;
    }
    bool good;
    if (!have_line_) {
      good = parse_request_line(line, head);
      have_line_ = true;
    } else if (line.empty()) {
      return finish(head) ? ParseState::kDone : ParseState::kFailed;
    } else {
      good = parse_field_line(line, head.fields);
    }
    if (!good) return fail_line(line);
  }
}

bool RequestParser::parse_request_line(std::string_view line, RequestHead& head) {
  // request-line = method SP request-target SP HTTP-version, with single spaces only.
  size_t i = 0;
  while (i < line.size() && is_token(line[i])) ++i;
  if (i == 0 || i == line.size() || line[i] != ' ') return fail(ParseError::kBadMethod);
  head.method = slice(line, 0, i);
  const size_t target = ++i;
  if (limits_.strict_targets) {
    while (i < line.size() && is_target(line[i])) ++i;
  } else {
    while (i < line.size() && is_loose_target(line[i])) ++i;
  }
  if (i - target > limits_.target_length) return fail(ParseError::kTargetTooLong);
  if (i == target || i == line.size() || line[i] != ' ') return fail(ParseError::kBadTarget);
  head.target = slice(line, target, i - target);
  if (!parse_version(line.substr(i + 1), head.version, error_)) return false;
  return parse_target(head);
}

bool RequestParser::parse_target(RequestHead& head) {
  std::string_view rest = head.target;
  if (rest == "*") {
    // asterisk-form, for OPTIONS only (RFC 9112 section 3.2.4)
    if (head.method != "OPTIONS") return fail(ParseError::kBadTarget);
    head.path = rest;
    return true;
  }
  // authority-form is for CONNECT only, and this gateway is not a tunnel for its clients.
  if (head.method == "CONNECT") return fail(ParseError::kBadTarget);
  if (rest[0] != '/') {
    // absolute-form (section 3.2.2)
    const size_t scheme_size = rest.find("://");
    if (scheme_size == std::string_view::npos) return fail(ParseError::kBadTarget);
    const std::string_view scheme = rest.substr(0, scheme_size);
    if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https"))
      return fail(ParseError::kBadTarget);
    rest.remove_prefix(scheme_size + 3);
    const size_t end = rest.find_first_of("/?");
    head.authority = rest.substr(0, end);
    if (!is_valid_authority(head.authority) || head.authority.empty()) return fail(ParseError::kBadTarget);
    rest.remove_prefix(std::min(end, rest.size()));
    if (rest.empty() || rest[0] == '?') {
      // An empty path means "/". The view must lie in the buffer, so that rebase() can move it: the "/" of
      // the scheme's "://" is used.
      head.path = head.target.substr(scheme_size + 1, 1);
      head.has_query = !rest.empty();
      if (head.has_query) head.query = rest.substr(1);
      return true;
    }
  }
  const size_t question = rest.find('?');
  head.path = rest.substr(0, question);
  if (question != std::string_view::npos) {
    head.query = rest.substr(question + 1);
    head.has_query = true;
  }
  return true;
}

bool RequestParser::finish(RequestHead& head) {
  const bool absolute = head.authority.data() != nullptr;
  const Field* host = nullptr;
  for (const Field& field : head.fields) {
    if (field.id != FieldId::kHost) continue;
    if (host != nullptr) return fail(ParseError::kDuplicateHost);
    host = &field;
  }
  if (host == nullptr) {
    if (head.version == Version::kHttp11) return fail(ParseError::kMissingHost);
  } else {
    if (!is_valid_authority(host->value)) return fail(ParseError::kBadHost);
    // RFC 9112 section 3.2.2 gives the target precedence over Host. A request in which they disagree is
    // refused, because legitimate clients do not send one.
    const std::string_view scheme = head.target.substr(0, head.target.find(':'));
    if (absolute && !same_authority(head.authority, host->value, scheme.size() == 5 ? "https" : "http"))
      return fail(ParseError::kHostDisagrees);
    if (!absolute) head.authority = host->value;
  }
  error_ = frame_request(head);
  return error_ == ParseError::kNone;
}

ParseState ResponseParser::parse(std::string_view data, std::string_view to_method, ResponseHead& head) {
  if (base_ != data.data()) {
    if (base_ != nullptr) {
      rebase(head.reason, data.data() - base_);
      rebase(head.fields, data.data() - base_);
    }
    base_ = data.data();
  }
  for (;;) {
    std::string_view line;
    const ParseState state = next_line(data, line);
    if (state != ParseState::kDone) return state;
    bool good;
    if (!have_line_) {
      good = parse_status_line(line, head);
      have_line_ = true;
    } else if (line.empty()) {
      return finish(to_method, head) ? ParseState::kDone : ParseState::kFailed;
    } else {
      good = parse_field_line(line, head.fields);
    }
    if (!good) return fail_line(line);
  }
}

bool ResponseParser::parse_status_line(std::string_view line, ResponseHead& head) {
  // status-line = HTTP-version SP status-code SP [reason]; the second space is often missing in practice.
  if (line.size() < 12 || line[8] != ' ') return fail(ParseError::kBadStatusLine);
  if (!parse_version(line.substr(0, 8), head.version, error_)) return false;
  uint16_t status = 0;
  for (const char c : line.substr(9, 3)) {
    if (c < '0' || c > '9') return fail(ParseError::kBadStatusLine);
    status = static_cast<uint16_t>(status * 10 + (c - '0'));
  }
  if (status < 100) return fail(ParseError::kBadStatusLine);
  if (status > 599 && !limits_.lenient) return fail(ParseError::kUnknownStatus);
  if (line.size() > 12) {
    if (line[12] != ' ') return fail(ParseError::kBadStatusLine);
    head.reason = line.substr(13);
    for (const char c : head.reason) {
      if (!is_field_value(c)) return fail(ParseError::kBadStatusLine);
    }
  }
  head.status = status;
  return true;
}

bool ResponseParser::finish(std::string_view to_method, ResponseHead& head) {
  error_ = frame_response(to_method, limits_.lenient ? Reading::kLenient : Reading::kStrict, head);
  return error_ == ParseError::kNone;
}

}  // namespace portcullis::http::h1
