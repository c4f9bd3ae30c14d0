#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <system_error>

#include "cli/command.h"

namespace portcullis::cli {

enum class OutputFormat { kText, kJson };

// The option that asks for JSON; its target says so.
Option json_option(bool& json);
inline OutputFormat format_of(bool json) {
  return json ? OutputFormat::kJson : OutputFormat::kText;
}

// Prints one JSON document on standard output.
void print_json(const nlohmann::json& document);

// Why a command has not done its work, and what its process ends with.
struct Failure {
  ExitCode code = kCouldNot;
  std::string why;
};

// Something that the system does not give the process: a descriptor, a thread, an event loop.
Failure failure_of(const std::system_error& problem);

// Says on standard error what is wrong with the command line, and where help is. kUsage. `command`: its name;
// empty when the program itself was called wrongly.
int usage_error(const std::string& command, const std::string& why);

// Says the failure on standard error; unless the command line is wrong, in JSON as `{"error": why}` on
// standard output too. Its exit code.
int fail(const std::string& command, const Failure& failure, OutputFormat format);

}  // namespace portcullis::cli
