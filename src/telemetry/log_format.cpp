#include "telemetry/log_format.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "base/text.h"
#include "http/query.h"
#include "variables/text.h"

namespace portcullis::telemetry {

using variables::Moment;
using variables::Use;
using variables::Variable;

namespace {

constexpr std::string_view kRedacted = "[redacted]";
constexpr std::string_view kCommon =
    R"({client.address} - {consumer.name} [{time.common}] "{request.method} {request.raw_path} {request.version}" {response.status} {response.bytes})";
constexpr std::string_view kCombined =
    R"({client.address} - {consumer.name} [{time.common}] "{request.method} {request.raw_path} {request.version}" {response.status} {response.bytes} "{request.header.referer}" "{request.header.user-agent}")";

void add_text(std::string& out, std::string_view key, std::string_view value) {
  out += ",\"";
  out += key;
  out += "\":\"";
  append_json_escaped(out, value);
  out += '"';
}

void append_number(std::string& out, uint64_t value) {
  char digits[20];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  out.append(digits, end);
}

void add_number(std::string& out, std::string_view key, uint64_t value) {
  out += ",\"";
  out += key;
  out += "\":";
  append_number(out, value);
}

void add_time(std::string& out, std::string_view key, std::chrono::microseconds value) {
  if (value.count() >= 0) add_number(out, key, static_cast<uint64_t>(value.count()));
}

// Appends the time in the format of RFC 3339, in UTC with milliseconds.
void append_now(std::string& out) {
  // Formatting the time up to the second takes as long as the rest of a line, so it is cached for a second.
  struct Second {
    std::time_t at = 0;
    char text[32];
    size_t size = 0;
  };
  thread_local Second last;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  if (now.tv_sec != last.at || last.size == 0) {
    tm parts{};
    ::gmtime_r(&now.tv_sec, &parts);
    last.size = std::strftime(last.text, sizeof last.text, "%Y-%m-%dT%H:%M:%S.", &parts);
    last.at = now.tv_sec;
  }
  const auto millis = static_cast<int>(now.tv_nsec / 1'000'000);
  const char fraction[] = {static_cast<char>('0' + millis / 100), static_cast<char>('0' + millis / 10 % 10),
                           static_cast<char>('0' + millis % 10), 'Z'};
  out.append(last.text, last.size);
  out.append(fraction, sizeof fraction);
}

// Appends the time in the common log format: 10/Oct/2000:13:55:36 +0000.
void append_common_time(std::string& out) {
  const std::time_t now = std::time(nullptr);
  tm parts{};
  ::gmtime_r(&now, &parts);
  char text[40];
  out.append(text, std::strftime(text, sizeof text, "%d/%b/%Y:%H:%M:%S +0000", &parts));
}

// Escapes text from clients, which must not be able to begin a new line or end a quoted text.
void append_escaped(std::string& out, std::string_view text) {
  if (text.empty()) {
    out += '-';
    return;
  }
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || c == '"' || c == '\\') {
      char hex[2];
      write_hex(hex, byte, 2);
      (out += "\\x").append(hex, 2);
    } else {
      out += c;
    }
  }
}

void append_time(std::string& out, std::chrono::microseconds value) {
  if (value.count() < 0) {
    out += '-';
  } else {
    append_number(out, static_cast<uint64_t>(value.count()));
  }
}

void append_plain(std::string& out, std::string_view text) {
  out += text;
}

}  // namespace

LogFormat::LogFormat(Settings settings) : settings_(std::move(settings)) {
  for (const std::string& name : settings_.request_headers)
    request_headers_.push_back({name, is_secret(name)});
  for (const std::string& name : settings_.response_headers)
    response_headers_.push_back({name, is_secret(name)});
  if (settings_.format == "json") {
    response_names_ = settings_.response_headers;
    return;
  }
  std::string_view text = settings_.format;
  if (text == "common") text = kCommon;
  if (text == "combined") text = kCombined;
  auto pieces = variables::parse_text(text, Use::kLogFormat, Moment::kEnd);
  if (!pieces) return;
  for (variables::Piece& piece : *pieces) {
    Part part{std::move(piece.literal), {}, {}};
    if (piece.variable) {
      part.variable = piece.variable->variable;
      part.header = {piece.variable->argument, is_secret(piece.variable->argument)};
      if (part.variable == Variable::kResponseHeader) response_names_.push_back(part.header.name);
    }
    parts_.push_back(std::move(part));
  }
}

