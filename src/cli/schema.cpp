#include <nlohmann/json.hpp>

#include <cstdio>

#include "cli/commands.h"
#include "cli/output.h"
#include "config/json_schema.h"
#include "config/reference.h"
#include "control/admin/openapi.h"
#include "control/reason_page.h"
#include "policy/registry.h"

namespace portcullis::cli {
namespace {

struct SchemaSettings {
  std::string format = "json";
  bool json = false;
  bool reasons = false;
  bool api = false;
};

std::string page_of(const SchemaSettings& settings) {
  if (settings.api) return control::api_page(control::admin_calls());
  return settings.reasons ? control::reasons_page() : config::reference_page(policy::catalog());
}

int print_schema(const SchemaSettings& settings) {
  if (settings.api && settings.reasons)
    return usage_error("schema", "`--api` and `--reasons` exclude each other");
  if (settings.format == "markdown") {
    if (settings.json) return usage_error("schema", "`--json` and `--format markdown` exclude each other");
    std::fputs(page_of(settings).c_str(), stdout);
    return kGood;
  }
  if (settings.api) {
    print_json(control::openapi_document(control::admin_calls()));
    return kGood;
  }
  print_json(settings.reasons ? control::reasons_as_json() : config::json_schema(policy::catalog()));
  return kGood;
}

}  // namespace

Command schema_command() {
  auto settings = std::make_shared<SchemaSettings>();
  Option json = json_option(settings->json);
  json.summary = "The same as --format json";
  return {
      .name = "schema",
      .summary =
          "Print the JSON Schema or reference of the configuration, how requests end, or the admin API",
      .description =
          "The output is a JSON Schema, with which editors complete and check a configuration, or the "
          "reference for people. With --reasons it is the names that `ended` in the access log can have, "
          "and what each means. With --api it is the admin API, as an OpenAPI 3.1 document or as a page.",
      .options = {{.names = "--format",
                   .value = "FORMAT",
                   .summary = "json (the default) for a JSON Schema, markdown for the reference page",
                   .target = &settings->format,
                   .choices = {"json", "markdown"}},
                  {.names = "--reasons",
                   .summary = "Describe the reasons for which requests end, not the configuration",
                   .target = &settings->reasons},
                  {.names = "--api",
                   .summary = "Describe the calls of the admin API, not the configuration",
                   .target = &settings->api},
                  std::move(json)},
      .exits = {{kGood, "the description was printed"}},
      .examples = {{"portcullis schema", "A JSON Schema, for editors"},
                   {"portcullis schema --format markdown", "Every key with its meaning, for people"},
                   {"portcullis schema --reasons", "What `ended` in the access log can be, with its meaning"},
                   {"portcullis schema --api", "The admin API, as an OpenAPI document"}},
      .run = [settings] { return print_schema(*settings); }};
}

}  // namespace portcullis::cli
