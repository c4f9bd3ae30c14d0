#include "config/logging.h"

#include "config/field_types.h"
#include "config/settable_fields.h"
#include "config/variable_examples.h"

namespace portcullis::config {
namespace {

constexpr const char* kPlaces =
    "`stdout`, `stderr`, a file, `syslog` (this machine's), `syslog:ADDRESS` (RFC 5424, in datagrams to "
    "`address:port` or `unix:/path`) or `journald`. A change needs a restart.";

// The named formats and the variables, for editors.
std::vector<std::string> examples_of_log_format() {
  std::vector<std::string> out{"json", "common", "combined"};
  for (std::string& text : variable_examples(VariableForm::kText, variables::Moment::kEnd))
    out.push_back(std::move(text));
  return out;
}

}  // namespace

Type<AccessLog> access_log_type() {
  auto access_log = std::make_shared<ObjectType<AccessLog>>(
      "access_log",
      "A line for each request. A separate thread writes the lines; when it cannot keep up, lines are "
      "dropped and counted, and requests do not wait. SIGUSR1, or a reload, opens the file again.");
  access_log->required("path", &AccessLog::path, text("/var/log/portcullis/access.log"), kPlaces)
      .locate_last(&AccessLog::path_location)
      .optional("format", &AccessLog::format,
                checked_text("text", "", "combined", any_text, examples_of_log_format()),
                "`json`; `common` or `combined`, the formats of web servers; or a template with "
                "[variables](#variables): `{client.address} \"{request.method} {request.raw_path}\" "
                "{response.status} {duration.total_us} {request.header.user-agent}`.")
      .locate_last(&AccessLog::format_location)
      .optional("request_headers", &AccessLog::request_headers, list_of<std::string>(field_name_type()),
                "Header fields of the request that JSON lines contain.")
      .optional("response_headers", &AccessLog::response_headers, list_of<std::string>(field_name_type()),
                "Header fields of the response that JSON lines contain.")
      .optional("query", &AccessLog::query, boolean(), "Whether JSON lines contain the query.")
      .optional("redact", &AccessLog::redact, list_of<std::string>(text("token")),
                "Names of header fields and query parameters whose values are not logged, in addition to "
                "those that are known to be secret: `authorization`, `cookie`, and names that contain "
                "`token`, `secret`, `password`, `api-key`, `signature` or `credential`.")
      .optional("sample", &AccessLog::sample, percent(),
                "Share of the successful requests that is logged. Requests with a status of 400 or more, or "
                "without a response, are all logged.")
      .optional("slower_than", &AccessLog::slower_than, duration(),
                "Requests that took longer than this are logged too, whatever `sample` says.")
      .default_in_words("none")
      .optional("status", &AccessLog::status, non_empty(one_or_list_of<StatusRange>(status_range())),
                "Only requests with these statuses are logged, such as 5xx.")
      .default_in_words("all")
      .optional("except_routes", &AccessLog::except_routes, list_of<std::string>(text("health")),
                "Names of routes whose requests are not logged.");
  return access_log;
}

Type<Tracing> tracing_type() {
  auto tracing = std::make_shared<ObjectType<Tracing>>(
      "tracing",
      "Exports traces of some requests to a collector (OTLP over HTTP, JSON): a span for the gateway, one "
      "for each policy and one for each try. A separate thread sends them in batches; spans that the "
      "collector does not accept are dropped and counted.");
  tracing
      ->required("endpoint", &Tracing::endpoint, url_type(),
                 "The URL of the collector, such as `http://127.0.0.1:4318/v1/traces`. A change of "
                 "`endpoint`, `service`, `headers` or `ca` needs a restart.")
      .optional("service", &Tracing::service, text("edge"), "The `service.name` of the spans.")
      .optional("headers", &Tracing::headers,
                text_map(check_question_field, "{x-api-key: '${COLLECTOR_KEY}'}",
                         [](const std::string&) { return std::string(); }),
                "Header fields that are sent with each batch, for example the key of the collector.")
      .optional("ca", &Tracing::ca, text("/etc/portcullis/collector-ca.pem"),
                "A PEM file of the authorities that may have issued the collector's certificate.")
      .default_in_words("the system's")
      .optional("sample", &Tracing::sample, fine_share(),
                "The share of requests that is recorded, such as 0.1%. It holds for requests that do not "
                "bring a decision with them (`honour_parent`).")
      .optional("honour_parent", &Tracing::honour_parent, boolean(),
                "Whether the gateway continues the trace that a request brings with it, and follows its "
                "decision whether the request is recorded.")
      .optional("errors", &Tracing::errors, boolean(),
                "Whether requests that fail (5xx, or no response) are always recorded.")
      .optional(
          "propagate", &Tracing::propagate, list_of<TraceForm>(choice<TraceForm>()),
          "Which header fields carry the trace: `w3c` (traceparent, tracestate), `b3`, `b3multi` (X-B3-...). "
          "The gateway reads these fields from requests, and writes them for the upstream.");
  return tracing;
}

Type<AuditLog> audit_log_type() {
  auto audit_log = std::make_shared<ObjectType<AuditLog>>(
      "audit_log",
      "A JSON line for each change that an operator makes to a running gateway: reloads, purges, branches "
      "that are brought back, the end of the process.");
  audit_log->required("path", &AuditLog::path, text("/var/log/portcullis/access.log"), kPlaces)
      .locate_last(&AuditLog::path_location);
  return audit_log;
}

Type<ProcessLog> process_log_type() {
  auto process_log = std::make_shared<ObjectType<ProcessLog>>(
      "process_log",
      "Messages of the gateway about itself, on standard error: starts, reloads and problems.");
  process_log
      ->optional("format", &ProcessLog::format, choice<ProcessLog::Format>(),
                 "`text`: the time, the level, the process and the message; or `json`: an object with these "
                 "members. When systemd's journal reads the lines, each begins with the level in the form "
                 "that the journal expects, and text lines have no time.")
      .optional("level", &ProcessLog::level, choice<Level>(),
                "Min level of the messages; less important ones are left out.");
  return process_log;
}

}  // namespace portcullis::config
