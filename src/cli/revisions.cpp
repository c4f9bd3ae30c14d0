#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/server.h"
#include "cli/text_table.h"

namespace portcullis::cli {
namespace {

using nlohmann::json;

struct RevisionsSettings {
  std::string limit = "20";
  AdminChoice admin;
  bool json = false;
};

// Asks for the newest `count` revisions, page by page. Nothing after a failure, which has been printed.
std::optional<json> newest(Server& server, size_t count, OutputFormat format, int& exit_code) {
  json items = json::array();
  std::string after;
  while (items.size() < count) {
    const size_t limit = std::min<size_t>(count - items.size(), 1000);
    Failure failure;
    const auto answer = server.ask({.path = "/v1/revisions?limit=" + std::to_string(limit) + after}, failure);
    if (!answer || !answer->good() || !answer->document.contains("items")) {
      exit_code = !answer ? fail("revisions", failure, format) : print_refusal("revisions", *answer, format);
      return std::nullopt;
    }
    for (const json& one : answer->document["items"]) items.push_back(one);
    if (!answer->document.contains("next")) break;
    after = "&after=" + std::to_string(answer->document["next"].get<uint64_t>());
  }
  return items;
}

int revisions(const RevisionsSettings& settings) {
  const OutputFormat format = format_of(settings.json);
  const auto count = parse_decimal(settings.limit);
  if (!count || *count == 0) return usage_error("revisions", "`--limit` is a number from 1 on");
  Failure failure;
  auto server = Server::find(settings.admin, failure);
  if (!server) return fail("revisions", failure, format);
  int exit_code = kGood;
  const auto items = newest(*server, *count, format, exit_code);
  if (!items) return exit_code;
  if (settings.json) {
    print_json({{"items", *items}});
  } else {
    print_table(*items, {"number", "time", "author", "summary", "message", "tags"});
  }
  return kGood;
}

struct RollbackSettings {
  std::string number, message;
  AdminChoice admin;
  bool json = false;
};

int rollback(const RollbackSettings& settings) {
  const OutputFormat format = format_of(settings.json);
  if (!parse_decimal(settings.number)) return usage_error("rollback", "`N` is the number of a revision");
  if (const std::string why = refuse_message(settings.message); !why.empty())
    return usage_error("rollback", why);
  Failure failure;
  auto server = Server::find(settings.admin, failure);
  if (!server) return fail("rollback", failure, format);
  const auto answer = server->ask({.method = "POST",
                                   .path = "/v1/revisions/" + settings.number + "/restore",
                                   .message = settings.message},
                                  failure);
  if (!answer) return fail("rollback", failure, format);
  if (!answer->good()) return print_refusal("rollback", *answer, format);
  if (settings.json) {
    print_json(answer->document);
    return kGood;
  }
  const auto summary = answer->member<std::string>("summary", "");
  const std::string revision = std::to_string(answer->member<uint64_t>("revision", answer->revision));
  if (summary.empty()) {
    std::printf("nothing to do: revision %s has the objects of revision %s\n", revision.c_str(),
                settings.number.c_str());
  } else {
    std::printf("revision %s: %s\n", revision.c_str(), summary.c_str());
  }
  return kGood;
}

}  // namespace

Command revisions_command() {
  auto settings = std::make_shared<RevisionsSettings>();
  std::vector<Option> options{{.names = "-n,--limit",
                               .value = "COUNT",
                               .summary = "How many revisions; the default is 20",
                               .target = &settings->limit}};
  for (Option& one : server_options(settings->admin)) options.push_back(std::move(one));
  options.push_back(json_option(settings->json));
  return {.name = "revisions",
          .summary = "List the revisions of a running gateway, the newest first",
          .description = "Each revision has its number, time, author, what it has changed, and why.",
          .options = std::move(options),
          .environment = admin_variables(),
          .exits = {{kGood, "the revisions were printed"}, {kCouldNot, "the gateway could not be asked"}},
          .examples = {{"portcullis revisions --server http://127.0.0.1:9080", "The last twenty"},
                       {"portcullis revisions -n 1 --json --server http://127.0.0.1:9080",
                        "The newest one, for programs"}},
          .run = [settings] { return revisions(*settings); }};
}

Command rollback_command() {
  auto settings = std::make_shared<RollbackSettings>();
  std::vector<Option> options{message_option(settings->message)};
  for (Option& one : server_options(settings->admin)) options.push_back(std::move(one));
  options.push_back(json_option(settings->json));
  return {
      .name = "rollback",
      .summary = "Bring the objects of an earlier revision into force again",
      .description =
          "The objects of the API become those of that revision; this is a new revision. Objects of files "
          "stay as they are. `portcullis revisions` lists the numbers, and `portcullis diff` says how "
          "two of them differ.",
      .operands = {{.name = "N",
                    .summary = "The number of the revision",
                    .target = &settings->number,
                    .required = true}},
      .options = std::move(options),
      .environment = admin_variables(),
      .exits = {{kGood, "the objects are in force"},
                {kWrong, "the objects do not fit the files of the gateway any more; nothing has changed"},
                {kCouldNot,
                 "there is no such revision, the gateway could not be asked, or the token may "
                 "not do this"}},
      .examples = {{"portcullis rollback 1 --message 'too many errors' --server http://127.0.0.1:9080",
                    "Back to revision 1"}},
      .run = [settings] { return rollback(*settings); }};
}

}  // namespace portcullis::cli
