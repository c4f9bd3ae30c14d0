#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>
#include <utility>

#include "base/json_text.h"
#include "cli/applied_files.h"
#include "cli/commands.h"
#include "cli/plan_report.h"
#include "cli/server.h"

namespace portcullis::cli {
namespace {

using nlohmann::json;

struct ApplySettings {
  std::string file, message;
  PlanChoice plan;
  bool only_plan = false;
  bool exit_code = false;  // of `plan`
  AdminChoice admin;
  bool json = false;
};

int print_applied(const ApplySettings& settings, const AppliedFiles& files, const ServerAnswer& answer) {
  const auto summary = answer.member<std::string>("summary", "");
  const std::string revision = std::to_string(answer.member<uint64_t>("revision", answer.revision));
  if (settings.json) {
    json skipped = json::array();
    for (const auto& [key, place] : files.skipped()) skipped.push_back(key);
    print_json({{"changed", !summary.empty()},
                {"revision", answer.member<uint64_t>("revision", answer.revision)},
                {"summary", summary},
                {"skipped", std::move(skipped)}});
  } else if (summary.empty()) {
    std::printf("nothing to do: revision %s is in force\n", revision.c_str());
  } else {
    std::printf("revision %s: %s\n", revision.c_str(), summary.c_str());
  }
  return kGood;
}

// Reads the objects of the files. Nothing after a mistake, which has been printed; `exit_code` is then set.
std::optional<AppliedFiles> read_objects(const std::string& command, const ApplySettings& settings,
                                         int& exit_code) {
  const OutputFormat format = format_of(settings.json);
  Failure failure;
  auto files = AppliedFiles::read(settings.file, failure);
  if (files && !files->keep_objects()) {
    failure = {kWrong, settings.file + " has mistakes"};
    files.reset();
  }
  if (files) {
    files->print_skipped();
  } else {
    exit_code = fail(command, failure, format);
  }
  return files;
}

int plan(const std::string& command, const ApplySettings& settings) {
  int exit_code = kGood;
  const auto files = read_objects(command, settings, exit_code);
  if (!files) return exit_code;
  Failure failure;
  auto server = Server::find(settings.admin, failure);
  if (!server) return fail(command, failure, format_of(settings.json));
  const auto found = print_plan(command, *server, *files, settings.plan, format_of(settings.json), exit_code);
  if (!found) return exit_code;
  if (found->errors > 0) return kWrong;
  return settings.exit_code && found->differences > 0 ? kDifferent : kGood;
}

int apply(const ApplySettings& settings) {
  const OutputFormat format = format_of(settings.json);
  if (const std::string why = refuse_message(settings.message); !why.empty())
    return usage_error("apply", why);
  if (settings.only_plan) return plan("apply", settings);
  int exit_code = kGood;
  const auto files = read_objects("apply", settings, exit_code);
  if (!files) return exit_code;
  Failure failure;
  auto server = Server::find(settings.admin, failure);
  if (!server) return fail("apply", failure, format);
  const auto answer = server->ask({.method = "PUT",
                                   .path = settings.plan.prune ? "/v1/config" : "/v1/config?prune=false",
                                   .body = json_text(files->document()),
                                   .message = settings.message},
                                  failure);
  if (!answer) return fail("apply", failure, format);
  if (!answer->good()) return print_refusal("apply", *answer, format, &*files);
  return print_applied(settings, *files, *answer);
}

Option prune_option(bool& prune) {
  return {.names = "--prune",
          .summary = "Remove objects of the API that the files do not have",
          .target = &prune};
}

constexpr const char* kFilesSummary =
    "The files: a file, a folder, which is read as the gateway reads one, or `-` for standard input";

}  // namespace

Command apply_command() {
  auto settings = std::make_shared<ApplySettings>();
  std::vector<Option> options{file_option(settings->file, kFilesSummary),
                              prune_option(settings->plan.prune),
                              message_option(settings->message),
                              {.names = "--plan",
                               .summary = "Change nothing: print what would change",
                               .target = &settings->only_plan}};
  for (Option& one : server_options(settings->admin)) options.push_back(std::move(one));
  options.push_back(json_option(settings->json));
  return {
      .name = "apply",
      .summary = "Bring the objects of files into force in a running gateway",
      .description =
          "All objects of the files become one revision, or none of them does. Objects that the files do not "
          "have stay as they are, unless --prune is given. Objects that are equal to those in force change "
          "nothing, so that the same files can be applied again. Mistakes are printed with file, line and "
          "column, as `check` prints them.\n\n"
          "Settings of the node (`admin`, `store`, `access_log`, ...) belong into the node's own file: they "
          "are left out, and a note says so. `${NAME}` and `${file:PATH}` are not replaced: they are sent as "
          "they are written, and the gateway replaces those that its setting `store.references` lists and "
          "refuses others.",
      .options = std::move(options),
      .environment = admin_variables(),
      .exits = {{kGood, "the objects are in force, or --plan has found no mistake"},
                {kWrong, "the files have mistakes, or do not fit what is in force; nothing has changed"},
                {kCouldNot, "the gateway could not be asked, or the token may not do this"}},
      .examples = {{"portcullis apply -f objects/ --plan --server http://127.0.0.1:9080",
                    "What a folder would change"},
                   {"portcullis apply -f objects/ --message 'more targets' --server http://127.0.0.1:9080",
                    "A folder of files"},
                   {"portcullis apply -f objects/ --prune --server http://127.0.0.1:9080",
                    "The API has these objects and no others"}},
      .run = [settings] { return apply(*settings); }};
}

Command plan_command() {
  auto settings = std::make_shared<ApplySettings>();
  std::vector<Option> options{file_option(settings->file, kFilesSummary),
                              prune_option(settings->plan.prune),
                              {.names = "--exit-code",
                               .summary = "End with 2 when something would change",
                               .target = &settings->exit_code}};
  for (Option& one : server_options(settings->admin)) options.push_back(std::move(one));
  options.push_back(json_option(settings->json));
  return {
      .name = "plan",
      .summary = "Print what files would change in a running gateway, and what is wrong with them",
      .description =
          "The gateway checks the objects of the files together with those that are in force, and changes "
          "nothing. The command prints mistakes with file, line and column, then the objects that would be "
          "added (`+`), changed (`~`) or removed (`-`), then how recorded requests would be answered "
          "differently. It is the same as `apply --plan`.",
      .options = std::move(options),
      .environment = admin_variables(),
      .exits = {{kGood, "there is no mistake"},
                {kWrong, "the files have mistakes, or do not fit what is in force"},
                {kDifferent, "with --exit-code: there is no mistake, and something would change"},
                {kCouldNot, "the gateway could not be asked"}},
      .examples = {{"portcullis plan -f objects/ --server http://127.0.0.1:9080", "A folder of files"},
                   {"portcullis plan -f objects/ --json --server http://127.0.0.1:9080", "For programs"}},
      .run = [settings] { return plan("plan", *settings); }};
}

}  // namespace portcullis::cli
