#include "control/explain.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

#include "base/json_text.h"
#include "base/read_file.h"
#include "base/text.h"
#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/config_choice.h"
#include "cli/plain_text.h"
#include "control/load_config.h"
#include "control/offline_gateway.h"
#include "control/say.h"
#include "http/message.h"

namespace portcullis::cli {
namespace {

using nlohmann::json;

constexpr Milliseconds kAnswerTimeout{60'000};

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void print_line(const std::string& text) {
  std::printf("%s\n", without_control_characters(text).c_str());
}

// The answer in one line: the response that the client would get, and which part of the gateway sends it.
std::string answer_line(const json& told) {
  const json& answer = told["answer"];
  const std::string verdict = text_of(answer, "verdict"), policy = text_of(answer, "policy");
  if (verdict == "not_known")
    return "not known: " + policy + " cannot decide here; ask the running gateway, by --running or --admin";
  if (text_of(answer, "by") == "upstream") {
    const std::string upstream = text_of(told, "upstream");
    return "served by " + (upstream.empty() ? "one of the branches, by weight" : "upstream " + upstream);
  }
  if (!answer.contains("status"))
    return "none: the TLS handshake fails, because " + text_of(answer, "detail");
  const auto status = answer["status"].get<uint16_t>();
  const std::string by = policy.empty()                     ? "the gateway"
                         : text_of(answer, "by") == "cache" ? "the cache"
                                                            : policy;
  std::string what = verdict == "no_route"  ? "no route matches it"
                     : verdict == "refused" ? "refused by " + by
                                            : "answered by " + by;
  if (verdict == "refused" && policy.empty() && text_of(told, "outcome") == "method_not_allowed")
    what = "no route for this path allows the method";
  return std::to_string(status) + " " + std::string(http::reason_phrase(status)) + ", " + what + " (" +
         text_of(answer, "reason") + ")";
}

// The outcome of a policy, with a leading ": ".
std::string outcome_of(const json& policy) {
  const std::string outcome = policy["outcome"];
  if (outcome == "continues") return ": continues";
  if (outcome == "not_reached") return ": not reached";
  if (outcome == "not_known") return ": not known";
  std::string out = ": " + outcome;
  if (policy.contains("status")) out += " with " + std::to_string(policy["status"].get<int>());
  if (policy.contains("reason")) out += " (" + policy["reason"].get<std::string>() + ")";
  return out;
}

// True for fields of a response head that differ from answer to answer without meaning, such as Date.
bool is_usual(const std::string& field) {
  static constexpr std::string_view kUsual[] = {"date:", "x-request-id:", "content-length:", "connection:"};
  return std::any_of(std::begin(kUsual), std::end(kUsual),
                     [&](std::string_view name) { return field.starts_with(name); });
}

void print_text(const json& told) {
  const json& answer = told["answer"];
  print_line("answer: " + answer_line(told));
  if (const std::string rule = text_of(answer, "error_rule"); !rule.empty())
    print_line("  by a rule of errors: " + rule);
  for (const json& field : answer.value("headers", json::array())) {
    if (!is_usual(field)) print_line("  " + field.get<std::string>());
  }
  if (const std::string body = text_of(answer, "body"); !body.empty())
    print_line("  " + body.substr(0, body.find_last_not_of('\n') + 1));
  const std::string host = text_of(told, "host"), listener = text_of(told, "listener");
  const std::string path = text_of(told, "path");
  print_line(told["method"].get<std::string>() + " " + (path.empty() ? text_of(told, "url") : path) +
             (host.empty() ? "" : " at " + host) + " from " + told["client"].get<std::string>() +
             (listener.empty() ? "" : ", to listener " + listener));
  for (const json& one : told["assumed"]) print_line("  assumed: " + one.get<std::string>());
  if (told.contains("route")) print_line("  route: " + told["route"].get<std::string>());
  if (told.contains("allow")) print_line("  allowed here: " + told["allow"].get<std::string>());
  for (const json& policy : told["policies"]) {
    const std::string set = text_of(policy, "policy_set");
    print_line("  policy: " + policy["name"].get<std::string>() + " (" +
               (set.empty() ? "" : "policy set " + set + ", ") + policy["place"].get<std::string>() + ")" +
               outcome_of(policy));
    for (const json& note : policy["notes"]) print_line("    " + note.get<std::string>());
  }
  for (const json& branch : told["branches"]) {
    char share[16];
    std::snprintf(share, sizeof share, "%.3g%%", branch["share"].get<double>() * 100);
    print_line("  branch: " + branch["name"].get<std::string>() + ", " + share + " to " +
               branch["upstream"].get<std::string>() +
               (branch["chosen"] ? ": chosen, " + branch["why"].get<std::string>() : ""));
  }
  if (told.contains("upstream")) {
    const std::string upstream = text_of(told, "upstream");
    print_line("  upstream: " + (upstream.empty() ? "one of these, by weight" : upstream));
    if (told["target_path"] != told["path"])
      print_line("    path: " + told["target_path"].get<std::string>());
    for (const json& target : told["targets"]) print_line("    target: " + target.get<std::string>());
  }
  for (const json& other : told["others"])
    print_line("  not " + other["route"].get<std::string>() + ": " + other["reason"].get<std::string>());
}

struct ExplainSettings {
  AdminChoice admin;  // used together with the configuration
  bool running = false;
  std::string method, url;
  std::vector<std::string> headers;
  std::string data;
  std::string curl_line;
  std::string client, listener, certificate;
  bool json = false;

  bool asks_gateway() const { return running || !admin.address.empty(); }
};

// The request that the command line describes. Empty when its curl command, or a file, cannot be read.
std::optional<control::Question> read_question(const ExplainSettings& settings, Failure& failure) {
  control::Question question{
      .method = settings.method, .url = settings.url, .headers = settings.headers, .body = settings.data};
  if (!settings.curl_line.empty()) {
    auto read = control::read_curl_line(settings.curl_line);
    if (!read) {
      failure = {kUsage, "--curl: " + read.error().message};
      return std::nullopt;
    }
    question = std::move(*read);
  }
  question.client = settings.client;
  question.listener = settings.listener;
  if (settings.certificate.empty()) return question;
  auto pem = read_file(settings.certificate);
  if (!pem) {
    failure = {kCouldNot, "cannot read the certificate: " + pem.error().message};
    return std::nullopt;
  }
  question.certificate = std::move(*pem);
  return question;
}

// The answer of the running gateway. Empty when the gateway cannot be asked, or refuses the question.
std::optional<json> ask_gateway(const ExplainSettings& settings, const control::Question& question,
                                Failure& failure) {
  auto gateway = AdminClient::find(settings.admin, failure);
  if (!gateway) return std::nullopt;
  json asked{{"method", question.method},          {"url", question.url},
             {"headers", question.headers},        {"body", question.body},
             {"client", question.client},          {"listener", question.listener},
             {"certificate", question.certificate}};
  if (!settings.curl_line.empty()) asked["curl"] = settings.curl_line;
  const std::string body = json_text(asked);
  const client::HttpResponse response = gateway->ask("POST", "/v1/explain", kAnswerTimeout, body);
  if (!response.error.empty()) {
    failure = cannot_ask(gateway->base() + ": " + response.error);
    return std::nullopt;
  }
  json told = json::parse(response.body, nullptr, false);
  if (response.status == 422 && told.is_object() && told.contains("detail")) {
    failure = {kUsage, text_of(told, "detail")};
    return std::nullopt;
  }
  if (response.status == 200 && told.is_object() && told.contains("answer")) return told;
  failure = cannot_ask(gateway->base() + " answers " + std::to_string(response.status) + ": " +
                       refusal_of(response));
  return std::nullopt;
}

// The answer of a gateway that has just started with this configuration.
std::optional<json> explain_offline(const ExplainSettings& settings, const control::Question& question,
                                    Failure& failure) {
  const auto path = settings.admin.config.path(failure);
  if (!path) return std::nullopt;
  config::Diagnostics diagnostics;
  const auto config = control::load_config(*path, diagnostics);
  control::print_diagnostics(diagnostics);
  if (!config) {
    failure = {kWrong, "the configuration " + *path + " is wrong"};
    return std::nullopt;
  }
  const auto say = [](Level level, const std::string& said) { portcullis::say(level, said); };
  auto gateway = control::OfflineGateway::start(*config, say);
  if (!gateway) {
    failure = {kCouldNot, gateway.error().message};
    return std::nullopt;
  }
  auto told = (*gateway)->explain(question);
  if (told) return std::move(*told);
  failure = {kUsage, told.error().message};
  return std::nullopt;
}

ExitCode exit_code_of(const json& told) {
  const std::string verdict = text_of(told["answer"], "verdict");
  if (verdict == "served") return kGood;
  if (verdict == "refused") return kRefused;
  return verdict == "no_route" ? kNoRoute : kCouldNot;
}

int explain(const ExplainSettings& settings) {
  const OutputFormat format = format_of(settings.json);
  Failure failure;
  const auto question = read_question(settings, failure);
  if (!question) return fail("explain", failure, format);
  const auto told = settings.asks_gateway() ? ask_gateway(settings, *question, failure)
                                            : explain_offline(settings, *question, failure);
  if (!told) return fail("explain", failure, format);
  if (settings.json) {
    print_json(*told);
  } else {
    print_text(*told);
  }
  return exit_code_of(*told);
}

}  // namespace

Command explain_command() {
  auto settings = std::make_shared<ExplainSettings>();
  std::vector<Option> options = admin_options(settings->admin);
  const std::vector<Option> own{
      {.names = "--running",
       .summary = "Ask the running gateway whose admin listener the configuration names; `--admin` asks a "
                  "running gateway too",
       .target = &settings->running},
      {.names = "-H,--header",
       .value = "FIELD",
       .summary = "A header field of the request, as `X-Version: 2`; may be repeated",
       .target = &settings->headers},
      {.names = "-d,--data", .value = "TEXT", .summary = "The request's body", .target = &settings->data},
      {.names = "--curl",
       .value = "LINE",
       .summary = "Instead of METHOD and URL: a curl command, in quotes as one word",
       .target = &settings->curl_line,
       .replaces_operands = true},
      {.names = "--client",
       .value = "ADDRESS",
       .summary = "The address that the request comes from; 127.0.0.1 is assumed when none is given",
       .target = &settings->client},
      {.names = "--certificate",
       .value = "FILE",
       .summary =
           "PEM file of the certificate that the client shows to the listener, with those that lead to "
           "its authority",
       .target = &settings->certificate,
       .words = Words::kFile},
      {.names = "--listener",
       .value = "NAME",
       .summary = "The listener that the request comes to; the default is the one that fits the URL",
       .target = &settings->listener},
      json_option(settings->json)};
  options.insert(options.end(), own.begin(), own.end());
  return {
      .name = "explain",
      .summary = "Tell what would happen to a request, and why",
      .description =
          "The output has first the response that the client would get, then the route, the decision of each "
          "policy, and why other routes do not take the request. No target is asked, and nothing is charged, "
          "stored or counted.\n\nWithout --running and --admin no gateway is asked: the answer is that of a "
          "gateway with this configuration that has just started, and is `not known` where another service "
          "decides. A running gateway answers from its present state: fetched keys, counters, caches. It "
          "asks the services that decide.",
      .operands = {config_operand(settings->admin.config),
                   {.name = "METHOD",
                    .summary = "The request's method, as GET",
                    .target = &settings->method,
                    .required = true},
                   {.name = "URL",
                    .summary = "`http://host/path`, or a path alone",
                    .target = &settings->url,
                    .required = true}},
      .options = std::move(options),
      .environment = admin_variables(),
      .exits = {{kGood, "the request would be served, by a target or by the gateway itself"},
                {kWrong, "the configuration has errors, or has no admin listener"},
                {kCouldNot, "the answer is not known here, or the gateway or a file cannot be asked or read"},
                {kRefused, "the request would be refused"},
                {kNoRoute, "no route would match the request"}},
      .examples =
          {{"portcullis explain gateway.yaml GET http://api.example.com/v1/orders/42", "A request"},
           {"portcullis explain -c gateway.yaml GET /v1/orders/42 -H 'X-API-Key: abc' --client 192.0.2.1",
            "A request with a header field, from another address"},
           {"portcullis explain gateway.yaml --running GET /v1/orders/42",
            "The same question to the gateway that runs with this configuration"},
           {"portcullis explain gateway.yaml --curl \"curl -X POST http://api.example.com/v1/orders\"",
            "A request as it was tried with curl"}},
      .run = [settings] { return explain(*settings); }};
}

}  // namespace portcullis::cli
