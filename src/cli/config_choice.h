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

// Which configuration a command is for. All commands that take one take it in the same ways: as the operand
// CONFIG or by --config, else from the variable PORTCULLIS_CONFIG, else the default place when it exists.
struct ConfigChoice {
  static constexpr const char* kVariable = "PORTCULLIS_CONFIG";
  static constexpr const char* kDefaultPath = "/etc/portcullis/portcullis.yaml";

  std::string operand, option;

  bool named() const { return !operand.empty() || !option.empty(); }
  // The path of a file or folder that can be read. Nothing when none is named, two are, or it cannot be read;
  // `failure` then says which.
  std::optional<std::string> path(Failure& failure) const;
};

Operand config_operand(ConfigChoice& choice);
Option config_option(ConfigChoice& choice);
Meaning config_variable();

}  // namespace portcullis::cli
