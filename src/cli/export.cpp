#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>
#include <utility>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/kind_operand.h"
#include "cli/objects_in_files.h"
#include "cli/server.h"
#include "config/yaml_writer.h"

namespace portcullis::cli {
namespace {

struct ExportSettings {
  std::string config, revision;
  AdminChoice admin;
  bool json = false;
};

int export_files(const ExportSettings& settings) {
  Failure failure;
  const auto objects = objects_in_files(settings.config, failure);
  if (!objects) return fail("export", failure, format_of(settings.json));
  nlohmann::json document = document_of(*objects);
  document["version"] = 1;
  if (settings.json) {
    print_json(document);
  } else {
    std::printf("%s", config::yaml_of_json(document).c_str());
  }
  return kGood;
}

int export_objects(const ExportSettings& settings) {
  const OutputFormat format = format_of(settings.json);
  if (!settings.revision.empty() && !parse_decimal(settings.revision))
    return usage_error("export", "`--revision` is the number of a revision");
  if (!settings.config.empty()) {
    if (!settings.admin.address.empty() || !settings.revision.empty())
      return usage_error("export", "`--config` excludes `--server` and `--revision`");
    return export_files(settings);
  }
  Failure failure;
  auto server = Server::find(settings.admin, failure);
  if (!server) return fail("export", failure, format);
  std::string path = settings.json ? "/v1/config?format=json" : "/v1/config?format=yaml";
  if (!settings.revision.empty()) path += "&revision=" + settings.revision;
  const auto answer = server->ask({.path = path}, failure);
  if (!answer) return fail("export", failure, format);
  if (!answer->good()) return print_refusal("export", *answer, format);
  if (settings.json) {
    print_json(answer->document);
  } else {
    std::printf("%s", answer->text.c_str());
  }
  return kGood;
}

}  // namespace

Command export_command() {
  auto settings = std::make_shared<ExportSettings>();
  std::vector<Option> options{objects_file_option(settings->config),
                              {.names = "--revision",
                               .value = "N",
                               .summary = "The objects of this revision, and not of the one in force",
                               .target = &settings->revision}};
  for (Option& one : server_options(settings->admin)) options.push_back(std::move(one));
  options.push_back(json_option(settings->json));
  return {
      .name = "export",
      .summary = "Print all objects of a running gateway or of files, as one YAML document",
      .description =
          "The document has the objects of the API and those of files, with `***` in the place of each "
          "secret. `apply` takes it back: `***` then keeps the secret that is stored.",
      .options = std::move(options),
      .environment = admin_variables(),
      .exits = {{kGood, "the objects were printed"},
                {kWrong, "the configuration that --config names has mistakes"},
                {kCouldNot, "there is no such revision, or the gateway could not be asked"}},
      .examples = {{"portcullis export --server http://127.0.0.1:9080 > objects.yaml", "What is in force"},
                   {"portcullis export --revision 1 --server http://127.0.0.1:9080", "An earlier revision"},
                   {"portcullis export -c gateway.yaml --json", "The objects of a file, as JSON"}},
      .run = [settings] { return export_objects(*settings); }};
}

}  // namespace portcullis::cli
