#include <nlohmann/json.hpp>

#include <cstdio>

#include "cli/commands.h"
#include "cli/output.h"

namespace portcullis::cli {
namespace {

struct VersionSettings {
  bool json = false;
};

int print_version(const VersionSettings& settings) {
  if (settings.json) {
    print_json({{"name", "portcullis"}, {"version", PORTCULLIS_VERSION}});
  } else {
    std::puts("portcullis " PORTCULLIS_VERSION);
  }
  return kGood;
}

}  // namespace

Command version_command() {
  auto settings = std::make_shared<VersionSettings>();
  return {.name = "version",
          .summary = "Print the version",
          .description = "`portcullis --version` prints the same.",
          .options = {json_option(settings->json)},
          .exits = {{kGood, "the version was printed"}},
          .examples = {{"portcullis version", "For people"}, {"portcullis version --json", "For programs"}},
          .run = [settings] { return print_version(*settings); }};
}

}  // namespace portcullis::cli
