#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/output.h"

namespace portcullis::config {
class Diagnostics;
struct Config;
}  // namespace portcullis::config

namespace portcullis::cli {

// The configuration that a command uses. All commands find it in the same way: the operand CONFIG or
// --config, else the variable PORTCULLIS_CONFIG, else the default path if it exists.
struct ConfigChoice {
  static constexpr const char* kVariable = "PORTCULLIS_CONFIG";
  static constexpr const char* kDefaultPath = "/etc/portcullis/portcullis.yaml";

  std::string operand, option;

  bool named() const { return !operand.empty() || !option.empty(); }
  // The path of a readable file or folder. Empty when none is named, two are named, or it cannot be read;
  // `failure` then says why.
  std::optional<std::string> path(Failure& failure) const;
};

Operand config_operand(ConfigChoice& choice);
Option config_option(ConfigChoice& choice);
Meaning config_variable();

}  // namespace portcullis::cli
