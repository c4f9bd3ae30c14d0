#pragma once

#include <string>
#include <vector>

namespace portcullis::cli {

enum class OutputFormat { kText, kJson };

// The request asked about.
struct Question {
  std::string method;
  std::string url;                   // with scheme and host, or a path alone
  std::vector<std::string> headers;  // "Name: value"
  std::string client_address = "127.0.0.1";
};

// Tells which route a request would meet and why the others lost, what each policy would decide, who the
// consumer is and which limits would be charged; nothing is charged, and nobody else is asked. Returns the
// exit code: 0 when a route was found, 1 when none was, 2 for a configuration or URL that cannot be read.
int explain(const std::string& config_path, const Question& question, OutputFormat format);

}  // namespace portcullis::cli
