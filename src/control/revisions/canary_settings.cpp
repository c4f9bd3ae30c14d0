#include "control/revisions/canary_settings.h"

#include "base/json_text.h"
#include "config/canary.h"
#include "config/json_document.h"

namespace portcullis::control {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

std::optional<uint64_t> number_in(const json& object, const char* key) {
  const auto member = object.find(key);
  if (member == object.end() || !member->is_number_unsigned()) return std::nullopt;
  return member->get<uint64_t>();
}

// Requests are divided either among the revisions at each node, or among the nodes.
std::variant<proxy::CanaryRules, std::vector<Finding>> settle(const json& written, proxy::CanaryRules rules,
                                                              const std::string& path) {
  const bool by_nodes = written.contains("nodes");
  std::string fault;
  if (by_nodes == written.contains("share"))
    fault = by_nodes
                ? "a canary has either `share` or `nodes`, not both"
                : "a canary has `share`, the share of requests that it serves, or `nodes`, how many more "
                  "nodes serve it in each step";
  else if (by_nodes && written.contains("by"))
    fault = "`by` goes with `share`: with `nodes`, a node serves the canary with all of its requests";
  if (!fault.empty()) return std::vector<Finding>{{.path = path, .message = std::move(fault)}};
  if (by_nodes) {
    rules.share = FineShare{10'000};
    rules.promote = written.value("promote", true);
  }
  return rules;
}

}  // namespace

std::variant<proxy::CanaryRules, std::vector<Finding>> read_canary(const json& written,
                                                                   const std::string& path) {
  config::Diagnostics diagnostics;
  const auto node = config::node_of_json(written, config::FileName::unshared("canary"), diagnostics);
  config::Canary canary;
  if (node != nullptr) config::canary_type().load(*node, canary, diagnostics);
  if (!diagnostics.has_errors()) return settle(written, std::move(canary), path);
  std::vector<Finding> out;
  for (const config::Diagnostic& one : diagnostics.sorted())
    out.push_back({.severity = one.severity,
                   .path = path + config::pointer_to(written, one.location.line_read),
                   .message = one.message});
  return out;
}

std::string text_of(const StoredCanary& canary) {
  const proxy::CanaryRules& rules = canary.rules;
  return json_text(
      json{{"share", rules.share.of_10_000},
           {"by", rules.by},
           {"nodes", rules.nodes},
           {"for_ms", rules.for_time.count()},
           {"promote", rules.promote},
           {"errors_above", rules.withdraw_when.errors_above.of_10_000},
           {"min_requests", rules.withdraw_when.min_requests},
           {"since_ms", std::chrono::floor<milliseconds>(canary.since.time_since_epoch()).count()}});
}

std::optional<StoredCanary> stored_canary_of(const std::string& text) {
  const json told = json::parse(text, nullptr, false);
  if (!told.is_object()) return std::nullopt;
  const auto share = number_in(told, "share"), for_ms = number_in(told, "for_ms"),
             errors_above = number_in(told, "errors_above"), min_requests = number_in(told, "min_requests"),
             since_ms = number_in(told, "since_ms");
  const json by = told.value("by", json()), promote = told.value("promote", json());
  if (!share || !for_ms || !errors_above || !min_requests || !since_ms || !by.is_string() ||
      !promote.is_boolean())
    return std::nullopt;
  StoredCanary out;
  out.rules.share = {static_cast<uint32_t>(*share)};
  out.rules.by = by.get<std::string>();
  out.rules.nodes = number_in(told, "nodes").value_or(0);
  out.rules.for_time = milliseconds(*for_ms);
  out.rules.promote = promote.get<bool>();
  out.rules.withdraw_when = {{static_cast<uint32_t>(*errors_above)}, *min_requests};
  out.since = std::chrono::system_clock::time_point(milliseconds(*since_ms));
  return out;
}

}  // namespace portcullis::control
