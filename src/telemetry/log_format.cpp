#include "telemetry/log_format.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/secret_name.h"
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

// `before`: what is written before the value, up to its opening quote.
template <size_t N>
void add_text(TextWriter& out, const char (&before)[N], std::string_view value) {
  if (plain_json_size(value) == value.size()) return out.write(before, value, "\"");
  out.write(before);
  out.json(value);
  out.write("\"");
}

template <size_t N>
void add_number(TextWriter& out, const char (&before)[N], uint64_t value) {
  out.write(before);
  out.number(value);
}

template <size_t N>
void add_time(TextWriter& out, const char (&before)[N], std::chrono::microseconds value) {
  if (value.count() >= 0) add_number(out, before, static_cast<uint64_t>(value.count()));
}

// Appends the time in the format of RFC 3339, in UTC with milliseconds.
void append_now(TextWriter& out) {
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
  out.write(std::string_view(last.text, last.size), std::string_view(fraction, sizeof fraction));
}

// Appends the time in the common log format: 10/Oct/2000:13:55:36 +0000.
void append_common_time(TextWriter& out) {
  const std::time_t now = std::time(nullptr);
  tm parts{};
  ::gmtime_r(&now, &parts);
  char text[40];
  out.write(std::string_view(text, std::strftime(text, sizeof text, "%d/%b/%Y:%H:%M:%S +0000", &parts)));
}

// Escapes text from clients, which must not be able to begin a new line or end a quoted text.
void append_escaped_text(TextWriter& out, std::string_view text) {
  const auto is_plain = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7F && c != '"' && c != '\\';
  };
  while (!text.empty()) {
    const auto special = std::find_if_not(text.begin(), text.end(), is_plain);
    const auto plain = static_cast<size_t>(special - text.begin());
    out.write(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return;
    char hex[2];
    write_hex(hex, static_cast<unsigned char>(text[0]), 2);
    out.write("\\x", std::string_view(hex, 2));
    text.remove_prefix(1);
  }
}

// Writes what `append` writes, or "-" when that is nothing.
template <typename Append>
void append_or_dash(TextWriter& out, Append append) {
  const size_t begin = out.size();
  append();
  if (out.size() == begin) out.write("-");
}

void append_escaped(TextWriter& out, std::string_view text) {
  append_or_dash(out, [&] { append_escaped_text(out, text); });
}

void append_time(TextWriter& out, std::chrono::microseconds value) {
  value.count() < 0 ? out.write("-") : out.number(static_cast<uint64_t>(value.count()));
}

void append_json(TextWriter& out, std::string_view text) {
  out.json(text);
}

}  // namespace

