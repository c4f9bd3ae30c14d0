#include "control/explain.h"

#include <nlohmann/json.hpp>

#include <cstdio>

#include "cli/commands.h"
#include "cli/config_choice.h"
#include "control/say.h"
#include "control/snapshot.h"

namespace portcullis::cli {
namespace {

// ": what it decides", for people.
std::string outcome_of(const nlohmann::json& policy) {
  const std::string outcome = policy["outcome"];
  if (outcome == "continues") return "";
  if (outcome == "not_reached") return ": not reached";
  std::string out = ": " + outcome;
  if (policy.contains("status")) out += " with " + std::to_string(policy["status"].get<int>());
  if (policy.contains("reason")) out += " (" + policy["reason"].get<std::string>() + ")";
  return out;
}

void print_text(const nlohmann::json& told) {
  const auto line = [](const std::string& text) { std::printf("%s\n", text.c_str()); };
  const auto known = [&](const char* key) { return !told[key].get_ref<const std::string&>().empty(); };
  line(told["method"].get<std::string>() + " " + told["path"].get<std::string>() +
       (known("host") ? " at " + told["host"].get<std::string>() : ""));
  if (told.contains("listener")) line("  listener: " + told["listener"].get<std::string>());
  if (told["outcome"] != "matched") {
    line("  answered by the gateway: " +
         std::string(told["outcome"] == "no_route" ? "404, no route" : "405"));
    if (told.contains("allow")) line("  Allow: " + told["allow"].get<std::string>());
  } else {
    line("  route: " + told["route"].get<std::string>());
    for (const auto& policy : told["policies"]) {
      line("  policy: " + policy["name"].get<std::string>() + " (" + policy["place"].get<std::string>() +
           ")" + outcome_of(policy));
      for (const auto& note : policy["notes"]) line("    " + note.get<std::string>());
    }
    for (const auto& branch : told["branches"]) {
      char share[16];
      std::snprintf(share, sizeof share, "%.3g%%", branch["share"].get<double>() * 100);
      line("  branch: " + branch["name"].get<std::string>() + ", " + share + " to " +
           branch["upstream"].get<std::string>() +
           (branch["chosen"] ? ": chosen, " + branch["why"].get<std::string>() : ""));
    }
    line("  upstream: " + (known("upstream")          ? told["upstream"].get<std::string>()
                           : told["branches"].empty() ? "none, a policy answers"
                                                      : "one of these, by weight"));
    if (told["target_path"] != told["path"] && known("upstream"))
      line("    path: " + told["target_path"].get<std::string>());
    for (const auto& target : told["targets"]) line("    target: " + target.get<std::string>());
  }
  for (const auto& other : told["others"]) {
    line("  not " + other["route"].get<std::string>() + ": " + other["reason"].get<std::string>());
  }
}

struct ExplainSettings {
  ConfigChoice config;
  std::string method, url;
  std::vector<std::string> headers;
  std::string curl_line;
  std::string client_address = "127.0.0.1";
  std::string listener;
  bool json = false;
};

// The request that the command line describes. Nothing when its curl command cannot be read.
std::optional<control::Question> read_question(const ExplainSettings& settings, Failure& failure) {
  if (settings.curl_line.empty())
    return control::Question{settings.method, settings.url, settings.headers, settings.client_address,
                             settings.listener};
  auto read = control::read_curl_line(settings.curl_line);
  if (!read) {
    failure = {kUsage, "--curl: " + read.error().message};
    return std::nullopt;
  }
  read->client_address = settings.client_address;
  read->listener = settings.listener;
  return std::move(*read);
}

int explain(const ExplainSettings& settings) {
  const OutputFormat format = format_of(settings.json);
  Failure failure;
  const auto question = read_question(settings, failure);
  const auto path = question ? settings.config.path(failure) : std::nullopt;
  if (!path) return fail("explain", failure, format);
  config::Diagnostics diagnostics;
  const auto config = control::load_config(*path, diagnostics);
  control::print_diagnostics(diagnostics);
  if (!config) return fail("explain", {kWrong, "the configuration " + *path + " is wrong"}, format);
  const auto say = [](Level level, const std::string& said) { portcullis::say(level, said); };
  const auto told = control::explain(*config, *question, say);
  if (!told) return fail("explain", {kUsage, told.error().message}, format);
  if (settings.json) {
    print_json(*told);
  } else {
    print_text(*told);
  }
  return (*told)["outcome"] == "matched" ? kGood : kWrong;
}

}  // namespace

Command explain_command() {
  auto settings = std::make_shared<ExplainSettings>();
  return {
      .name = "explain",
      .summary = "Tell which route and policies a request would meet, and why",
      .description =
          "Nothing is sent and no limit is charged. Each policy says what it would decide, and each other "
          "route why it was not taken.",
      .operands = {config_operand(settings->config),
                   {.name = "METHOD",
                    .summary = "The request's method, as GET",
                    .target = &settings->method,
                    .required = true},
                   {.name = "URL",
                    .summary = "`http://host/path`, or a path alone",
                    .target = &settings->url,
                    .required = true}},
      .options =
          {config_option(settings->config),
           {.names = "-H,--header",
            .value = "FIELD",
            .summary = "A header field of the request, as `X-Version: 2`; may be repeated",
            .target = &settings->headers},
           {.names = "--curl",
            .value = "LINE",
            .summary = "Instead of METHOD and URL: a curl command, in quotes as one word",
            .target = &settings->curl_line,
            .replaces_operands = true},
           {.names = "--client",
            .value = "ADDRESS",
            .summary = "The client's address; 127.0.0.1 when none is given",
            .target = &settings->client_address},
           {.names = "--listener",
            .value = "NAME",
            .summary =
                "The listener that the request comes by, by name or address; the first when none is given",
            .target = &settings->listener},
           json_option(settings->json)},
      .environment = {config_variable()},
      .exits = {{kGood, "a route takes the request"},
                {kWrong, "no route takes the request, or the configuration is wrong"},
                {kCouldNot, "the configuration cannot be read"}},
      .examples =
          {{"portcullis explain gateway.yaml GET http://api.example.com/v1/orders/42", "A request"},
           {"portcullis explain -c gateway.yaml GET /v1/orders/42 -H 'X-API-Key: abc' --client 192.0.2.1",
            "A request with a header field, from another address"},
           {"portcullis explain gateway.yaml --curl \"curl -X POST http://api.example.com/v1/orders\"",
            "A request as it was tried with curl"}},
      .run = [settings] { return explain(*settings); }};
}

}  // namespace portcullis::cli
