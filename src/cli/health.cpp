#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>

#include "cli/admin_client.h"
#include "cli/commands.h"

namespace portcullis::cli {
namespace {

// Container engines ask every few seconds, and take a missing answer for a failure.
constexpr Milliseconds kHealthTimeout{2'000};

struct HealthSettings {
  AdminChoice admin;
  bool live = false;
  bool json = false;
};

int health(const HealthSettings& settings) {
  const OutputFormat format = format_of(settings.json);
  Failure failure;
  auto gateway = AdminClient::find(settings.admin, failure);
  if (!gateway) return fail("health", failure, format);
  const std::string path = settings.live ? "/healthz" : "/readyz";
  const client::HttpResponse response = gateway->ask("GET", path, kHealthTimeout);
  if (!response.error.empty())
    return fail("health", cannot_ask(gateway->base() + ": " + response.error), format);
  const std::string state = response.body.substr(0, response.body.find_first_of("\r\n"));
  // A gateway that is not ready answers 503; other statuses come from another program.
  if (response.status != 200 && response.status != 503)
    return fail(
        "health",
        cannot_ask(gateway->base() + path + " answers " + std::to_string(response.status) + ": " + state),
        format);
  const bool good = response.status == 200;
  if (settings.json) {
    print_json({{"good", good}, {"state", state}});
  } else {
    std::fprintf(good ? stdout : stderr, "%s\n", state.c_str());
  }
  return good ? kGood : kCouldNot;
}

}  // namespace

Command health_command() {
  auto settings = std::make_shared<HealthSettings>();
  std::vector<Option> options = admin_options(settings->admin);
  options.push_back({.names = "--live",
                     .summary = "Ask whether the process runs (`/healthz`), even if it is not ready",
                     .target = &settings->live});
  options.push_back(json_option(settings->json));
  return {.name = "health",
          .summary = "Ask a running gateway whether it is ready to serve",
          .description =
              "The command asks the gateway on its admin listener (`/readyz`), which must answer within two "
              "seconds. A gateway that drains is not ready. The command is meant for the health checks of "
              "containers and service managers, and needs no shell. It reads only `admin` of the "
              "configuration, so a mistake elsewhere in it does not change the answer.",
          .operands = {admin_operand(settings->admin)},
          .options = std::move(options),
          .environment = admin_variables(),
          .exits = {{kGood, "the gateway is ready, or with --live, runs"},
                    {kWrong, "the configuration names no admin listener"},
                    {kCouldNot, "the gateway is not ready, or could not be asked"}},
          .examples = {{"portcullis health gateway.yaml",
                        "The gateway whose admin listener the configuration names"},
                       {"portcullis health --admin 127.0.0.1:9080", "The gateway at this admin address"},
                       {"portcullis health --live --json --admin 127.0.0.1:9080",
                        "Whether the process runs, for programs"}},
          .run = [settings] { return health(*settings); }};
}

}  // namespace portcullis::cli
