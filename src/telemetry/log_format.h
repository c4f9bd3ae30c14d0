#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "telemetry/ends.h"
#include "variables/variable.h"

namespace portcullis::telemetry {

// What one line of the access log may say. Views, and the fields, live as long as its writing takes.
struct AccessEntry {
  std::string_view request_id;
  std::string_view client;  // as trusted proxies tell it
  std::string_view peer;    // the other end of the connection; logged when it is not the client
  std::string_view method;
  std::string_view host;
  std::string_view path;            // as received
  std::string_view canonical_path;  // by which routes are chosen; empty when the request has none
  std::string_view query;           // likewise; may hold secrets
  std::string_view version;
  std::string_view consumer;
  std::string_view credential;
  std::string_view route;
  std::string_view upstream;
  std::string_view branch;  // of the route's split
  std::string_view target;
  uint16_t status = 0;  // 0: no answer was sent
  const EndReason* ended = &kEnds.client_closed;
  std::string_view policy;     // the one that refused or answered it; empty: none did
  std::string_view note;       // of a policy that let it pass
  std::string_view cache;      // what it did: "hit", "miss", ...
  uint64_t request_bytes = 0;  // of the bodies
  uint64_t response_bytes = 0;
  unsigned tries = 0;
  // From the request's first byte; negative: never reached.
  std::chrono::microseconds request_head{-1};
  std::chrono::microseconds response_head{-1};
  std::chrono::microseconds total{0};
  std::chrono::microseconds targets{0};  // of it: all tries together, each to its end or its response's head
  const http::Fields* request_fields = nullptr;  // null: there is no head
  const http::Fields* response_fields = nullptr;
};

// Which requests are logged, and how a line is written: as JSON, or by a template. Immutable, for all
// workers.
class LogFormat {
 public:
  struct Settings {
    std::string format =
        "json";  // or "common", "combined", or a template: `{client.address} {request.method}`
    std::vector<std::string> request_headers{};   // that JSON lines have
    std::vector<std::string> response_headers{};  // likewise
    bool query = false;                           // JSON lines have the query
    std::vector<std::string> redact{};  // names of fields and parameters, beside those known to be secret
    uint32_t sample = 100;              // percent of the requests that went well
    std::chrono::milliseconds slower_than{0};  // these are always logged; 0: none
    std::vector<uint16_t> statuses{};          // sorted; empty: all
    std::vector<std::string> except_routes{};
  };
  explicit LogFormat(Settings settings);
  // What is wrong with a format, or "".
  static std::string check(const std::string& format);

  // `random`: for sampling.
  bool wants(const AccessEntry& entry, uint64_t random) const;
  // Whether lines have any field of the response, and this one.
  bool has_response_fields() const { return !response_names_.empty(); }
  bool has_response_field(std::string_view name) const;
  // Appends the line, without its end.
  void write(const AccessEntry& entry, std::string& out) const;

 private:
  struct Header {
    std::string name{};
    bool secret = false;
  };
  struct Part {
    std::string literal{};                          // before the variable
    std::optional<variables::Variable> variable{};  // none: the line ends here
    Header header{};                                // of the variables that are header fields
  };
  // The values of a field, with commas between them; false when there is none.
  static bool append_field(const http::Fields* fields, const Header& header, std::string& out,
                           void (*append)(std::string& out, std::string_view text));
  static void write_fields(std::string& out, std::string_view key, const http::Fields* fields,
                           const std::vector<Header>& headers);
  bool is_secret(std::string_view name) const;
  void write_json(const AccessEntry& entry, std::string& out) const;
  // Appends a field in the form that templates have for texts of clients.
  static void append_header(const http::Fields* fields, const Header& header, std::string& out);
  void append_variable(const Part& part, const AccessEntry& entry, std::string& out) const;
  std::string redacted_query(std::string_view query) const;

  Settings settings_;
  std::vector<Header> request_headers_;  // of JSON lines
  std::vector<Header> response_headers_;
  std::vector<Part> parts_;                  // none: JSON
  std::vector<std::string> response_names_;  // the fields of the response that lines have
};

}  // namespace portcullis::telemetry
