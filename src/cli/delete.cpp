#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>
#include <utility>

#include "cli/commands.h"
#include "cli/kind_operand.h"
#include "cli/server.h"

namespace portcullis::cli {
namespace {

struct DeleteSettings {
  KindAndName object;
  std::string message;
  AdminChoice admin;
  bool json = false;
};

int delete_object(const DeleteSettings& settings) {
  const OutputFormat format = format_of(settings.json);
  if (settings.object.kind()->is_single)
    return usage_error("delete", "`" + settings.object.word + "` cannot be deleted: `put` an empty list");
  if (const std::string why = refuse_message(settings.message); !why.empty())
    return usage_error("delete", why);
  Failure failure;
  auto server = Server::find(settings.admin, failure);
  if (!server) return fail("delete", failure, format);
  const auto answer =
      server->ask({.method = "DELETE", .path = settings.object.path(), .message = settings.message}, failure);
  if (!answer) return fail("delete", failure, format);
  if (!answer->good()) return print_refusal("delete", *answer, format);
  if (settings.json) {
    print_json({{"revision", answer->revision}});
  } else {
    std::printf("%s: deleted, revision %s\n", settings.object.title().c_str(),
                std::to_string(answer->revision).c_str());
  }
  return kGood;
}

}  // namespace

Command delete_command() {
  auto settings = std::make_shared<DeleteSettings>();
  std::vector<Operand> operands = settings->object.operands();
  operands.back().required = true;
  std::vector<Option> options{message_option(settings->message)};
  for (Option& one : server_options(settings->admin)) options.push_back(std::move(one));
  options.push_back(json_option(settings->json));
  return {.name = "delete",
          .summary = "Delete an object of a running gateway",
          .description =
              "An object to which others refer is not deleted, and neither is an object that is in a "
              "file of the gateway.",
          .operands = std::move(operands),
          .options = std::move(options),
          .environment = admin_variables(),
          .exits = {{kGood, "the object is deleted"},
                    {kWrong, "other objects refer to it, or it is in a file; nothing has changed"},
                    {kCouldNot,
                     "there is no such object, the gateway could not be asked, or the token may "
                     "not do this"}},
          .examples = {{"portcullis delete routes old --message 'no more calls' "
                        "--server http://127.0.0.1:9080",
                        "One route"}},
          .run = [settings] { return delete_object(*settings); }};
}

}  // namespace portcullis::cli
