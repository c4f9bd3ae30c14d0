#include "cli/config_choice.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace portcullis::cli {

std::optional<std::string> ConfigChoice::path(Failure& failure) const {
  std::string path = operand.empty() ? option : operand;
  if (!operand.empty() && !option.empty()) {
    failure = {kUsage, "two configurations are named: `" + operand + "` and, by --config, `" + option + "`"};
    return std::nullopt;
  }
  if (const char* variable = std::getenv(kVariable); path.empty() && variable != nullptr) path = variable;
  // The package hides the folder from other users. For them the file counts as present, and reading it fails
  // below.
  if (path.empty() && (::access(kDefaultPath, F_OK) == 0 || errno == EACCES)) path = kDefaultPath;
  if (path.empty()) {
    failure = {kUsage, "name a configuration, as CONFIG, by --config or by the variable " +
                           std::string(kVariable) + " (" + kDefaultPath + " does not exist)"};
    return std::nullopt;
  }
  // Uses access() instead of opening the file, which may be a pipe whose writer expects a single reader.
  if (::access(path.c_str(), R_OK) != 0) {
    failure = {kCouldNot, "cannot read the configuration " + path + ": " + std::strerror(errno)};
    return std::nullopt;
  }
  return path;
}

Operand config_operand(ConfigChoice& choice) {
  return {.name = "CONFIG",
          .summary = "The configuration: a file, or a folder of *.yaml, *.yml and *.json files",
          .target = &choice.operand,
          .words = Words::kFile};
}

Option config_option(ConfigChoice& choice) {
  return {.names = "-c,--config",
          .value = "CONFIG",
          .summary = "The same as the operand CONFIG",
          .target = &choice.option,
          .words = Words::kFile};
}

Meaning config_variable() {
  return {ConfigChoice::kVariable, "the configuration, when the command line names none; without it, " +
                                       std::string(ConfigChoice::kDefaultPath) + " when that exists"};
}

}  // namespace portcullis::cli
