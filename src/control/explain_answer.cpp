#include "control/explain_answer.h"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/text.h"
#include "control/route_setup.h"
#include "control/upstream_setup.h"
#include "http/message.h"
#include "policy/registry.h"
#include "routing/explain.h"

namespace portcullis::control {
namespace {

using nlohmann::json;
using proxy::Rehearsal;
using proxy::RehearsedPolicy;
using telemetry::kEnds;
using DecisionKind = policy::Decision::Kind;

const char* outcome_of(const RehearsedPolicy& one) {
  if (!one.is_reached) return "not_reached";
  switch (one.decision) {
    case DecisionKind::kContinue: return "continues";
    case DecisionKind::kRefuse: return "refuses";
    case DecisionKind::kUnknown: return "not_known";
    default: return "answers";
  }
}

// True when the policy has answered with a response that another request has fetched.
bool is_from_store(const RehearsedPolicy& one) {
  if (one.decision != DecisionKind::kAnswer) return false;
  return std::any_of(policy::catalog().begin(), policy::catalog().end(), [&one](const auto& type) {
    return type.name == one.name && type.traits.stores_responses;
  });
}

std::string told_place(const config::Location& location) {
  return location.file.text() + ":" + std::to_string(location.line());
}

json tell_policies(const Rehearsal& found) {
  json out = json::array();
  for (const RehearsedPolicy& one : found.policies) {
    json its{{"name", one.name},
             {"place", told_place(one.location)},
             {"notes", one.notes},
             {"outcome", outcome_of(one)}};
    if (!one.policy_set.empty()) its["policy_set"] = one.policy_set;
    if (one.status != 0) its["status"] = one.status;
    if (one.decision == DecisionKind::kRefuse) its["reason"] = one.reason->name;
    out.push_back(std::move(its));
  }
  return out;
}

// Adds status, fields and body of a response to `answer`, read from the bytes that the client would receive.
void tell_bytes(const std::string& bytes, json& answer) {
  const size_t end = std::min(bytes.find("\r\n\r\n"), bytes.size());
  json headers = json::array();
  for (size_t line = bytes.find("\r\n"); line < end;) {
    const size_t begin = line + 2;
    line = std::min(bytes.find("\r\n", begin), end);
    headers.push_back(bytes.substr(begin, line - begin));
  }
  answer["headers"] = std::move(headers);
  answer["body"] = end < bytes.size() ? bytes.substr(end + 4) : std::string();
}

// True for a gRPC error: a response with the status 200 and the error in a field.
bool tells_grpc_fault(const std::string& bytes) {
  static constexpr std::string_view kField = "\r\ngrpc-status: ";
  const size_t found = bytes.find(kField);
  return found != std::string::npos && bytes.compare(found + kField.size(), 3, "0\r\n") != 0;
}

// The member `answer`: the response that the client would get, and its sender.
json tell_answer(const Rehearsal& found, const PutQuestion& put) {
  if (!put.handshake_fault.empty())
    return {{"verdict", "refused"},
            {"by", "gateway"},
            {"reason", kEnds.handshake_failed.name},
            {"detail", put.handshake_fault}};
  const auto last = std::find_if(found.policies.rbegin(), found.policies.rend(),
                                 [](const RehearsedPolicy& one) { return one.is_reached; });
  const bool decided = last != found.policies.rend() && last->decision != DecisionKind::kContinue;
  json out;
  switch (found.end) {
    case Rehearsal::End::kForwarded: return {{"verdict", "served"}, {"by", "upstream"}};
    case Rehearsal::End::kUnknown:
      return {{"verdict", "not_known"}, {"by", "policy"}, {"policy", last->name}};
    case Rehearsal::End::kAnswered: break;
  }
  const bool refused = (decided && last->decision == DecisionKind::kRefuse) || found.status >= 400 ||
                       found.status == 0 || found.error_rule || tells_grpc_fault(found.answer);
  out["verdict"] = !refused ? "served" : !decided && found.ended == &kEnds.no_route ? "no_route" : "refused";
  out["by"] = !decided ? "gateway" : is_from_store(*last) ? "cache" : "policy";
  if (decided) out["policy"] = last->name;
  out["status"] = found.status;
  out["reason"] = found.ended != nullptr ? found.ended->name : std::string_view();
  if (found.error_rule) out["error_rule"] = told_place(*found.error_rule);
  tell_bytes(found.answer, out);
  return out;
}

json targets_of(const config::Config& config, const std::string& name, const config::TextMap& subset) {
  json targets = json::array();
  for (const config::Upstream& upstream : config.upstreams) {
    if (upstream.name != name) continue;
    for (const config::Target& target : upstream.targets) {
      if (belongs(target, subset)) targets.push_back(target.address);
    }
    if (upstream.discover.enabled()) targets.push_back("those of " + upstream.discover.describe());
  }
  return targets;
}

// Adds the targets that would be asked after the policies have let the request pass.
void tell_upstream(const Rehearsal& found, const config::Config& config, const config::Route& route,
                   json& told) {
  told["target_path"] = found.target_path;
  told["upstream"] = route.upstream;
  told["targets"] = targets_of(config, route.upstream, route.subset);
  uint64_t whole = 0;
  for (const config::Branch& branch : route.split) whole += branch.share();
  for (size_t i = 0; i < route.split.size(); ++i) {
    const config::Branch& branch = route.split[i];
    const bool chosen = found.branch == i;
    json its{{"name", branch.label()},
             {"upstream", branch.upstream},
             {"share", static_cast<double>(branch.share()) / static_cast<double>(whole)},
             {"targets", targets_of(config, branch.upstream, branch.subset)},
             {"chosen", chosen}};
    if (chosen) {
      its["why"] = found.branch_reason;
      told["upstream"] = branch.upstream;
      told["targets"] = its["targets"];
    }
    told["branches"].push_back(std::move(its));
  }
}

// Adds the reason for which each other route does not match.
void tell_others(const Rehearsal& found, size_t listener, const Served& served, json& told) {
  http::Fields fields;
  for (const auto& [name, value] : found.fields) fields.add(name, value);
  const auto& listeners = served.snapshot->listeners;
  const std::string_view by =
      listener < listeners.size() ? std::string_view(listeners[listener].address_text) : std::string_view();
  const routing::RequestView view{found.host, found.path, found.method, found.query, &fields, by};
  const routing::MatchResult result = served.snapshot->table->match(view);
  told["outcome"] = name_of(result.outcome);
  if (result.outcome == routing::MatchOutcome::kMethodNotAllowed) told["allow"] = found.allow;
  const std::vector<routing::RouteRule> rules = route_rules(served.config);
  for (const routing::Judgement& judgement : routing::judge(rules, result, view)) {
    if (judgement.verdict == routing::Verdict::kChosen) continue;
    std::string reason = judgement.reason;
    if (judgement.verdict == routing::Verdict::kOutranked)
      reason = "matches too, but `" + served.config.routes[result.route].name + "` " +
               routing::why_preferred(rules[result.route], rules[judgement.route], found.host);
    told["others"].push_back({{"route", served.config.routes[judgement.route].name},
                              {"verdict", name_of(judgement.verdict)},
                              {"reason", std::move(reason)}});
  }
}

}  // namespace

json tell(const Rehearsal& found, const PutQuestion& put, const Question& question, const Served& served) {
  json told{{"method", found.method.empty() ? question.method : found.method},
            {"url", question.url},
            {"scheme", found.scheme},
            {"host", found.host},
            {"path", found.path},
            {"client", found.client.empty() ? put.request.peer : found.client},
            {"listener", put.listener},
            {"assumed", put.assumed},
            {"answer", tell_answer(found, put)},
            {"outcome", "not_routed"},
            {"policies", tell_policies(found)},
            {"targets", json::array()},
            {"branches", json::array()},
            {"others", json::array()}};
  if (found.route) told["route"] = served.config.routes[*found.route].name;
  if (found.is_routed) tell_others(found, put.request.listener, served, told);
  if (found.end == Rehearsal::End::kForwarded && found.route)
    tell_upstream(found, served.config, served.config.routes[*found.route], told);
  return told;
}

}  // namespace portcullis::control
