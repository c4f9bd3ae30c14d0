#include <nlohmann/json.hpp>

#include <cstdio>

#include "cli/commands.h"
#include "cli/config_choice.h"
#include "control/say.h"
#include "control/snapshot.h"

namespace portcullis::cli {
namespace {

struct CheckSettings {
  ConfigChoice config;
  bool json = false;
};

nlohmann::json to_json(const config::Diagnostic& one) {
  return {{"severity", one.severity == config::Severity::kError ? "error" : "warning"},
          {"file", one.location.file.text()},
          {"line", one.location.line},
          {"column", one.location.column},
          {"message", one.message}};
}

int check(const CheckSettings& settings) {
  Failure failure;
  const auto path = settings.config.path(failure);
  if (!path) return fail("check", failure, format_of(settings.json));
  config::Diagnostics diagnostics;
  const auto config = control::load_config(*path, diagnostics);
  if (config) control::report_unreachable_routes(*config, diagnostics);
  if (settings.json) {
    nlohmann::json told{{"good", config.has_value()}, {"diagnostics", nlohmann::json::array()}};
    for (const auto& one : diagnostics.sorted()) told["diagnostics"].push_back(to_json(one));
    print_json(told);
    return config ? kGood : kWrong;
  }
  control::print_diagnostics(diagnostics);
  if (!config) return kWrong;
  std::printf("%s: good: %zu listeners, %zu routes, %zu upstreams\n", path->c_str(), config->listeners.size(),
              config->routes.size(), config->upstreams.size());
  return kGood;
}

}  // namespace

Command check_command() {
  auto settings = std::make_shared<CheckSettings>();
  return {.name = "check",
          .summary = "Report everything wrong with a configuration",
          .description =
              "Each finding names its file, line and column. Files that the configuration names, such as "
              "certificates, are read too; nothing is bound or connected to (`portcullis doctor` does that).",
          .operands = {config_operand(settings->config)},
          .options = {config_option(settings->config), json_option(settings->json)},
          .environment = {config_variable()},
          .exits = {{kGood, "the configuration is good; there may be warnings"},
                    {kWrong, "the configuration is wrong"},
                    {kCouldNot, "the configuration cannot be read"}},
          .examples = {{"portcullis check gateway.yaml", "One file"},
                       {"portcullis check /etc/portcullis/conf.d", "A folder of files"},
                       {"portcullis check --json gateway.yaml", "For programs"}},
          .run = [settings] { return check(*settings); }};
}

}  // namespace portcullis::cli
