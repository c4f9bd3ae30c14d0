#include <nlohmann/json.hpp>

#include <memory>
#include <utility>

#include "cli/commands.h"
#include "cli/server.h"
#include "cli/text_table.h"

namespace portcullis::cli {
namespace {

struct NodesSettings {
  AdminChoice admin;
  bool json = false;
};

int nodes(const NodesSettings& settings) {
  const OutputFormat format = format_of(settings.json);
  Failure failure;
  auto server = Server::find(settings.admin, failure);
  if (!server) return fail("nodes", failure, format);
  const auto answer = server->ask({.path = "/v1/nodes"}, failure);
  if (!answer) return fail("nodes", failure, format);
  if (!answer->good() || !answer->document.contains("items")) return print_refusal("nodes", *answer, format);
  if (settings.json) {
    print_json(answer->document);
  } else {
    print_table(answer->document["items"],
                {"id", "state", "revision", "since", "version", "store_reachable", "last_error"});
  }
  return kGood;
}

}  // namespace

Command nodes_command() {
  auto settings = std::make_shared<NodesSettings>();
  std::vector<Option> options = server_options(settings->admin);
  options.push_back(json_option(settings->json));
  return {.name = "nodes",
          .summary = "List the nodes, and the revision that each of them serves",
          .description = "Without a cluster, the list has the gateway that is asked, and no other.",
          .options = std::move(options),
          .environment = admin_variables(),
          .exits = {{kGood, "the nodes were printed"}, {kCouldNot, "the gateway could not be asked"}},
          .examples = {{"portcullis nodes --server http://127.0.0.1:9080", "As a table"},
                       {"portcullis nodes --json --server http://127.0.0.1:9080", "For programs"}},
          .run = [settings] { return nodes(*settings); }};
}

}  // namespace portcullis::cli
