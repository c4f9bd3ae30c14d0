#include "config/target_health.h"

#include <re2/re2.h>

#include <algorithm>

#include "config/value_types.h"
#include "http/characters.h"

namespace portcullis::config {
namespace {

std::string check_check_path(const std::string& path) {
  const bool good = path.starts_with('/') &&
                    std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c != 0x7f; });
  return good ? "" : "`" + path + "` is not a path";
}

std::string check_check_method(const std::string& method) {
  const bool good = http::is_token_text(method);
  return good && method != "CONNECT" ? "" : "`" + method + "` is not a method that a health check can use";
}

std::string check_check_host(const std::string& host) {
  const bool good = !host.empty() && std::all_of(host.begin(), host.end(),
                                                 [](char c) { return c > ' ' && c != '/' && c != 0x7f; });
  return good ? "" : "`" + host + "` is not a host";
}

std::string check_expression(const std::string& text) {
  const re2::RE2 expression(text, re2::RE2::Quiet);
  return expression.ok() ? "" : "cannot parse the regular expression `" + text + "`: " + expression.error();
}

std::string check_service(const std::string& name) {
  return name.size() < 120 ? ""
                           : "the name of the service is too long: it must have fewer than 120 characters";
}

}  // namespace

Type<HealthCheck> health_check_type() {
  auto grpc =
      std::make_shared<ObjectType<GrpcCheck>>("grpc_check", "gRPC's health protocol, grpc.health.v1.");
  grpc->optional("service", &GrpcCheck::service,
                 checked_text("a name", "", "orders.v1.Orders", check_service),
                 "The name of the service in the request of the check.")
      .default_in_words("the server as a whole");
  auto type = std::make_shared<ObjectType<HealthCheck>>(
      "health_check", "Checks each target regularly: by a request, or without a `path` by a connection.");
  type->locate(&HealthCheck::location)
      .optional("path", &HealthCheck::path, checked_text("a path", "^/", "/health", check_check_path),
                "The path of the check. Checks use TLS when the upstream has `tls`.")
      .default_in_words("none: a connection is enough")
      .optional("grpc", &HealthCheck::grpc, grpc,
                "Checks by gRPC's health protocol, in place of `path`. The `protocol` of the upstream must "
                "be `http2` or `auto`.")
      .default_in_words("none")
      .locate_last(&HealthCheck::grpc_location)
      .optional("method", &HealthCheck::method, checked_text("a method", "", "HEAD", check_check_method),
                "The method of the check.")
      .optional("host", &HealthCheck::host, checked_text("a host", "", "orders.internal", check_check_host),
                "The `Host` of the check.")
      .default_in_words("the target's address")
      .optional("port", &HealthCheck::port, integer<uint16_t>(1, 65'535),
                "The port of the check, when it is not the port for requests.")
      .default_in_words("the target's port")
      .optional("interval", &HealthCheck::interval, duration(),
                "Time between two checks, plus or minus a tenth.")
      .optional("unhealthy_interval", &HealthCheck::unhealthy_interval, duration(),
                "Time between two checks of a target that is down.")
      .default_in_words("as `interval`")
      .optional("timeout", &HealthCheck::timeout, duration(),
                "Max time for a check, including the connection.")
      .optional("healthy_after", &HealthCheck::healthy_after, integer<uint32_t>(1, 1'000),
                "Number of passed checks in a row after which a target is up.")
      .optional("unhealthy_after", &HealthCheck::unhealthy_after, integer<uint32_t>(1, 1'000),
                "Number of failed checks in a row after which a target is down.")
      .optional("status", &HealthCheck::status, non_empty(one_or_list_of<StatusRange>(status_range())),
                "Statuses of responses that count as a passed check.")
      .optional("body", &HealthCheck::body,
                checked_text("an expression", "", "'\"status\": *\"up\"'", check_expression),
                "An expression (RE2) that must match somewhere in the first 64 KiB of the answer.")
      .default_in_words("any");
  return type;
}

Type<EjectionRules> outlier_ejection_type() {
  auto type = std::make_shared<ObjectType<EjectionRules>>(
      "outlier_ejection", "Sends no requests to a target for a while after its requests have failed.");
  type->optional("failures_in_row", &EjectionRules::failures_in_row, integer<uint32_t>(0, 1'000'000),
                 "Number of failed requests in a row (no connection, no response, or a `status`) that eject "
                 "a target. 0: a target is not ejected for this reason.")
      .optional("status", &EjectionRules::status, one_or_list_of<StatusRange>(status_range()),
                "Statuses of responses that count as failures, such as 5xx.")
      .optional("error_share", &EjectionRules::error_share, percent(),
                "Share of failed requests in an interval that ejects a target. 0%: a target is not ejected "
                "for this reason.")
      .optional("slowness", &EjectionRules::slowness, integer(0, 1'000),
                "Ejects a target whose responses took this many times as long as the median of the targets "
                "in an interval. 0: a target is not ejected for this reason.")
      .optional(
          "min_requests", &EjectionRules::min_requests, integer(1, 1'000'000),
          "Min number of requests to a target in an interval for which `error_share` and `slowness` count.")
      .optional("interval", &EjectionRules::interval, duration(),
                "Length of the intervals of `error_share` and `slowness`.")
      .optional("ejection", &EjectionRules::ejection, duration(),
                "Duration of the first ejection. The second one in a row takes twice as long, the third "
                "three times, and so on.")
      .optional("max_ejection", &EjectionRules::max_ejection, duration(), "Max duration of an ejection.")
      .optional(
          "max_ejected", &EjectionRules::max_ejected, percent(),
          "Max share of the targets that is ejected at the same time. One target may always be ejected.");
  return type;
}

void check_health_check(const HealthCheck& check, Diagnostics& diagnostics) {
  if (!check.enabled()) return;
  if (check.interval < kMinInterval || check.timeout < kMinInterval)
    diagnostics.error(check.location, "`interval` and `timeout` of a health check must be at least 10ms");
  if (check.has_grpc() && !check.path.empty())
    diagnostics.error(check.grpc_location, "a health check has both `path` and `grpc`: remove one of them");
}

}  // namespace portcullis::config