LogFormat::LogFormat(Settings settings) : settings_(std::move(settings)) {
  for (const std::string& name : settings_.request_headers) request_headers_.push_back(header(name));
  for (const std::string& name : settings_.response_headers) response_headers_.push_back(header(name));
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
      part.header = header(piece.variable->argument);
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

LogFormat::Header LogFormat::header(const std::string& name) const {
  std::string key = "\"";
  append_json_escaped(key, name);
  return {name, key + "\":\"", is_secret(name)};
}

bool is_redacted(std::string_view name, const std::vector<std::string>& redact) {
  return is_secret_name(name) || std::any_of(redact.begin(), redact.end(), [name](std::string_view one) {
           return equals_ignoring_case(one, name);
         });
}

bool LogFormat::has_response_field(std::string_view name) const {
  return std::any_of(response_names_.begin(), response_names_.end(),
                     [name](const std::string& other) { return equals_ignoring_case(name, other); });
}

bool LogFormat::wants(const AccessEntry& entry, uint64_t random) const {
  if (!settings_.status.empty() && !contains(settings_.status, entry.status)) return false;
  for (const std::string& route : settings_.except_routes) {
    if (entry.route == route) return false;
  }
  if (settings_.sample >= 100 || entry.status == 0 || entry.status >= 400) return true;
  if (settings_.slower_than.count() > 0 && entry.total > settings_.slower_than) return true;
  return random % 100 < settings_.sample;
}

void LogFormat::append_query(std::string_view query, TextWriter& out, Append append) const {
  bool is_first = true;
  http::for_each_query_parameter(query, [&](std::string_view name, std::string_view, std::string_view whole) {
    if (!std::exchange(is_first, false)) out.write("&");
    const bool is_coded = name.find_first_of("%+") != std::string_view::npos;
    if (is_coded ? is_secret(http::decode_query_text(name)) : is_secret(name)) {
      append(out, name);
      out.write("=", kRedacted);
    } else {
      append(out, whole);
    }
    return true;
  });
}

bool LogFormat::append_field(const http::Fields* fields, const Header& header, TextWriter& out,
                             Append append) {
  bool found = false;
  if (fields == nullptr) return found;
  for (const http::Field& field : *fields) {
    if (!equals_ignoring_case(field.name, header.name)) continue;
    if (found) out.write(", ");
    append(out, header.secret ? kRedacted : field.value);
    found = true;
    if (header.secret) break;
  }
  return found;
}

void LogFormat::write_fields(TextWriter& out, std::string_view before, const http::Fields* fields,
                             const std::vector<Header>& headers) {
  if (headers.empty()) return;
  out.write(before);
  const size_t first = out.size();
  for (const Header& header : headers) {
    const size_t begin = out.size();
    if (begin > first) out.write(",");
    out.write(header.key);
    if (append_field(fields, header, out, append_json)) {
      out.write("\"");
    } else {
      out.shorten(begin);
    }
  }
  out.write("}");
}

void LogFormat::write(const AccessEntry& entry, TextWriter& out) const {
  if (parts_.empty()) return write_json(entry, out);
  for (const Part& part : parts_) {
    out.write(part.literal);
    if (part.variable) append_variable(part, entry, out);
  }
}

void LogFormat::write_json(const AccessEntry& entry, TextWriter& out) const {
  out.write("{\"time\":\"");
  append_now(out);
  add_text(out, R"(","request_id":")", entry.request_id);
  add_text(out, R"(,"client":")", entry.client);
  if (entry.peer != entry.client) add_text(out, R"(,"peer":")", entry.peer);
  add_text(out, R"(,"method":")", entry.method);
  add_text(out, R"(,"host":")", entry.host);
  add_text(out, R"(,"path":")", entry.path);
  if (settings_.query && !entry.query.empty()) {
    out.write(R"(,"query":")");
    append_query(entry.query, out, append_json);
    out.write("\"");
  }
  if (!entry.consumer.empty()) add_text(out, R"(,"consumer":")", entry.consumer);
  if (!entry.credential.empty()) add_text(out, R"(,"credential":")", entry.credential);
  add_number(out, R"(,"revision":)", entry.revision);
  add_text(out, R"(,"route":")", entry.route);
  add_text(out, R"(,"upstream":")", entry.upstream);
  add_text(out, R"(,"branch":")", entry.branch);
  add_text(out, R"(,"target":")", entry.target);
  add_number(out, R"(,"status":)", entry.status);
  out.write(R"(,"ended":")", entry.ended->name, "\"");
  if (!entry.policy.empty()) add_text(out, R"(,"policy":")", entry.policy);
  if (!entry.note.empty()) add_text(out, R"(,"note":")", entry.note);
  if (!entry.cache.empty()) add_text(out, R"(,"cache":")", entry.cache);
  add_number(out, R"(,"tries":)", entry.tries);
  add_number(out, R"(,"request_bytes":)", entry.request_bytes);
  add_number(out, R"(,"response_bytes":)", entry.response_bytes);
  add_time(out, R"(,"request_head_us":)", entry.request_head);
  add_time(out, R"(,"response_head_us":)", entry.response_head);
  if (entry.tries > 0) add_time(out, R"(,"targets_us":)", entry.targets);
  add_time(out, R"(,"total_us":)", entry.total);
  write_fields(out, R"(,"request_headers":{)", entry.request_fields, request_headers_);
  write_fields(out, R"(,"response_headers":{)", entry.response_fields, response_headers_);
  out.write("}");
}

void LogFormat::append_variable(const Part& part, const AccessEntry& entry, TextWriter& out) const {
  switch (*part.variable) {
    case Variable::kRequestMethod: return append_escaped(out, entry.method);
    case Variable::kRequestHost: return append_escaped(out, entry.host);
    case Variable::kRequestPath: return append_escaped(out, entry.canonical_path);
    case Variable::kRequestRawPath: return append_escaped(out, entry.path);
    case Variable::kRequestQuery:
      return append_or_dash(out, [&] { append_query(entry.query, out, append_escaped_text); });
    case Variable::kRequestVersion: return append_escaped(out, entry.version);
    case Variable::kRequestId: return append_escaped(out, entry.request_id);
    case Variable::kRequestBytes: return out.number(entry.request_bytes);
    case Variable::kRequestHeader: return append_header(entry.request_fields, part.header, out);
    case Variable::kClientAddress: return append_escaped(out, entry.client);
    case Variable::kPeerAddress: return append_escaped(out, entry.peer);
    case Variable::kConsumerName: return append_escaped(out, entry.consumer);
    case Variable::kConsumerCredential: return append_escaped(out, entry.credential);
    case Variable::kRevision: return out.number(entry.revision);
    case Variable::kRouteName: return append_escaped(out, entry.route);
    case Variable::kRouteBranch: return append_escaped(out, entry.branch);
    case Variable::kUpstreamName: return append_escaped(out, entry.upstream);
    case Variable::kTargetAddress: return append_escaped(out, entry.target);
    case Variable::kTargetTries: return out.number(entry.tries);
    case Variable::kResponseStatus: return out.number(entry.status);
    case Variable::kResponseBytes: return out.number(entry.response_bytes);
    case Variable::kResponseHeader: return append_header(entry.response_fields, part.header, out);
    case Variable::kCacheOutcome: return append_escaped(out, entry.cache);
    case Variable::kPolicyName: return append_escaped(out, entry.policy);
    case Variable::kPolicyNote: return append_escaped(out, entry.note);
    case Variable::kEndReason: return out.write(entry.ended->name);
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
    case Variable::kClaimJson:
    case Variable::kErrorStatus:
    case Variable::kErrorTitle:
    case Variable::kErrorDetail:
    case Variable::kErrorReason: return;  // the table has no Moment::kEnd for these
  }
}

void LogFormat::append_header(const http::Fields* fields, const Header& header, TextWriter& out) {
  append_or_dash(out, [&] { append_field(fields, header, out, append_escaped_text); });
}

}  // namespace portcullis::telemetry
