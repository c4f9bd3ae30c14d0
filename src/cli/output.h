#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <system_error>

#include "cli/command.h"

namespace portcullis::cli {

enum class OutputFormat { kText, kJson };

// The option --json; it sets `json`.
Option json_option(bool& json);
inline OutputFormat format_of(bool json) {
  return json ? OutputFormat::kJson : OutputFormat::kText;
}

// Prints one JSON document to standard output.
void print_json(const nlohmann::json& document);

// Why a command has failed, and its exit code.
struct Failure {
  ExitCode code = kCouldNot;
  std::string why;
};

// A resource that the system does not provide: a descriptor, a thread, an event loop.
Failure failure_of(const std::system_error& problem);

// Prints an error about the command line, and how to get help, to standard error. Returns kUsage. `command`
// is the command's name; empty when the program itself was called wrongly.
int usage_error(const std::string& command, const std::string& why);

// Prints the failure to standard error and, with JSON output, also as `{"error": why}` to standard output
// unless the command line is wrong. Returns the exit code.
int fail(const std::string& command, const Failure& failure, OutputFormat format);

}  // namespace portcullis::cli
