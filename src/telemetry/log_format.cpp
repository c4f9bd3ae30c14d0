#include "telemetry/log_format.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "base/text.h"
#include "http/query.h"

namespace portcullis::telemetry {
namespace {

constexpr std::string_view kRedacted = "[redacted]";
constexpr std::string_view kCommon =
    R"({client} - {consumer} [{time_common}] "{method} {path} {version}" {status} {response_bytes})";
constexpr std::string_view kCombined =
    R"({client} - {consumer} [{time_common}] "{method} {path} {version}" {status} {response_bytes} "{request_header.referer}" "{request_header.user-agent}")";

const std::vector<std::string_view> kVariables{"time",
                                               "time_common",
                                               "request_id",
                                               "client",
                                               "peer",
                                               "method",
                                               "host",
                                               "path",
                                               "query",
                                               "version",
                                               "consumer",
                                               "credential",
                                               "route",
                                               "upstream",
                                               "branch",
                                               "target",
                                               "status",
                                               "ended",
                                               "note",
                                               "cache",
                                               "tries",
                                               "request_bytes",
                                               "response_bytes",
                                               "request_head_us",
                                               "response_head_us",
                                               "total_us",
                                               "request_header",
                                               "response_header"};

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

// RFC 3339, UTC, milliseconds.
void append_now(std::string& out) {
  // All but the fraction is the same for a second, and takes as long as the rest of a line.
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

// As web servers write it: 10/Oct/2000:13:55:36 +0000.
void append_common_time(std::string& out) {
  const std::time_t now = std::time(nullptr);
  tm parts{};
  ::gmtime_r(&now, &parts);
  char text[40];
  out.append(text, std::strftime(text, sizeof text, "%d/%b/%Y:%H:%M:%S +0000", &parts));
}

// What a client says cannot begin a new line, or end a quoted text.
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

}  // namespace

LogFormat::LogFormat(Settings settings) : settings_(std::move(settings)) {
  for (const std::string& name : settings_.request_headers)
    request_headers_.push_back({name, is_secret(name)});
  for (const std::string& name : settings_.response_headers)
    response_headers_.push_back({name, is_secret(name)});
  if (settings_.format == "json") return;
  std::string_view text = settings_.format;
  if (text == "common") text = kCommon;
  if (text == "combined") text = kCombined;
  parse(text, parts_);
}

std::string LogFormat::check(const std::string& format) {
  std::vector<Part> parts;
  if (format == "json" || format == "common" || format == "combined") return "";
  if (format.find('{') == std::string::npos)
    return "`" + format + "` is none of json, common and combined, and no template with variables in braces" +
           suggestion_for(format, {"json", "common", "combined"});
  return parse(format, parts);
}

std::string LogFormat::parse(std::string_view text, std::vector<Part>& parts) {
  while (!text.empty()) {
    const size_t open = std::min(text.find('{'), text.size());
    Part part;
    part.literal = text.substr(0, open);
    text.remove_prefix(open);
    if (!text.empty()) {
      const size_t close = text.find('}');
      if (close == std::string_view::npos) return "a brace is not closed";
      const std::string_view name = text.substr(1, close - 1);
      const size_t dot = std::min(name.find('.'), name.size());
      part.variable = name.substr(0, dot);
      part.argument = name.substr(std::min(dot + 1, name.size()));
      const bool takes = part.variable == "request_header" || part.variable == "response_header";
      if (std::find(kVariables.begin(), kVariables.end(), part.variable) == kVariables.end() ||
          takes == part.argument.empty())
        return "there is no variable `" + std::string(name) + "`" + suggestion_for(part.variable, kVariables);
      text.remove_prefix(close + 1);
    }
    parts.push_back(std::move(part));
  }
  return "";
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
  const auto is = [name](const std::string& other) { return equals_ignoring_case(name, other); };
  return std::any_of(response_headers_.begin(), response_headers_.end(),
                     [&](const Header& one) { return is(one.name); }) ||
         std::any_of(parts_.begin(), parts_.end(),
                     [&](const Part& one) { return one.variable == "response_header" && is(one.argument); });
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

std::string LogFormat::field_text(const http::Fields* fields, std::string_view name) const {
  std::string out;
  if (fields == nullptr) return out;
  for (const http::Field& field : *fields) {
    if (!equals_ignoring_case(field.name, name)) continue;
    if (is_secret(name)) return std::string(kRedacted);
    if (!out.empty()) out += ", ";
    out += field.value;
  }
  return out;
}

void LogFormat::write_fields(std::string& out, std::string_view key, const http::Fields* fields,
                             const std::vector<Header>& headers) const {
  if (headers.empty()) return;
  out += ",\"";
  out += key;
  out += "\":{";
  bool first = true;
  for (const Header& header : headers) {
    bool begun = false;
    for (const http::Field& field : fields != nullptr ? *fields : http::Fields()) {
      if (!equals_ignoring_case(field.name, header.name)) continue;
      if (begun) {
        out += ", ";
      } else {
        if (!first) out += ',';
        first = false;
        out += '"';
        append_json_escaped(out, header.name);
        out += "\":\"";
      }
      append_json_escaped(out, header.secret ? kRedacted : field.value);
      begun = true;
      if (header.secret) break;
    }
    if (begun) out += '"';
  }
  out += '}';
}

void LogFormat::write(const AccessEntry& entry, std::string& out) const {
  if (parts_.empty()) return write_json(entry, out);
  for (const Part& part : parts_) {
    out += part.literal;
    if (!part.variable.empty()) append_variable(part, entry, out);
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
  add_text(out, "ended", entry.ended);
  if (!entry.note.empty()) add_text(out, "note", entry.note);
  if (!entry.cache.empty()) add_text(out, "cache", entry.cache);
  add_number(out, "tries", entry.tries);
  add_number(out, "request_bytes", entry.request_bytes);
  add_number(out, "response_bytes", entry.response_bytes);
  add_time(out, "request_head_us", entry.request_head);
  add_time(out, "response_head_us", entry.response_head);
  add_time(out, "total_us", entry.total);
  write_fields(out, "request_headers", entry.request_fields, request_headers_);
  write_fields(out, "response_headers", entry.response_fields, response_headers_);
  out += '}';
}

void LogFormat::append_variable(const Part& part, const AccessEntry& entry, std::string& out) const {
  const std::string_view name = part.variable;
  const auto time = [&](std::chrono::microseconds value) {
    if (value.count() < 0) {
      out += '-';
    } else {
      append_number(out, static_cast<uint64_t>(value.count()));
    }
  };
  if (name == "time") return append_now(out);
  if (name == "time_common") return append_common_time(out);
  if (name == "status") return append_number(out, entry.status);
  if (name == "tries") return append_number(out, entry.tries);
  if (name == "request_bytes") return append_number(out, entry.request_bytes);
  if (name == "response_bytes") return append_number(out, entry.response_bytes);
  if (name == "request_head_us") return time(entry.request_head);
  if (name == "response_head_us") return time(entry.response_head);
  if (name == "total_us") return time(entry.total);
  if (name == "query") return append_escaped(out, redacted_query(entry.query));
  if (name == "request_header") return append_escaped(out, field_text(entry.request_fields, part.argument));
  if (name == "response_header") return append_escaped(out, field_text(entry.response_fields, part.argument));
  static constexpr std::pair<std::string_view, std::string_view AccessEntry::*> kTexts[] = {
      {"request_id", &AccessEntry::request_id},
      {"client", &AccessEntry::client},
      {"peer", &AccessEntry::peer},
      {"method", &AccessEntry::method},
      {"host", &AccessEntry::host},
      {"path", &AccessEntry::path},
      {"version", &AccessEntry::version},
      {"consumer", &AccessEntry::consumer},
      {"credential", &AccessEntry::credential},
      {"route", &AccessEntry::route},
      {"upstream", &AccessEntry::upstream},
      {"branch", &AccessEntry::branch},
      {"target", &AccessEntry::target},
      {"ended", &AccessEntry::ended},
      {"note", &AccessEntry::note},
      {"cache", &AccessEntry::cache}};
  for (const auto& [its_name, member] : kTexts) {
    if (its_name == name) return append_escaped(out, entry.*member);
  }
}

}  // namespace portcullis::telemetry
