#pragma once

#include <string>
#include <string_view>

#include "config/yaml_text.h"

namespace portcullis::config {

// An error in a YAML text, as libyaml reports it.
struct YamlFault {
  std::string problem;  // "did not find expected ',' or ']'"
  std::string context;  // what was being parsed: "while parsing a flow sequence"; may be empty
  Location at;          // position of the error
  Location begun;       // where the parsed construct begins; undefined without a context
};

// Explains the error in words that say what to write, at the position of the likely cause.
Trap explain_yaml_fault(std::string_view text, const YamlFault& fault);

}  // namespace portcullis::config
