#include <nlohmann/json.hpp>

#include <cstdio>
#include <map>
#include <memory>
#include <utility>

#include "base/text.h"
#include "cli/applied_files.h"
#include "cli/commands.h"
#include "cli/objects_in_files.h"
#include "cli/plan_report.h"
#include "cli/server.h"
#include "control/revisions/object_diff.h"

namespace portcullis::cli {
namespace {

using nlohmann::json;

struct DiffSettings {
  std::string before, after;  // two revisions, or two files or folders
  std::string file;           // or files, which are compared with what is in force
  PlanChoice plan;
  AdminChoice admin;
  bool json = false;
};

using Pair = std::pair<const config::Object*, const config::Object*>;

// The objects that differ, by kind and name; one of a pair may be null.
std::vector<Pair> differing(const std::vector<config::ObjectPointer>& before,
                            const std::vector<config::ObjectPointer>& after) {
  std::map<control::ObjectId, Pair> all;
  for (const auto& one : before) all[control::id_of(*one)].first = one.get();
  for (const auto& one : after) all[control::id_of(*one)].second = one.get();
  std::vector<Pair> out;
  for (const auto& [id, pair] : all) {
    const bool both = pair.first != nullptr && pair.second != nullptr;
    if (!both || pair.first->json != pair.second->json) out.push_back(pair);
  }
  return out;
}

int diff_files(const DiffSettings& settings) {
  const OutputFormat format = format_of(settings.json);
  Failure failure;
  const auto before = objects_in_files(settings.before, failure);
  if (!before) return fail("diff", failure, format);
  const auto after = objects_in_files(settings.after, failure);
  if (!after) return fail("diff", failure, format);
  const std::vector<Pair> pairs = differing(*before, *after);
  json objects = json::array();
  for (const auto& [old_one, new_one] : pairs) {
    if (settings.json) {
      objects.push_back(control::describe_difference(old_one, new_one));
      continue;
    }
    const std::string text = control::text_of_difference(old_one, new_one);
    if (text.empty()) {
      std::printf("%s: another secret\n", config::title_of(*old_one->kind, old_one->name).c_str());
    } else {
      std::printf("%s", text.c_str());
    }
  }
  if (settings.json) print_json({{"objects", std::move(objects)}});
  return pairs.empty() ? kGood : kDifferent;
}

int diff_revisions(const DiffSettings& settings, Server& server) {
  const OutputFormat format = format_of(settings.json);
  const std::string path = "/v1/revisions/" + settings.before + "/diff/" + settings.after;
  Failure failure;
  const auto answer = server.ask({.path = path}, failure);
  if (!answer) return fail("diff", failure, format);
  if (!answer->good()) return print_refusal("diff", *answer, format);
  const json objects = answer->member<json>("objects", json::array());
  if (settings.json) {
    print_json(answer->document);
    return objects.empty() ? kGood : kDifferent;
  }
  const auto text = server.ask({.path = path, .accept = "text/x-diff"}, failure);
  if (!text) return fail("diff", failure, format);
  if (!text->good()) return print_refusal("diff", *text, format);
  std::printf("%s", text->text.c_str());
  if (text->text.empty() && !objects.empty()) std::printf("the revisions differ only in secrets\n");
  return objects.empty() ? kGood : kDifferent;
}

int diff_with_server(const DiffSettings& settings, Server& server) {
  const OutputFormat format = format_of(settings.json);
  Failure failure;
  auto files = AppliedFiles::read(settings.file, failure);
  if (!files) return fail("diff", failure, format);
  if (!files->keep_objects()) return fail("diff", {kWrong, settings.file + " has mistakes"}, format);
  int exit_code = kGood;
  const auto found = print_plan("diff", server, *files, settings.plan, format, exit_code);
  if (!found) return exit_code;
  return found->errors > 0 ? kWrong : found->differences > 0 ? kDifferent : kGood;
}

int diff(const DiffSettings& settings) {
  if (settings.file.empty() == settings.before.empty())
    return usage_error("diff",
                       "name two files, two revisions, or with --file what to compare with the gateway");
  if (settings.file.empty() && settings.after.empty()) return usage_error("diff", "`B` is missing");
  const bool revisions = parse_decimal(settings.before) && parse_decimal(settings.after);
  if (settings.file.empty() && !revisions) {
    if (!settings.admin.address.empty())
      return usage_error("diff", "two files are compared without `--server`");
    return diff_files(settings);
  }
  Failure failure;
  auto server = Server::find(settings.admin, failure);
  if (!server) return fail("diff", failure, format_of(settings.json));
  return settings.file.empty() ? diff_revisions(settings, *server) : diff_with_server(settings, *server);
}

}  // namespace

Command diff_command() {
  auto settings = std::make_shared<DiffSettings>();
  Option file = file_option(settings->file,
                            "Compare these files with what is in force: a file, a folder, or `-` for "
                            "standard input");
  file.required = false;
  std::vector<Option> options{std::move(file),
                              {.names = "--prune",
                               .summary = "With --file: objects of the API that the files do not have are "
                                          "differences, too",
                               .target = &settings->plan.prune}};
  for (Option& one : server_options(settings->admin)) options.push_back(std::move(one));
  options.push_back(json_option(settings->json));
  return {
      .name = "diff",
      .summary = "Compare objects: of two files, of two revisions, or of files and a running gateway",
      .description =
          "Two files or folders are compared without a gateway, with their variables replaced. They may "
          "lack what is no object, and `listeners`. Two numbers are revisions of a running gateway. Secrets "
          "are shown as `***`. The output is a unified diff of the objects as YAML; with --file it is the "
          "one of `plan`.",
      .operands = {{.name = "A",
                    .summary = "A file, a folder, or the number of a revision",
                    .target = &settings->before,
                    .words = Words::kFile},
                   {.name = "B",
                    .summary = "The same, to which A is compared",
                    .target = &settings->after,
                    .words = Words::kFile}},
      .options = std::move(options),
      .environment = admin_variables(),
      .exits = {{kGood, "there is no difference"},
                {kWrong, "a file has mistakes"},
                {kDifferent, "there are differences"},
                {kCouldNot, "a file cannot be read, or the gateway could not be asked"}},
      .examples = {{"portcullis diff gateway.yaml conf.d", "A file and a folder"},
                   {"portcullis diff 1 1 --server http://127.0.0.1:9080", "Two revisions"},
                   {"portcullis diff -f gateway.yaml --server http://127.0.0.1:9080",
                    "A file, and what a gateway has in force"}},
      .run = [settings] { return diff(*settings); }};
}

}  // namespace portcullis::cli