std::string LogFormat::check(const std::string& format) {
  if (format == "json" || format == "common" || format == "combined") return "";
  if (format.find('{') == std::string::npos)
    return "`" + format +
           "` is not a log format: expected json, common, combined, or a template with variables in braces" +
           suggestion_for(format, {"json", "common", "combined"});
  const auto pieces = variables::parse_text(format, Use::kLogFormat, Moment::kEnd);
  return pieces ? "" : pieces.error().message;
}

bool LogFormat::is_secret(std::string_view name) const {
  static constexpr std::string_view kNames[] = {
      "authorization", "proxy-authorization", "cookie", "set-cookie", "code", "sig", "key", "apikey"};
  static constexpr std::string_view kParts[] = {"token",   "secret",    "password",  "api-key",
                                                "api_key", "signature", "credential"};
  const std::string lower = to_lower(name);
  const auto is = [&](std::string_view one) { return equals_ignoring_case(one, lower); };
  return std::any_of(std::begin(kNames), std::end(kNames), is) ||
         std::any_of(settings_.redact.begin(), settings_.redact.end(), is) ||
         std::any_of(std::begin(kParts), std::end(kParts),
                     [&](std::string_view part) { return lower.find(part) != std::string::npos; });
}

bool LogFormat::has_response_field(std::string_view name) const {
  return std::any_of(response_names_.begin(), response_names_.end(),
                     [name](const std::string& other) { return equals_ignoring_case(name, other); });
}

bool LogFormat::wants(const AccessEntry& entry, uint64_t random) const {
  if (!settings_.statuses.empty() &&
      !std::binary_search(settings_.statuses.begin(), settings_.statuses.end(), entry.status))
    return false;
  for (const std::string& route : settings_.except_routes) {
    if (entry.route == route) return false;
  }
  if (settings_.sample >= 100 || entry.status == 0 || entry.status >= 400) return true;
  if (settings_.slower_than.count() > 0 && entry.total > settings_.slower_than) return true;
  return random % 100 < settings_.sample;
}

std::string LogFormat::redacted_query(std::string_view query) const {
  std::string out;
  http::for_each_query_parameter(query, [&](std::string_view name, std::string_view, std::string_view whole) {
    if (!out.empty()) out += '&';
    if (is_secret(http::decode_query_text(name))) {
      ((out += name) += '=') += kRedacted;
    } else {
      out += whole;
    }
    return true;
  });
  return out;
}

bool LogFormat::append_field(const http::Fields* fields, const Header& header, std::string& out,
                             void (*append)(std::string& out, std::string_view text)) {
  bool found = false;
  if (fields == nullptr) return found;
  for (const http::Field& field : *fields) {
    if (!equals_ignoring_case(field.name, header.name)) continue;
    if (found) out += ", ";
    append(out, header.secret ? kRedacted : field.value);
    found = true;
    if (header.secret) break;
  }
  return found;
}

void LogFormat::write_fields(std::string& out, std::string_view key, const http::Fields* fields,
                             const std::vector<Header>& headers) {
  if (headers.empty()) return;
  out += ",\"";
  out += key;
  out += "\":{";
  const size_t first = out.size();
  for (const Header& header : headers) {
    const size_t begin = out.size();
    out += begin > first ? ",\"" : "\"";
    append_json_escaped(out, header.name);
    out += "\":\"";
    if (append_field(fields, header, out, append_json_escaped)) {
      out += '"';
    } else {
      out.resize(begin);
    }
  }
  out += '}';
}

void LogFormat::write(const AccessEntry& entry, std::string& out) const {
  if (parts_.empty()) return write_json(entry, out);
  for (const Part& part : parts_) {
    out += part.literal;
    if (part.variable) append_variable(part, entry, out);
  }
}

