#pragma once

#include <string>
#include <string_view>

#include "config/yaml_text.h"

namespace portcullis::config {

// A mistake in a YAML text as libyaml tells it.
struct YamlFault {
  std::string problem;  // "did not find expected ',' or ']'"
  std::string context;  // what was being read: "while parsing a flow sequence"; may be empty
  Location at;          // where the problem was noticed
  Location begun;       // where what was being read begins; means nothing without a context
};

// The same in words that say what to write, at the place of the likely cause.
Trap explain_yaml_fault(std::string_view text, const YamlFault& fault);

}  // namespace portcullis::config
