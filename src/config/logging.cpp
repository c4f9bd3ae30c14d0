#include "config/logging.h"

#include "config/field_types.h"
#include "config/settable_fields.h"

namespace portcullis::config {
namespace {

constexpr const char* kPlaces =
    "`stdout`, `stderr`, a file, `syslog` (this machine's), `syslog:ADDRESS` (RFC 5424, in datagrams to "
    "`address:port` or `unix:/path`) or `journald`. A change needs a restart.";

}  // namespace

Type<AccessLog> access_log_type() {
  auto access_log =
      std::make_shared<ObjectType<AccessLog>>("access_log",
                                              "A line for each request, written apart from the "
                                              "workers; lines are dropped and counted rather than "
                                              "waited for. SIGUSR1, or a reload, opens a file anew.");
  access_log->required("path", &AccessLog::path, text("/var/log/portcullis/access.log"), kPlaces)
      .locate_last(&AccessLog::path_location)
      .optional(
          "format", &AccessLog::format, text("combined"),
          "`json`; `common` or `combined`, as web servers write; or a template: `{client} \"{method} "
          "{path}\" {status} {total_us} {request_header.user-agent}`. Variables are named as the members "
          "of JSON lines are.")
      .locate_last(&AccessLog::format_location)
      .optional("request_headers", &AccessLog::request_headers, list_of<std::string>(field_name_type()),
                "Fields of the request that JSON lines have.")
      .optional("response_headers", &AccessLog::response_headers, list_of<std::string>(field_name_type()),
                "Fields of the response that JSON lines have.")
      .optional("query", &AccessLog::query, boolean(), "Whether JSON lines have the query.")
      .optional(
          "redact", &AccessLog::redact, list_of<std::string>(text("token")),
          "Names of fields and query parameters whose values are not logged, beside those that are "
          "known to be secret: `authorization`, `cookie`, and names with `token`, `secret`, `password`, "
          "`api-key`, `signature` or `credential` in them.")
      .optional("sample", &AccessLog::sample, percent(),
                "How many of the requests that went well are logged; those with a status of 400 or more, or "
                "without an answer, all are.")
      .optional("slower_than", &AccessLog::slower_than, duration(),
                "Requests that took longer are logged, too, whatever `sample` says.")
      .default_in_words("none")
      .optional("status", &AccessLog::status, non_empty(one_or_list_of<StatusRange>(status_range())),
                "Only requests with these are logged, as 5xx.")
      .default_in_words("all")
      .optional("except_routes", &AccessLog::except_routes, list_of<std::string>(text("health")),
                "Requests of these routes are not logged.");
  return access_log;
}

Type<Tracing> tracing_type() {
  auto tracing = std::make_shared<ObjectType<Tracing>>(
      "tracing",
      "Tells a collector of traces (OTLP over HTTP, JSON) of some requests: a span for the gateway, one for "
      "each policy and one for each try. Batches are sent apart from the workers; what the collector does "
      "not "
      "take is dropped and counted.");
  tracing
      ->required(
          "endpoint", &Tracing::endpoint, url_type(),
          "As `http://127.0.0.1:4318/v1/traces`. A change of it, or of the next three, needs a restart.")
      .optional("service", &Tracing::service, text("edge"), "The `service.name` of the spans.")
      .optional("headers", &Tracing::headers,
                text_map(check_question_field, "{x-api-key: '${COLLECTOR_KEY}'}",
                         [](const std::string&) { return std::string(); }),
                "Sent with each batch, as for its key.")
      .optional("ca", &Tracing::ca, text("/etc/portcullis/collector-ca.pem"),
                "PEM file of the authorities that the collector's certificate may come from.")
      .default_in_words("the system's")
      .optional("sample", &Tracing::sample, fine_share(),
                "The share of requests that is recorded, as 0.1%, of those that come without a decision of "
                "their own.")
      .optional("honour_parent", &Tracing::honour_parent, boolean(),
                "Whether requests may come with a trace of their own, and with the decision to tell of it.")
      .optional("errors", &Tracing::errors, boolean(),
                "Whether requests that fail (5xx, or without an answer) are always recorded.")
      .optional("propagate", &Tracing::propagate, list_of<TraceForm>(choice<TraceForm>()),
                "Which headers carry the trace: `w3c` (traceparent, tracestate), `b3`, `b3multi` (X-B3-...). "
                "Those that come along are read, and written for the upstream.");
  return tracing;
}

Type<AuditLog> audit_log_type() {
  auto audit_log = std::make_shared<ObjectType<AuditLog>>(
      "audit_log",
      "A JSON line for each change to a running gateway that an operator makes: reloads, purges, "
      "branches that are brought back, its end.");
  audit_log->required("path", &AuditLog::path, text("/var/log/portcullis/access.log"), kPlaces)
      .locate_last(&AuditLog::path_location);
  return audit_log;
}

Type<ProcessLog> process_log_type() {
  auto process_log = std::make_shared<ObjectType<ProcessLog>>(
      "process_log",
      "What the gateway says of itself, on standard error: starts and reloads, and what goes wrong.");
  process_log
      ->optional("format", &ProcessLog::format, choice<ProcessLog::Format>(),
                 "`text`: the time, the level, the process and the message; or `json`: an object with these "
                 "members. Where systemd's journal reads it, lines begin with the level as the journal "
                 "takes it, and text lines have no time of their own.")
      .optional("level", &ProcessLog::level, choice<Level>(),
                "Messages that matter less than this are left out.");
  return process_log;
}

}  // namespace portcullis::config
