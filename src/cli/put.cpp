#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>
#include <utility>

#include "base/json_text.h"
#include "cli/applied_files.h"
#include "cli/commands.h"
#include "cli/kind_operand.h"
#include "cli/server.h"

namespace portcullis::cli {
namespace {

using nlohmann::json;

constexpr long kCreated = 201;

struct PutSettings {
  KindAndName object;
  std::string file, message;
  AdminChoice admin;
  bool json = false;
};

// Takes the name from the object where the command line has none. Returns why there is none.
std::string complete_name(KindAndName& object, const json& value) {
  if (object.kind()->is_single || !object.name.empty()) return "";
  const bool has = value.is_object() && value.contains("name") && value["name"].is_string();
  if (!has) return "`NAME` is missing, and the object has no `name`";
  object.name = value["name"].get<std::string>();
  return "";
}

int put(PutSettings settings) {
  const OutputFormat format = format_of(settings.json);
  std::string why = settings.object.refuse();
  if (why.empty()) why = refuse_message(settings.message);
  if (!why.empty()) return usage_error("put", why);
  Failure failure;
  const auto files = AppliedFiles::read(settings.file, failure);
  if (!files) return fail("put", failure, format);
  const json value = files->document();
  if (why = complete_name(settings.object, value); !why.empty()) return usage_error("put", why);
  auto server = Server::find(settings.admin, failure);
  if (!server) return fail("put", failure, format);
  const auto answer = server->ask({.method = "PUT",
                                   .path = settings.object.path(),
                                   .body = json_text(value),
                                   .message = settings.message},
                                  failure);
  if (!answer) return fail("put", failure, format);
  if (!answer->good()) return print_refusal("put", *answer, format, &*files);
  if (settings.json) {
    print_json({{"revision", answer->revision}, {"object", answer->document}});
  } else {
    std::printf("%s: %s, revision %s\n", settings.object.title().c_str(),
                answer->status == kCreated ? "created" : "in force",
                std::to_string(answer->revision).c_str());
  }
  return kGood;
}

}  // namespace

Command put_command() {
  auto settings = std::make_shared<PutSettings>();
  std::vector<Option> options{
      file_option(settings->file, "The object, as YAML or JSON; `-` is standard input"),
      message_option(settings->message)};
  for (Option& one : server_options(settings->admin)) options.push_back(std::move(one));
  options.push_back(json_option(settings->json));
  return {.name = "put",
          .summary = "Create or replace an object of a running gateway",
          .description =
              "The change is one revision, which is in force on all workers when the command ends. An object "
              "that is equal to the one in force changes nothing. `${NAME}` and `${file:PATH}` are sent as "
              "they are written: the gateway replaces those that its setting `store.references` lists, and "
              "refuses others. `***` keeps the secret that is stored.",
          .operands = settings->object.operands(),
          .options = std::move(options),
          .environment = admin_variables(),
          .exits = {{kGood, "the object is in force"},
                    {kWrong, "the object is wrong, or does not fit what is in force; nothing has changed"},
                    {kCouldNot, "the gateway could not be asked, or the token may not do this"}},
          .examples = {{"portcullis put routes -f hello.yaml --server http://127.0.0.1:9080",
                        "The name is the one in the file"},
                       {"portcullis put routes hello -f - --server http://127.0.0.1:9080 < hello.yaml",
                        "From standard input"}},
          .run = [settings] { return put(*settings); }};
}

}  // namespace portcullis::cli
