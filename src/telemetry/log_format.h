#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text_writer.h"
#include "http/message.h"
#include "telemetry/access_log_settings.h"
#include "telemetry/ends.h"
#include "variables/variable.h"

namespace portcullis::telemetry {

// The data for one line of the access log. The views and fields must be valid while the line is written.
struct AccessEntry {
  std::string_view request_id;
  std::string_view client;  // according to trusted proxies
  std::string_view peer;    // the other end of the connection; logged when it differs from `client`
  std::string_view method;
  std::string_view host;
  std::string_view path;            // as received
  std::string_view canonical_path;  // the path by which routes are chosen; empty when the request has none
  std::string_view query;           // as received; may contain secrets
  std::string_view version;
  std::string_view consumer;
  std::string_view credential;
  std::string_view route;
  uint64_t revision = 0;  // the number of the revision that served the request
  std::string_view upstream;
  std::string_view branch;  // of the route's split
  std::string_view target;
  uint16_t status = 0;  // 0: no response was sent
  const EndReason* ended = &kEnds.client_closed;
  std::string_view policy;     // the policy that refused or answered the request; empty: none
  std::string_view note;       // remark of a policy that admitted the request
  std::string_view cache;      // result of the cache: "hit", "miss", ...
  uint64_t request_bytes = 0;  // of the body
  uint64_t response_bytes = 0;
  unsigned tries = 0;
  // Since the request's first byte; negative when that point was not reached.
  std::chrono::microseconds request_head{-1};
  std::chrono::microseconds response_head{-1};
  std::chrono::microseconds total{0};
  std::chrono::microseconds targets{
      0};  // part of `total`: all attempts, each up to its end or to its response's head
  const http::Fields* request_fields = nullptr;  // null when there is no head
  const http::Fields* response_fields = nullptr;
};

// True when the values of fields and parameters of this name are redacted: because the name is known to be
// secret, or is one of `redact`.
bool is_redacted(std::string_view name, const std::vector<std::string>& redact);

// Which requests are logged, and how a line is written: as JSON, or by a template. Immutable, for all
// workers.
class LogFormat {
 public:
  using Settings = AccessLogSettings;

  explicit LogFormat(Settings settings);
  // What is wrong with a format, or "".
  static std::string check(const std::string& format);

  // Whether the request is logged. `random` decides about sampling.
  bool wants(const AccessEntry& entry, uint64_t random) const;
  // Whether lines contain any response field, and whether they contain this one.
  bool has_response_fields() const { return !response_names_.empty(); }
  bool has_response_field(std::string_view name) const;
  // Appends the line without a line end.
  void write(const AccessEntry& entry, TextWriter& out) const;

 private:
  struct Header {
    std::string name{};
    std::string key{};  // the name as a key of JSON, up to the opening quote of its value
    bool secret = false;
  };
  using Append = void (*)(TextWriter& out, std::string_view text);
  struct Part {
    std::string literal{};                          // text before the variable
    std::optional<variables::Variable> variable{};  // empty: the part ends the template
    Header header{};                                // for variables that are header fields
  };
  // Appends the values of a field, joined by commas; false when the field is missing.
  static bool append_field(const http::Fields* fields, const Header& header, TextWriter& out, Append append);
  // `before`: what is written before the first field.
  static void write_fields(TextWriter& out, std::string_view before, const http::Fields* fields,
                           const std::vector<Header>& headers);
  Header header(const std::string& name) const;
  bool is_secret(std::string_view name) const { return is_redacted(name, settings_.redact); }
  void write_json(const AccessEntry& entry, TextWriter& out) const;
  // Appends a field in the form that templates have for texts of clients.
  static void append_header(const http::Fields* fields, const Header& header, TextWriter& out);
  void append_variable(const Part& part, const AccessEntry& entry, TextWriter& out) const;
  // Appends the query with the values of secret parameters redacted.
  void append_query(std::string_view query, TextWriter& out, Append append) const;

  Settings settings_;
  std::vector<Header> request_headers_;  // for JSON lines
  std::vector<Header> response_headers_;
  std::vector<Part> parts_;                  // empty: JSON
  std::vector<std::string> response_names_;  // the response fields that lines contain
};

}  // namespace portcullis::telemetry
