#include <nlohmann/json.hpp>

#include <cstdio>

#include "cli/commands.h"
#include "cli/config_choice.h"
#include "cli/plain_text.h"
#include "control/load_config.h"
#include "control/say.h"

namespace portcullis::cli {
namespace {

struct CheckSettings {
  ConfigChoice config;
  bool strict = false;
  bool json = false;
};

nlohmann::json to_json(const config::Diagnostic& one) {
  nlohmann::json out{{"severity", portcullis::name_of(one.severity)},
                     {"file", one.location.file.text()},
                     {"line", one.location.line()},
                     {"column", one.location.column},
                     {"message", one.message}};
  if (!one.check.empty()) out["check"] = one.check;
  return out;
}

int check(const CheckSettings& settings) {
  Failure failure;
  const auto path = settings.config.path(failure);
  if (!path) return fail("check", failure, format_of(settings.json));
  config::Diagnostics diagnostics;
  const auto config = control::load_config(*path, diagnostics);
  if (settings.strict) diagnostics.treat_warnings_as_errors();
  const bool good = !diagnostics.has_errors();
  if (settings.json) {
    nlohmann::json told{{"good", good}, {"diagnostics", nlohmann::json::array()}};
    for (const auto& one : diagnostics.sorted()) told["diagnostics"].push_back(to_json(one));
    print_json(told);
    return good ? kGood : kWrong;
  }
  control::print_diagnostics(diagnostics);
  if (!good) return kWrong;
  std::printf("%s: good: %s, %s, %s\n", path->c_str(), count_of(config->listeners.size(), "listener").c_str(),
              count_of(config->routes.size(), "route").c_str(),
              count_of(config->upstreams.size(), "upstream").c_str());
  return kGood;
}

}  // namespace

Command check_command() {
  auto settings = std::make_shared<CheckSettings>();
  return {
      .name = "check",
      .summary = "Find mistakes in a configuration",
      .description =
          "Each finding has its file, line and column. With an error, the gateway cannot serve. With a "
          "warning it can, but the configuration is probably a mistake; the name of the check is in brackets "
          "(docs/warnings.md). Files that the configuration names, such as certificates, are read too. No "
          "address is bound, and no connection is made (`portcullis doctor` does that).",
      .operands = {config_operand(settings->config)},
      .options = {config_option(settings->config),
                  {.names = "--strict", .summary = "Treat warnings as errors", .target = &settings->strict},
                  json_option(settings->json)},
      .environment = {config_variable()},
      .exits = {{kGood, "the configuration has no errors; there may be warnings"},
                {kWrong, "the configuration has errors, or with --strict warnings"},
                {kCouldNot, "the configuration cannot be read"}},
      .examples = {{"portcullis check gateway.yaml", "One file"},
                   {"portcullis check /etc/portcullis/conf.d", "A folder of files"},
                   {"portcullis check --strict gateway.yaml", "In a pipeline that fails on warnings"},
                   {"portcullis check --json gateway.yaml", "For programs"}},
      .run = [settings] { return check(*settings); }};
}

}  // namespace portcullis::cli
