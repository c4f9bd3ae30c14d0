#include "cli/explain.h"

#include <nlohmann/json.hpp>

#include <cstdio>

#include "base/arena.h"
#include "base/text.h"
#include "control/gateway.h"
#include "control/snapshot.h"
#include "http/message.h"
#include "http/path.h"
#include "routing/explain.h"
#include "routing/rewrite.h"

namespace portcullis::cli {
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
  }
  return "";
}

void print_text(const nlohmann::json& told) {
  const auto line = [](const std::string& text) { std::printf("%s\n", text.c_str()); };
  const auto known = [&](const char* key) { return !told[key].get_ref<const std::string&>().empty(); };
  line(told["method"].get<std::string>() + " " + told["path"].get<std::string>() +
       (known("host") ? " at " + told["host"].get<std::string>() : ""));
  if (told["outcome"] != "matched") {
    line("  answered by the gateway: " +
         std::string(told["outcome"] == "no_route" ? "404, no route" : "405"));
    if (told.contains("allow")) line("  Allow: " + told["allow"].get<std::string>());
  } else {
    line("  route: " + told["route"].get<std::string>());
    for (const auto& policy : told["policies"]) {
      line("  policy: " + policy["name"].get<std::string>() + " (" + policy["place"].get<std::string>() +
           ")");
    }
    line("  upstream: " +
         (known("upstream") ? told["upstream"].get<std::string>() : "none, a policy answers"));
    if (told["target_path"] != told["path"] && known("upstream"))
      line("    path: " + told["target_path"].get<std::string>());
    for (const auto& target : told["targets"]) line("    target: " + target.get<std::string>());
  }
  for (const auto& other : told["others"]) {
    line("  not " + other["route"].get<std::string>() + ": " + other["reason"].get<std::string>());
  }
}

}  // namespace

int explain(const std::string& config_path, const Question& question, OutputFormat format) {
  config::Diagnostics diagnostics;
  const auto config = control::load_config(config_path, diagnostics);
  control::print_diagnostics(diagnostics);
  if (!config) return 2;
  const auto& [method, url, headers] = question;
  const Url asked = split_url(url);
  http::Fields fields;
  for (const std::string& header : headers) {
    const std::string_view text = header;
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos || !fields.add(text.substr(0, colon), trim(text.substr(colon + 1)))) {
      std::fprintf(stderr, "portcullis: `%s` is not a header: write `Name: value`\n", header.c_str());
      return 2;
    }
  }
  Arena arena;
  const auto path = asked.path[0] == '/' ? http::canonical_path(asked.path, arena) : std::nullopt;
  if (!path) {
    std::fprintf(stderr, "portcullis: `%s` has no path that the gateway would accept (400)\n", url.c_str());
    return 2;
  }
  const std::vector<routing::RouteRule> rules = control::route_rules(*config);
  const routing::RouteTable table(rules);
  const routing::RequestView view{asked.host, *path, method, asked.query, &fields};
  const routing::MatchResult result = table.match(view);
  nlohmann::json told{{"method", method}, {"host", asked.host}, {"path", std::string(*path)}};
  told["others"] = nlohmann::json::array();
  told["policies"] = nlohmann::json::array();
  told["targets"] = nlohmann::json::array();
  const auto add_policies = [&](const std::vector<config::PolicyUse>& uses) {
    for (const config::PolicyUse& use : uses) {
      told["policies"].push_back(
          {{"name", use.name},
           {"place", use.location.file.text() + ":" + std::to_string(use.location.line)}});
    }
  };
  switch (result.outcome) {
    case routing::MatchOutcome::kNoRoute: told["outcome"] = "no_route"; break;
    case routing::MatchOutcome::kMethodNotAllowed: {
      told["outcome"] = "method_not_allowed";
      told["allow"] = join(table.allowed_methods(view));
      break;
    }
    case routing::MatchOutcome::kMatched: {
      const config::Route& route = config->routes[result.route];
      told["outcome"] = "matched";
      told["route"] = route.name;
      told["upstream"] = route.upstream;
      const routing::PathRewrite rewrite(route.rewrite.path, route.rewrite.strip_prefix);
      const auto sent = rewrite.apply(*path, routing::PathParameters(rules[result.route]), arena);
      told["target_path"] = sent ? std::string(*sent) : std::string();
      add_policies(config->policies);
      add_policies(route.policies);
      for (const config::Upstream& upstream : config->upstreams) {
        if (upstream.name != route.upstream) continue;
        for (const config::Target& target : upstream.targets) told["targets"].push_back(target.address);
      }
      break;
    }
  }
  for (const routing::Judgement& judgement : routing::judge(rules, result, view)) {
    if (judgement.verdict == routing::Verdict::kChosen) continue;
    told["others"].push_back({{"route", config->routes[judgement.route].name},
                              {"verdict", name_of(judgement.verdict)},
                              {"reason", judgement.reason}});
  }
  if (format == OutputFormat::kJson) {
    std::printf("%s\n", told.dump(2).c_str());
  } else {
    print_text(told);
  }
  return result.outcome == routing::MatchOutcome::kMatched ? 0 : 1;
}

}  // namespace portcullis::cli
