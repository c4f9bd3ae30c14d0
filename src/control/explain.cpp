#include "control/explain.h"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/arena.h"
#include "base/text.h"
#include "control/snapshot.h"
#include "control/split_setup.h"
#include "control/upstream_setup.h"
#include "http/authority.h"
#include "http/message.h"
#include "http/path.h"
#include "policy/registry.h"
#include "policy/services.h"
#include "routing/explain.h"
#include "routing/rewrite.h"

namespace portcullis::control {
namespace {

struct Url {
  std::string host;
  std::string path;
  std::string query;
};

// "http://host[:port]/path?query", or a path alone.
Url split_url(const std::string& url) {
  std::string_view rest = url;
  Url out;
  if (const size_t scheme = rest.find("://"); scheme != std::string_view::npos) {
    rest.remove_prefix(scheme + 3);
    const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
    out.host = to_lower(http::host_of(rest.substr(0, end)));
    rest.remove_prefix(end);
  }
  out.path = rest.substr(0, rest.find_first_of("?#"));
  if (out.path.empty()) out.path = "/";
  if (const size_t mark = rest.find('?'); mark != std::string_view::npos)
    out.query = rest.substr(mark + 1, rest.find('#', mark) - mark - 1);
  return out;
}

const char* name_of(routing::Verdict verdict) {
  switch (verdict) {
    case routing::Verdict::kChosen: return "chosen";
    case routing::Verdict::kOutranked: return "outranked";
    case routing::Verdict::kOtherHost: return "other_host";
    case routing::Verdict::kOtherPath: return "other_path";
    case routing::Verdict::kOtherMethod: return "other_method";
    case routing::Verdict::kOtherPredicate: return "other_condition";
    case routing::Verdict::kOtherListener: return "other_listener";
  }
  return "";
}

// A request that nobody has sent.
struct Sample {
  const Question& question;
  const Url& url;
  std::string_view path;  // canonical
  const http::Fields& fields;
  routing::PathParameters parameters;
};

nlohmann::json targets_of(const config::Config& config, const std::string& name,
                          const config::TextMap& subset) {
  nlohmann::json targets = nlohmann::json::array();
  for (const config::Upstream& upstream : config.upstreams) {
    if (upstream.name != name) continue;
    for (const config::Target& target : upstream.targets) {
      if (belongs(target, subset)) targets.push_back(target.address);
    }
    if (upstream.discover.enabled()) targets.push_back("those of " + upstream.discover.describe());
  }
  return targets;
}

// Who would answer. Where chance or a running gateway decides, nobody is chosen.
void explain_upstream(const config::Config& config, const config::Route& route, policy::Context& context,
                      nlohmann::json& told) {
  told["upstream"] = route.upstream;
  told["targets"] = targets_of(config, route.upstream, route.subset);
  told["branches"] = nlohmann::json::array();
  if (route.split.empty()) return;
  const proxy::Split split = compile_split(route, [](const config::Branch&) { return proxy::Branch{}; });
  const proxy::Branch* chosen = split.only();
  std::string why = chosen != nullptr ? "the only one" : "";
  if (chosen == nullptr && (chosen = split.by_condition(context, {})) != nullptr) why = "its `when` holds";
  if (chosen == nullptr) {
    if (const auto place = split.known_place(context)) {
      chosen = &split.by_place(*place, {});
      why = "by `split_sticky`";
    }
  }
  uint64_t whole = 0;
  for (const config::Branch& branch : route.split) whole += branch.share();
  for (const config::Branch& branch : route.split) {
    const bool is_chosen = chosen != nullptr && chosen->name == branch.label();
    told["branches"].push_back({{"name", branch.label()},
                                {"upstream", branch.upstream},
                                {"share", static_cast<double>(branch.share()) / static_cast<double>(whole)},
                                {"targets", targets_of(config, branch.upstream, branch.subset)},
                                {"chosen", is_chosen}});
    if (!is_chosen) continue;
    told["upstream"] = branch.upstream;
    told["targets"] = told["branches"].back()["targets"];
    told["branches"].back()["why"] = why;
  }
}

// Runs the policies that the request would meet, without charging, asking or changing anything outside, and
// chooses an upstream by what they have found.
void explain_policies(const config::Config& config, const config::Route& route, const Sample& sample,
                      const Say& say, nlohmann::json& out) {
  EventLoop loop;  // never runs
  Arena arena;
  http::RequestHead request;
  request.method = sample.question.method;
  request.target = request.path = sample.url.path;
  request.query = sample.url.query;
  request.has_query = !sample.url.query.empty();
  request.authority = sample.url.host;
  request.fields = sample.fields;
  http::ResponseHead response;
  policy::Context context(loop, arena, request, response);
  context.client_address = sample.question.client_address;
  context.host = context.authority = context.forwarded_host = sample.url.host;
  context.path = sample.path;
  const std::string target_path = out["target_path"];
  context.target_path = target_path;
  context.route = route.name;
  context.upstream = route.split.empty() ? route.upstream : route.split[0].upstream;
  context.parameters = &sample.parameters;
  context.request_id = "explain";

  telemetry::Registry metrics(1);
  policy::Services services({}, loop, say);
  policy::BuildContext build{
      std::make_shared<const identity::Directory>(config.consumers), config, metrics, services, 1, "", {}};
  nlohmann::json told = nlohmann::json::array();
  bool stopped = false;
  std::vector<policy::PolicyPointer> alive;  // what they have put into the context refers to them
  const auto run = [&](const std::vector<config::PolicyUse>& uses, std::string_view place) {
    build.place = place;
    for (const config::PolicyUse& use : uses) {
      nlohmann::json one{{"name", use.name},
                         {"place", use.location.file.text() + ":" + std::to_string(use.location.line)},
                         {"notes", nlohmann::json::array()},
                         {"outcome", "not_reached"}};
      if (!stopped) {
        build.location = use.location;
        alive.push_back(policy::build(use, build));
        const policy::Explanation its = alive.back()->explain(context);
        one["notes"] = its.notes;
        stopped = its.decision.kind == policy::Decision::Kind::kRefuse ||
                  its.decision.kind == policy::Decision::Kind::kAnswer;
        one["outcome"] = its.decision.kind == policy::Decision::Kind::kRefuse    ? "refuses"
                         : its.decision.kind == policy::Decision::Kind::kAnswer  ? "answers"
                         : its.decision.kind == policy::Decision::Kind::kSuspend ? "would have to wait"
                                                                                 : "continues";
        if (its.decision.kind == policy::Decision::Kind::kRefuse) {
          one["status"] = its.decision.status;
          one["reason"] = std::string(its.decision.reason);
        }
        if (its.decision.kind == policy::Decision::Kind::kAnswer) one["status"] = response.status;
      }
      told.push_back(std::move(one));
    }
  };
  run(config.policies, "");
  run(route.policies, route.name);
  out["policies"] = std::move(told);
  explain_upstream(config, route, context, out);
}

// The address of the listener that the request comes by.
Result<std::string> listener_address(const config::Config& config, const std::string& name) {
  if (name.empty() && config.listeners.empty()) return std::string();
  const config::ListenerAddresses addresses(config.listeners);
  const std::string* found = addresses.find(name.empty() ? config.listeners.front().name : name);
  if (found != nullptr) return *found;
  std::vector<std::string_view> known;
  for (const config::Listener& one : config.listeners) known.push_back(one.name);
  return Error{"there is no listener `" + name + "`" + suggestion_for(name, known)};
}

}  // namespace

Result<nlohmann::json> explain(const config::Config& config, const Question& question, const Say& say) {
  const auto& [method, url, headers, client_address, listener] = question;
  Url asked = split_url(url);
  http::Fields fields;
  for (const std::string& header : headers) {
    const std::string_view text = header;
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos || !fields.add(text.substr(0, colon), trim(text.substr(colon + 1)))) {
      return Error{"`" + header + "` is not a header: write `Name: value`"};
    }
  }
  Arena arena;
  asked.path = http::encode_target(asked.path, arena);
  asked.query = http::encode_target(asked.query, arena);
  const auto path = asked.path[0] == '/' ? http::canonical_path(asked.path, arena) : std::nullopt;
  if (!path) return Error{"`" + url + "` has no path that the gateway would accept (400)"};
  const std::vector<routing::RouteRule> rules = route_rules(config);
  const routing::RouteTable table(rules);
  const auto address = listener_address(config, listener);
  if (!address) return address.error();
  const routing::RequestView view{asked.host, *path, method, asked.query, &fields, *address};
  const routing::MatchResult result = table.match(view);
  nlohmann::json told{{"method", method}, {"host", asked.host}, {"path", std::string(*path)}};
  if (std::any_of(rules.begin(), rules.end(), [](const auto& rule) { return !rule.listeners.empty(); }))
    told["listener"] = *address;
  told["others"] = nlohmann::json::array();
  told["policies"] = nlohmann::json::array();
  told["targets"] = nlohmann::json::array();
  switch (result.outcome) {
    case routing::MatchOutcome::kNoRoute: told["outcome"] = "no_route"; break;
    case routing::MatchOutcome::kMethodNotAllowed: {
      told["outcome"] = "method_not_allowed";
      told["allow"] = join(table.allowed_methods(view));
      break;
    }
    case routing::MatchOutcome::kMatched: {
      const config::Route& route = config.routes[result.route];
      told["outcome"] = "matched";
      told["route"] = route.name;
      const routing::PathRewrite rewrite(route.rewrite.path, route.rewrite.strip_prefix);
      const auto sent = rewrite.apply(*path, routing::PathParameters(rules[result.route]), arena);
      told["target_path"] = sent ? std::string(*sent) : std::string();
      Sample sample{question, asked, *path, fields, routing::PathParameters(rules[result.route])};
      explain_policies(config, route, sample, say, told);
      break;
    }
  }
  for (const routing::Judgement& judgement : routing::judge(rules, result, view)) {
    if (judgement.verdict == routing::Verdict::kChosen) continue;
    told["others"].push_back({{"route", config.routes[judgement.route].name},
                              {"verdict", name_of(judgement.verdict)},
                              {"reason", judgement.reason}});
  }
  return told;
}

}  // namespace portcullis::control