void LogFormat::write_json(const AccessEntry& entry, std::string& out) const {
  out += "{\"time\":\"";
  append_now(out);
  out += '"';
  add_text(out, "request_id", entry.request_id);
  add_text(out, "client", entry.client);
  if (entry.peer != entry.client) add_text(out, "peer", entry.peer);
  add_text(out, "method", entry.method);
  add_text(out, "host", entry.host);
  add_text(out, "path", entry.path);
  if (settings_.query && !entry.query.empty()) add_text(out, "query", redacted_query(entry.query));
  if (!entry.consumer.empty()) add_text(out, "consumer", entry.consumer);
  if (!entry.credential.empty()) add_text(out, "credential", entry.credential);
  add_text(out, "route", entry.route);
  add_text(out, "upstream", entry.upstream);
  add_text(out, "branch", entry.branch);
  add_text(out, "target", entry.target);
  add_number(out, "status", entry.status);
  add_text(out, "ended", entry.ended->name);
  if (!entry.policy.empty()) add_text(out, "policy", entry.policy);
  if (!entry.note.empty()) add_text(out, "note", entry.note);
  if (!entry.cache.empty()) add_text(out, "cache", entry.cache);
  add_number(out, "tries", entry.tries);
  add_number(out, "request_bytes", entry.request_bytes);
  add_number(out, "response_bytes", entry.response_bytes);
  add_time(out, "request_head_us", entry.request_head);
  add_time(out, "response_head_us", entry.response_head);
  if (entry.tries > 0) add_time(out, "targets_us", entry.targets);
  add_time(out, "total_us", entry.total);
  write_fields(out, "request_headers", entry.request_fields, request_headers_);
  write_fields(out, "response_headers", entry.response_fields, response_headers_);
  out += '}';
}

void LogFormat::append_variable(const Part& part, const AccessEntry& entry, std::string& out) const {
  switch (*part.variable) {
    case Variable::kRequestMethod: return append_escaped(out, entry.method);
    case Variable::kRequestHost: return append_escaped(out, entry.host);
    case Variable::kRequestPath: return append_escaped(out, entry.canonical_path);
    case Variable::kRequestRawPath: return append_escaped(out, entry.path);
    case Variable::kRequestQuery: return append_escaped(out, redacted_query(entry.query));
    case Variable::kRequestVersion: return append_escaped(out, entry.version);
    case Variable::kRequestId: return append_escaped(out, entry.request_id);
    case Variable::kRequestBytes: return append_number(out, entry.request_bytes);
    case Variable::kRequestHeader: return append_header(entry.request_fields, part.header, out);
    case Variable::kClientAddress: return append_escaped(out, entry.client);
    case Variable::kPeerAddress: return append_escaped(out, entry.peer);
    case Variable::kConsumerName: return append_escaped(out, entry.consumer);
    case Variable::kConsumerCredential: return append_escaped(out, entry.credential);
    case Variable::kRouteName: return append_escaped(out, entry.route);
    case Variable::kRouteBranch: return append_escaped(out, entry.branch);
    case Variable::kUpstreamName: return append_escaped(out, entry.upstream);
    case Variable::kTargetAddress: return append_escaped(out, entry.target);
    case Variable::kTargetTries: return append_number(out, entry.tries);
    case Variable::kResponseStatus: return append_number(out, entry.status);
    case Variable::kResponseBytes: return append_number(out, entry.response_bytes);
    case Variable::kResponseHeader: return append_header(entry.response_fields, part.header, out);
    case Variable::kCacheOutcome: return append_escaped(out, entry.cache);
    case Variable::kPolicyName: return append_escaped(out, entry.policy);
    case Variable::kPolicyNote: return append_escaped(out, entry.note);
    case Variable::kEndReason: return append_plain(out, entry.ended->name);
    case Variable::kTimeUtc: return append_now(out);
    case Variable::kTimeCommon: return append_common_time(out);
    case Variable::kDurationRequestHead: return append_time(out, entry.request_head);
    case Variable::kDurationResponseHead: return append_time(out, entry.response_head);
    case Variable::kDurationTargets: return append_time(out, entry.targets);
    case Variable::kDurationTotal: return append_time(out, entry.total);
    case Variable::kRequestScheme:
    case Variable::kCookie:
    case Variable::kQuery:
    case Variable::kPath:
    case Variable::kCertificateSubject:
    case Variable::kCertificateIssuer:
    case Variable::kCertificateSerial:
    case Variable::kCertificateFingerprint:
    case Variable::kConsumerGroups:
    case Variable::kConsumerMetadata:
    case Variable::kScope:
    case Variable::kClaim:
    case Variable::kClaimJson: return;  // the table has no Moment::kEnd for these
  }
}

void LogFormat::append_header(const http::Fields* fields, const Header& header, std::string& out) {
  std::string value;
  append_field(fields, header, value, append_plain);
  append_escaped(out, value);
}

}  // namespace portcullis::telemetry
