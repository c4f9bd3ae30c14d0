#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>
#include <utility>

#include "cli/commands.h"
#include "cli/server.h"
#include "config/yaml_writer.h"

namespace portcullis::cli {
namespace {

using nlohmann::json;

struct CanarySettings {
  std::string action;  // empty: show it
  std::string message;
  AdminChoice admin;
  bool json = false;
};

int show_canary(const ServerAnswer& answer, OutputFormat format) {
  const bool exists = answer.good();
  if (format == OutputFormat::kJson) {
    print_json({{"canary", exists ? answer.document : json()}});
  } else {
    std::printf("%s", exists ? config::yaml_of_json(answer.document).c_str() : "there is no canary\n");
  }
  return kGood;
}

int canary(const CanarySettings& settings) {
  const OutputFormat format = format_of(settings.json);
  if (const std::string why = refuse_message(settings.message); !why.empty())
    return usage_error("canary", why);
  Failure failure;
  auto server = Server::find(settings.admin, failure);
  if (!server) return fail("canary", failure, format);
  ServerCall call{.path = "/v1/canary"};
  if (!settings.action.empty())
    call = {.method = "POST", .path = "/v1/canary/" + settings.action, .message = settings.message};
  const auto answer = server->ask(call, failure);
  if (!answer) return fail("canary", failure, format);
  constexpr long kNotFound = 404;
  if (settings.action.empty() && (answer->good() || answer->status == kNotFound))
    return show_canary(*answer, format);
  if (!answer->good()) return print_refusal("canary", *answer, format);
  if (settings.json) {
    print_json({{"canary", answer->document}});
  } else {
    std::printf("the canary is %s: revision %s is in force\n",
                settings.action == "promote" ? "promoted" : "withdrawn",
                std::to_string(answer->revision).c_str());
  }
  return kGood;
}

}  // namespace

Command canary_command() {
  auto settings = std::make_shared<CanarySettings>();
  std::vector<Option> options{message_option(settings->message)};
  for (Option& one : server_options(settings->admin)) options.push_back(std::move(one));
  options.push_back(json_option(settings->json));
  return {
      .name = "canary",
      .summary = "Show the revision that serves a share of the requests, promote it or withdraw it",
      .description =
          "Without an action, the command prints the canary with what it has served. `promote` puts it in "
          "force for all requests, and `withdraw` ends it.",
      .operands = {{.name = "ACTION",
                    .summary = "promote or withdraw",
                    .target = &settings->action,
                    .choices = {"promote", "withdraw"}}},
      .options = std::move(options),
      .environment = admin_variables(),
      .exits = {{kGood, "it is done, or the canary was printed; there may be none"},
                {kWrong, "another change is under way"},
                {kCouldNot,
                 "there is no canary to promote or to withdraw, the gateway could not be asked, "
                 "or the token may not do this"}},
      .examples = {{"portcullis canary --server http://127.0.0.1:9080", "The canary, if there is one"},
                   {"portcullis canary --json --server http://127.0.0.1:9080", "For programs"}},
      .run = [settings] { return canary(*settings); }};
}

}  // namespace portcullis::cli
