#include "cli/output.h"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstdio>

#include "base/json_text.h"
#include "cli/plain_text.h"

namespace portcullis::cli {

Option json_option(bool& json) {
  return {.names = "--json", .summary = "Print one JSON document, for programs", .target = &json};
}

void print_json(const nlohmann::json& document) {
  std::printf("%s\n", json_text(document, 2).c_str());
}

Failure failure_of(const std::system_error& problem) {
  const bool of_descriptors = problem.code().value() == EMFILE;
  return {kCouldNot, problem.what() + std::string(of_descriptors ? "; see `ulimit -n`" : "")};
}

int usage_error(const std::string& command, const std::string& why) {
  std::fprintf(stderr, "portcullis%s%s: %s\nTry `portcullis help%s%s`.\n", command.empty() ? "" : " ",
               command.c_str(), without_control_characters(why).c_str(), command.empty() ? "" : " ",
               command.c_str());
  return kUsage;
}

int fail(const std::string& command, const Failure& failure, OutputFormat format) {
  if (failure.code == kUsage) return usage_error(command, failure.why);
  std::fprintf(stderr, "portcullis: %s\n", without_control_characters(failure.why).c_str());
  if (format == OutputFormat::kJson) print_json({{"error", failure.why}});
  return failure.code;
}

}  // namespace portcullis::cli
