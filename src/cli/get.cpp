#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include "cli/commands.h"
#include "cli/kind_operand.h"
#include "cli/objects_in_files.h"
#include "cli/server.h"
#include "config/yaml_writer.h"
#include "control/revisions/object_diff.h"
#include "http/query.h"

namespace portcullis::cli {
namespace {

using nlohmann::json;

struct GetSettings {
  KindAndName object;
  std::string config;
  AdminChoice admin;
  bool json = false;
};

void print_document(const json& document, OutputFormat format) {
  if (format == OutputFormat::kJson) {
    print_json(document);
  } else {
    std::printf("%s", config::yaml_of_json(document).c_str());
  }
}

// Prints an object. YAML has no `_origin`, so that it can be put into a file; a comment has it.
void print_object(json object, OutputFormat format) {
  if (format == OutputFormat::kText && object.is_object() && object.contains("_origin")) {
    const json& origin = object["_origin"];
    if (origin.contains("revision")) {
      std::printf("# of the API, since revision %s\n",
                  std::to_string(origin["revision"].get<uint64_t>()).c_str());
    } else if (origin.contains("file") && origin.contains("line")) {
      std::printf("# in the gateway's file %s:%s\n", origin["file"].get<std::string>().c_str(),
                  std::to_string(origin["line"].get<uint64_t>()).c_str());
    }
    object.erase("_origin");
  }
  print_document(object, format);
}

int get_from_files(const GetSettings& settings) {
  const OutputFormat format = format_of(settings.json);
  Failure failure;
  auto objects = objects_in_files(settings.config, failure);
  if (!objects) return fail("get", failure, format);
  const config::ObjectKind& kind = *settings.object.kind();
  std::erase_if(*objects, [&](const auto& one) {
    return one->kind != &kind || (!settings.object.name.empty() && one->name != settings.object.name);
  });
  if (settings.object.name.empty()) {
    json document = document_of(*objects);
    const std::string key(kind.key);
    if (!document.contains(key)) document[key] = json::array();
    print_document(kind.is_single ? document[key] : document, format);
    return kGood;
  }
  if (objects->empty())
    return fail("get", {kCouldNot, settings.config + " has no " + settings.object.title()}, format);
  print_object(control::shown(*objects->front()), format);
  return kGood;
}

// Asks for all pages of a kind.
int get_list(Server& server, const config::ObjectKind& kind, OutputFormat format) {
  Failure failure;
  json items = json::array();
  std::string after;
  for (;;) {
    const auto answer = server.ask({.path = "/v1/" + kind.word() + "?limit=1000" + after}, failure);
    if (!answer) return fail("get", failure, format);
    if (!answer->good() || !answer->document.contains("items")) return print_refusal("get", *answer, format);
    for (const json& one : answer->document["items"]) {
      items.push_back(one);
      if (format == OutputFormat::kText && one.is_object()) items.back().erase("_origin");
    }
    if (!answer->document.contains("next")) break;
    after = "&after=" + http::percent_encode(answer->document["next"].get<std::string>());
  }
  print_document({{std::string(kind.key), std::move(items)}}, format);
  return kGood;
}

int get(const GetSettings& settings) {
  const OutputFormat format = format_of(settings.json);
  if (const std::string why = settings.object.refuse(); !why.empty()) return usage_error("get", why);
  if (!settings.config.empty() && !settings.admin.address.empty())
    return usage_error("get", "`--config` and `--server` exclude each other");
  if (!settings.config.empty()) return get_from_files(settings);
  Failure failure;
  auto server = Server::find(settings.admin, failure);
  if (!server) return fail("get", failure, format);
  const config::ObjectKind& kind = *settings.object.kind();
  if (!kind.is_single && settings.object.name.empty()) return get_list(*server, kind, format);
  const auto answer = server->ask({.path = settings.object.path()}, failure);
  if (!answer) return fail("get", failure, format);
  if (!answer->good()) return print_refusal("get", *answer, format);
  print_object(answer->document, format);
  return kGood;
}

}  // namespace

Command get_command() {
  auto settings = std::make_shared<GetSettings>();
  std::vector<Option> options = server_options(settings->admin);
  options.insert(options.begin(), objects_file_option(settings->config));
  options.push_back(json_option(settings->json));
  return {
      .name = "get",
      .summary = "Print an object, or all objects of a kind",
      .description =
          "The objects are those of a running gateway, which the command asks on its admin listener, or "
          "with --config those of files. They are printed as YAML, with `***` in the place of each secret. "
          "What is printed can be sent back with `put` or `apply`: `***` then keeps the secret that is "
          "stored.",
      .operands = settings->object.operands(),
      .options = std::move(options),
      .environment = admin_variables(),
      .exits = {{kGood, "the objects were printed"},
                {kWrong, "the configuration that --config names has mistakes"},
                {kCouldNot, "there is no such object, or the gateway could not be asked"}},
      .examples = {{"portcullis get routes --server http://127.0.0.1:9080", "All routes"},
                   {"portcullis get upstreams orders --json --server http://127.0.0.1:9080",
                    "One upstream, for programs"},
                   {"portcullis get routes orders -c gateway.yaml", "A route of a file"}},
      .run = [settings] { return get(*settings); }};
}

}  // namespace portcullis::cli
