#include <nlohmann/json.hpp>

#include <cstdio>
#include <optional>
#include <string>

#include "cli/admin_client.h"
#include "cli/commands.h"

namespace portcullis::cli {
namespace {

constexpr Milliseconds kReloadTimeout{30'000};

struct ReloadSettings {
  AdminChoice admin;
  bool json = false;
};

// The lines that the nodes report; nothing when the answer has none.
std::optional<std::string> report_of(const client::HttpResponse& response) {
  const nlohmann::json told = nlohmann::json::parse(response.body, nullptr, false);
  if (!told.is_object() || !told.contains("nodes") || !told["nodes"].is_object()) return std::nullopt;
  std::string out;
  for (const auto& [id, its] : told["nodes"].items()) {
    if (its.is_object() && its.contains("report") && its["report"].is_string())
      out += its["report"].get_ref<const std::string&>();
  }
  return out.substr(0, out.find_last_not_of('\n') + 1);
}

int reload(const ReloadSettings& settings) {
  const OutputFormat format = format_of(settings.json);
  Failure failure;
  auto gateway = AdminClient::find(settings.admin, failure);
  if (!gateway) return fail("reload", failure, format);
  const client::HttpResponse response = gateway->ask("POST", "/v1/reload", kReloadTimeout);
  if (!response.error.empty())
    return fail("reload", cannot_ask(gateway->base() + ": " + response.error), format);
  const auto report = report_of(response);
  if (!report)
    return fail("reload",
                cannot_ask(gateway->base() + " answers " + std::to_string(response.status) + ": " +
                           refusal_of(response)),
                format);
  const bool good = response.status == 200;
  if (settings.json) {
    print_json({{"good", good}, {"report", *report}});
  } else {
    std::fprintf(good ? stdout : stderr, "%s\n", report->c_str());
  }
  return good ? kGood : kWrong;
}

}  // namespace

Command reload_command() {
  auto settings = std::make_shared<ReloadSettings>();
  std::vector<Option> options = admin_options(settings->admin);
  options.push_back(json_option(settings->json));
  return {.name = "reload",
          .summary = "Make a running gateway load its configuration again, and print the result",
          .description =
              "The command asks the gateway on its admin listener, and waits until the gateway serves the "
              "new configuration or has refused it. A refused configuration changes nothing. Without an "
              "admin listener, SIGHUP reloads too, and the gateway's log has the result.",
          .operands = {admin_operand(settings->admin)},
          .options = std::move(options),
          .environment = admin_variables(),
          .exits = {{kGood, "the gateway serves the new configuration"},
                    {kWrong, "the gateway has refused the new configuration"},
                    {kCouldNot, "the gateway could not be asked"}},
          .examples = {{"portcullis reload gateway.yaml",
                        "The gateway whose admin listener the configuration names"},
                       {"portcullis reload --admin 127.0.0.1:9080", "The gateway at this admin address"}},
          .run = [settings] { return reload(*settings); }};
}

}  // namespace portcullis::cli
